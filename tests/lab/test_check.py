"""`mailwright check` names what is wrong in DNS, exactly that, and nothing else.

Every record of an inventory that has all kinds is removed, changed and doubled in turn; the list
comes from the record model, so no new kind of record can be forgotten.
"""

import ipaddress
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.query
import pytest
from click.testing import CliRunner

from lab.lab import Lab
from lab.network import entered
from lab.zones import Edit
from mailwright.check import dnsbl
from mailwright.cli import cli
from mailwright.dns.record import Record
from mailwright.dns.records import records
from mailwright.inventory.load import load
from tests import inventories
from tests.lab.deploys import CHECKDMARC
from tests.lab.names import FIRST, RESOLVER, Names

HOSTS = """\
mail = [
    ("mail.example.com",
     {"debian": 12, "ipv4": "198.51.100.10", "ipv6": "2001:db8::10", "dane": True}),
]
"""

MAIL = """\
postmaster = "alice@example.com"
caa = ["letsencrypt.org"]
[domains."example.com"]
dkim = ["rsa", "ed25519"]
dmarc_rua = ["postmaster@example.com", "reports@elsewhere.example"]
mta_sts = "enforce"
no_mail = ["www.example.com"]
[domains."parked.example"]
parked = true
[mailboxes."alice@example.com"]
password = "{BLF-CRYPT}$2y$08$VvkQ.WbHGHeEprpEvodAfe3OEGDlwlv2xuKKCo8rakkmgK25LBRJy"
"""

ORIGINS = ("example.com", "parked.example", "elsewhere.example")
REVERSE = ("100.51.198.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa")


class World:
    """The names that an inventory emits, and what the checker says of them."""

    def __init__(self, path: Path) -> None:
        self.folder = path / "inventory"
        self.folder.mkdir()
        (self.folder / "hosts.py").write_text(HOSTS)
        (self.folder / "mail.toml").write_text(MAIL)
        for host in inventories.make_keys(self.folder).hosts:
            inventories.self_signed(self.folder / host.tls_chain_file, host.name)
        inventories.certify_web(self.folder)
        self.records = list(records(load(self.folder)))
        zones = {f"{origin}.": "" for origin in (*ORIGINS, *REVERSE)}
        zones["example.com."] = "".join(map(lines, self.records))
        (path / "names").mkdir()
        self.names = Names(path / "names", zones)

    def check(self, resolver: str = RESOLVER, *options: str) -> list[tuple[str, str]]:
        """Subject and severity of each finding."""
        with entered(self.names.namespace):
            argv = ["check", str(self.folder), "--dns", "--json", "--resolver", resolver]
            argv += options
            done = CliRunner().invoke(cli, argv)
        assert done.exit_code in (0, 1, 3), done.output
        found = json.loads(done.stdout)["findings"]
        levels = {each["severity"] for each in found}
        assert done.exit_code == (1 if "error" in levels else 3 if "unasked" in levels else 0)
        print([(each["id"], each["what"]) for each in found])  # what a failed test shows
        return [(each["subject"], each["severity"]) for each in found]

    def subjects(self) -> set[str]:
        return {subject for subject, _ in self.check()}

    def one(self, id_: str) -> Record:
        return next(record for record in self.records if record.id.startswith(id_))


def lines(record: Record, *data: str) -> str:
    """The record, or others at its place, as lines of a master file."""
    values = data or record.data
    return "".join(f"{record.name} {record.ttl} IN {record.type} {v}\n" for v in values)


OTHER = {
    "A": "203.0.113.9",
    "AAAA": "2001:db8:9::9",
    "PTR": "other.elsewhere.example.",
    "CNAME": "other.elsewhere.example.",
    "MX": "5 other.elsewhere.example.",
    "SRV": "0 1 9999 other.elsewhere.example.",
    "CAA": '0 issue "other.example"',
    "TLSA": f"3 1 1 {'ab' * 32}",
}
OTHER_TEXT = {
    "spf": '"v=spf1 ip4:203.0.113.0/24 ?all"',
    "dkim": '"v=DKIM1; k=rsa; p=AAAA"',
    "dmarc": '"v=DMARC1; p=none"',
    "dmarc-report": '"v=DMARC1; rua=mailto:someone@elsewhere.example"',
    "mta-sts": '"v=STSv1; id=another"',
    "tls-rpt": '"v=TLSRPTv1; rua=mailto:someone@elsewhere.example"',
}


def other(record: Record) -> str:
    """Data of the same kind that means something else."""
    return OTHER_TEXT[record.purpose] if record.type == "TXT" else OTHER[record.type]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    try:
        world.names.start()
        yield world
    finally:
        world.names.stop()


def test_what_is_published_as_emitted_is_right(world: World) -> None:
    assert world.check() == []


def test_knot_accepts_the_zones_as_it_has_signed_them(world: World) -> None:
    for origin in (f"{name}." for name in (*ORIGINS, *REVERSE)):
        with entered(world.names.namespace):
            transfer = dns.query.xfr(FIRST, origin, relativize=False)
            rrsets = [str(rrset) for message in transfer for rrset in message.answer][:-1]
        assert is_accepted(world, origin, rrsets)
        signature = next(text for text in rrsets if " RRSIG SOA " in text)
        assert not is_accepted(world, origin, [text for text in rrsets if text != signature])


def is_accepted(world: World, origin: str, rrsets: list[str]) -> bool:
    """Whether kzonecheck(1) finds nothing in the zone, DNSSEC included."""
    file = world.folder.parent / "signed"
    file.write_text("".join(f"{text}\n" for text in rrsets))
    argv = ["kzonecheck", "--dnssec", "on", "--origin", origin, str(file)]
    return not subprocess.run(argv, capture_output=True, check=False).returncode


def test_every_record_that_is_removed_is_named(world: World) -> None:
    for record in world.records:
        with world.names.changed(removed=lines(record)):
            assert world.subjects() == {record.id}, record


def test_every_record_that_is_changed_is_named(world: World) -> None:
    for record in world.records:
        with world.names.changed(lines(record), lines(record, other(record))):
            assert world.subjects() == {record.id}, record


def test_every_record_that_is_doubled_is_named(world: World) -> None:
    for record in world.records:
        if record.type != "CNAME":  # of which there can be only one
            with world.names.changed(added=lines(record, other(record))):
                assert world.subjects() == {record.id}, record


GOOD, NOTED, BAD = "good", "good, and worth a word", "bad"
CASES: list[tuple[str, str, list[str] | None, list[str] | str, str]] = [
    ("an unrelated TXT", "spf example.com", [], ['"hello"'], GOOD),
    ("two SPF records", "spf example.com", [], ['"v=spf1 -all"'], BAD),
    ("SPF in other case", "spf example.com", None, ['"V=SPF1 MX -ALL"'], GOOD),
    ("SPF by address", "spf example.com", None,
     ['"v=spf1 ip4:198.51.100.10 ip6:2001:db8::10 -all"'], GOOD),
    ("SPF without IPv6", "spf example.com", None, ['"v=spf1 ip4:198.51.100.10 -all"'], BAD),
    ("SPF for everybody", "spf example.com", None, ['"v=spf1 +all"'], BAD),
    ("SPF that only doubts", "spf example.com", None, ['"v=spf1 mx ~all"'], BAD),
    ("SPF with a typing error", "spf example.com", None, ['"v=spf1 mx -al"'], BAD),
    ("SPF in two strings", "spf example.com", None, ['"v=spf1 " "mx -all"'], GOOD),
    ("SPF split within a word", "spf example.com", None, ['"v=spf1 m" "x -all"'], GOOD),
    ("SPF split without its space", "spf example.com", None, ['"v=spf1" "mx -all"'], BAD),
    ("SPF that includes itself", "spf example.com", None,
     ['"v=spf1 include:example.com -all"'], BAD),
    ("a backup MX", "mx example.com", [], ["20 backup.elsewhere.example."], NOTED),
    ("another MX first", "mx example.com", [], ["5 first.elsewhere.example."], NOTED),
    ("MX in other case", "mx example.com", None, ["10 MAIL.Example.COM."], GOOD),
    ("MX with another preference", "mx example.com", None, ["0 mail.example.com."], GOOD),
    ("MX beside a null MX", "mx example.com", [], ["0 ."], BAD),
    ("a null MX beside an MX", "mx parked.example", [], ["10 mail.example.com."], BAD),
    ("DKIM in other strings", "dkim", None, "split", GOOD),
    ("DKIM with other tags", "dkim", None, "more", GOOD),
    ("DKIM without v", "dkim", None, "bare", GOOD),
    ("DKIM revoked", "dkim", None, ['"v=DKIM1; k=rsa; p="'], BAD),
    ("DKIM for sha1 only", "dkim", None, "sha1", BAD),
    ("DKIM not for mail", "dkim", None, "other", BAD),
    ("DKIM in test mode", "dkim", None, "test", NOTED),
    ("two DKIM keys", "dkim", [], ['"v=DKIM1; p=AAAA"'], BAD),
    ("two DMARC records", "dmarc _dmarc.example.com", [], ['"v=DMARC1; p=none"'], BAD),
    ("SPF in _dmarc", "dmarc _dmarc.example.com", [], ['"v=spf1 -all"'], NOTED),
    ("only SPF in _dmarc", "dmarc _dmarc.example.com", None, ['"v=spf1 -all"'], BAD),
    ("DMARC in other order", "dmarc _dmarc.example.com", None,
     ['"v=DMARC1;rua=mailto:reports@elsewhere.example,mailto:postmaster@example.com;'
      'adkim=r ; aspf=s ; p=Quarantine"'], GOOD),
    ("DMARC with unknown tags", "dmarc _dmarc.example.com", None,
     ['"v=DMARC1; p=quarantine; aspf=s; pct=100; x=y; '
      'rua=mailto:postmaster@example.com,mailto:reports@elsewhere.example"'], GOOD),
    ("DMARC with v second", "dmarc _dmarc.example.com", None, ['"p=quarantine; v=DMARC1"'], BAD),
    ("DMARC in small letters", "dmarc _dmarc.example.com", None, ['"v=dmarc1; p=quarantine"'], BAD),
    ("SRV with another weight", "srv _imaps._tcp.example.com", None,
     ["5 7 993 mail.example.com."], GOOD),
    ("a second address", "a mail.example.com", [], ["203.0.113.5"], BAD),
    ("a second PTR", "ptr 10.100.51.198", [], ["www.example.com."], NOTED),
    ("a TXT beside TLS-RPT", "tls-rpt _smtp._tls.example.com", [], ['"x"'], GOOD),
    ("TLS-RPT with a last semicolon", "tls-rpt _smtp._tls.example.com", None,
     ['"v=TLSRPTv1; rua=mailto:postmaster@example.com;"'], GOOD),
    ("a TXT beside MTA-STS", "mta-sts _mta-sts", [], ['"x"'], GOOD),
    ("the next TLSA", "tlsa", [], [f"3 1 1 {'cd' * 32}"], NOTED),
    ("TLSA in capitals", "tlsa", None, "upper", GOOD),
]  # fmt: skip


def variant(record: Record, how: str) -> list[str]:
    """The record, written in another way."""
    text = record.values[0]
    if how == "split":
        return [" ".join(f'"{text[i : i + 60]}"' for i in range(0, len(text), 60))]
    if how == "upper":
        return [f"3 1 1 {text.rpartition(' ')[2].upper()}"]
    tag = {"more": "n=made by hand;", "sha1": "h=sha1;", "other": "s=tlsrpt;", "test": "t=y;"}
    if how == "bare":
        text = text.removeprefix("v=DKIM1; ")
    text = text.replace("p=", f"{tag.get(how, '')} p=", 1)
    return [" ".join(f'"{text[i : i + 200]}"' for i in range(0, len(text), 200))]


@pytest.mark.parametrize(
    ("what", "id_", "kept", "data", "verdict"), CASES, ids=[c[0] for c in CASES]
)
def test_form_does_not_matter_and_meaning_does(
    world: World, what: str, id_: str, kept: list[str] | None, data: list[str] | str, verdict: str
) -> None:
    record = world.one(id_)
    values = variant(record, data) if isinstance(data, str) else data
    removed = "" if kept is not None else lines(record)
    with world.names.changed(removed, lines(record, *values)):
        found = world.check()
    is_bad = any(severity == "error" for _, severity in found)
    assert (BAD if is_bad else NOTED if found else GOOD) == verdict, found
    assert {subject for subject, _ in found} <= {record.id}


# Where checkdmarc is stricter than the RFCs: the case of "v=spf1" is free (RFC 7208 section 12),
# and what is no DMARC record is left out (RFC 9989 section 4.10).
STRICTER = {"SPF in other case", "SPF in _dmarc"}
# Valid, though it says what we do not mean.
VALID = {"SPF without IPv6", "SPF for everybody", "SPF that only doubts"}


def test_checkdmarc_agrees(world: World) -> None:
    """A second opinion on what is a valid record, which ours has to be."""
    for what, id_, kept, data, verdict in CASES:
        kind = id_.partition(" ")[0]
        if kind not in ("spf", "dmarc"):
            continue
        record = world.one(id_)
        removed = lines(record) if kept is None else ""
        with (
            world.names.changed(removed, lines(record, *data)),
            entered(world.names.namespace),
        ):
            argv = [str(CHECKDMARC), "example.com", "--nameserver", RESOLVER]
            done = subprocess.run(argv, capture_output=True, check=True)
        is_valid = json.loads(done.stdout)[kind]["valid"]
        assert is_valid == (what in VALID or (verdict != BAD and what not in STRICTER)), what


def test_an_alias_elsewhere_is_followed(world: World) -> None:
    record = world.one("dmarc _dmarc.example.com")
    there = record.name.replace("example.com.", "elsewhere.example.")
    moved = f"{there} 60 IN TXT {record.data[0]}\n{record.name} 60 IN CNAME {there}\n"
    with world.names.changed(lines(record), moved):
        assert world.check() == []


def test_addresses_do_as_well_as_an_alias_to_them(world: World) -> None:
    record = world.one("mta-sts-host")
    with world.names.changed(
        lines(record),
        f"{record.name} 60 IN A 198.51.100.10\n{record.name} 60 IN AAAA 2001:db8::10\n",
    ):
        assert world.check() == []


def test_a_name_between_that_does_not_exist_is_named(world: World) -> None:
    with world.names.denying("_domainkey.example.com."):
        assert world.subjects() == {r.id for r in world.records if r.id.startswith("dkim ")}


def test_a_zone_that_is_not_signed_is_named_where_dane_needs_it(world: World) -> None:
    others = [str(origin) for origin in world.names.origins if str(origin) != "example.com."]
    with world.names.resolver(*others) as address:
        assert world.check(address) == [("zone example.com", "error")]


def test_a_resolver_that_does_not_validate_is_named(world: World) -> None:
    with world.names.resolver() as address:
        assert world.check(address) == [(f"resolver {address}", "unasked")]


def test_a_policy_above_is_named_and_one_of_a_public_suffix_is_none(world: World) -> None:
    record = world.one("dmarc _dmarc.parked.example")
    above = '_dmarc.example. 60 IN TXT "v=DMARC1; p=none"\n'
    with world.names.changed(added=above):
        assert world.check() == [(record.id, "note")]
        with world.names.changed(removed=lines(record)):
            assert set(world.check()) == {(record.id, "warning"), (record.id, "note")}
    with world.names.changed(added=above.replace("p=none", "p=none; psd=y")):
        assert world.check() == []


def test_a_wildcard_s_policy_for_names_below_is_named(world: World) -> None:
    record = world.one("dmarc _dmarc.parked.example")
    policy = f'*.parked.example. 60 IN TXT "{record.values[0]}"\n'
    with world.names.changed(added=policy):
        assert world.check() == []
    with world.names.changed(added=policy.replace("p=reject", "p=none")):
        assert world.check() == [(record.id, "warning")]


def test_who_may_say_that_he_is_the_host_is_evaluated_for_itself(world: World) -> None:
    """Nobody's mail passes by this record but a bounce from whoever uses the host's name."""
    record = world.one("spf mail.example.com")
    lax = f"exists:%{{h}}.helo.{ORIGINS[0]}"
    there = f"mail.example.com.helo.{ORIGINS[0]}. 60 IN A 127.0.0.2\n"
    changed = lines(record, f'"v=spf1 a {lax} -all"')
    with world.names.changed(lines(record), changed + there):
        assert world.check() == [(record.id, "error")]


def test_what_only_the_resolver_remembers_is_a_note(world: World) -> None:
    record = world.one("dmarc _dmarc.parked.example")
    with world.names.changed(lines(record), lines(record, '"v=DMARC1; p=none"')):
        assert world.subjects() == {record.id}
        with world.names.changed(lines(record, '"v=DMARC1; p=none"'), lines(record), flush=False):
            assert world.check() == [(record.id, "note")]


def entries(listed: dict[str, str]) -> str:
    """What block lists have, as lines of a master file."""
    return "".join(f"{name}. 60 IN A {address}\n" for name, address in listed.items())


ALIVE = entries(
    {
        **{f"2.0.0.127.{each.zone}": "127.0.0.2" for each in dnsbl.LISTS if not each.listed},
        **{f"{each.listed}.{each.zone}": "127.0.1.2" for each in dnsbl.LISTS if each.listed},
    }
)


def test_a_block_list_is_believed_only_where_it_answers(world: World) -> None:
    asked = (RESOLVER, "--dnsbl")
    dead = {(f"dnsbl {each.zone}", "unasked") for each in dnsbl.LISTS}
    assert {*world.check(*asked)} == dead
    zen, dbl = "zen.spamhaus.org", "dbl.spamhaus.org"
    with world.names.changed(added=ALIVE):
        assert world.check(*asked) == []
        listed = {
            f"10.100.51.198.{zen}": "127.0.0.4",
            f"parked.example.{dbl}": "127.0.1.2",
            "10.100.51.198.bl.spamcop.net": "127.0.0.1",
        }
        with world.names.changed(added=entries(listed)):
            assert world.check(*asked) == [(f"dnsbl {zen}", "error"), (f"dnsbl {dbl}", "error")]
        everything = entries({f"1.0.0.127.{zen}": "127.0.0.2"})
        with world.names.changed(added=everything):
            assert world.check(*asked) == [(f"dnsbl {zen}", "unasked")]
    refused = ALIVE.replace(
        f"2.0.0.127.{zen}. 60 IN A 127.0.0.2", f"2.0.0.127.{zen}. 60 IN A 127.255.255.254"
    )
    with world.names.changed(added=refused):
        assert world.check(*asked) == [(f"dnsbl {zen}", "unasked")]


def test_an_ipv6_address_is_looked_for_where_a_list_knows_ipv6(world: World) -> None:
    def backwards(address: str) -> str:
        return ipaddress.ip_address(address).reverse_pointer.removesuffix(".ip6.arpa")

    listed = entries({f"{backwards('2001:db8::10')}.zen.spamhaus.org": "127.0.0.3"})
    with world.names.changed(added=ALIVE + listed):
        assert world.check(RESOLVER, "--dnsbl") == []
        knows = entries({f"{backwards('::ffff:7f00:2')}.zen.spamhaus.org": "127.0.0.2"})
        with world.names.changed(added=knows):
            assert world.check(RESOLVER, "--dnsbl") == [("dnsbl zen.spamhaus.org", "error")]


@contextmanager
def watching(world: World, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """The command with --watch, under way."""
    argv = ["mailwright", "check", str(world.folder), "--watch", "--resolver", RESOLVER, *options]
    command = ["ip", "netns", "exec", world.names.namespace, *argv]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        try:
            yield run
        finally:
            run.kill()


def test_watching_ends_when_a_change_has_spread(world: World) -> None:
    record = world.one("mx parked.example")
    with world.names.changed(removed=lines(record)), watching(world) as run:
        assert run.stderr is not None
        assert f"1 to come: {record.id}: missing" in run.stderr.readline()
        with world.names.changed(added=lines(record)):
            assert "all servers and the resolver agree" in run.stderr.readline()
            assert run.wait(20) == 0


def test_watching_ends_when_its_time_is_over(world: World) -> None:
    with (
        world.names.changed(removed=lines(world.one("mx example.com"))),
        watching(world, "--timeout", "1") as run,
    ):
        assert run.wait(20) == 1


def test_a_lame_server_is_named_and_no_record(world: World) -> None:
    with world.names.second():
        assert world.check() == [("zone example.com", "error")]


def test_a_name_server_that_has_no_address_is_named_and_no_record(world: World) -> None:
    with world.names.changed(added="example.com. 60 IN NS ns9.gone.example."):
        assert world.check() == [("zone example.com", "warning")]


def test_a_stale_server_is_named_with_the_record(world: World) -> None:
    record = world.one("dmarc _dmarc.example.com")
    with (
        world.names.changed(lines(record), lines(record, '"v=DMARC1; p=none"')),
        world.names.second("example.com."),
        world.names.changed(lines(record, '"v=DMARC1; p=none"'), lines(record)),
    ):
        assert world.subjects() == {record.id}


def checked(lab: Lab, inventory: Path) -> list[str]:
    """The ids of what the command finds in DNS, as its users run it."""
    argv = ["mailwright", "check", str(inventory), "--dns", "--json"]
    done = lab.run(argv, capture_output=True)
    assert done.returncode in (0, 1), done.stderr
    return [each["id"] for each in json.loads(done.stdout)["findings"]]


def test_the_lab_s_internet_shows_what_the_example_says(lab: Lab, inventory: Path) -> None:
    try:
        lab.publish()
        assert checked(lab, inventory) == []
        second = 'example.com. IN TXT "v=spf1 +all"\n'
        without = [("_dmarc.example.org.", "TXT"), ("example.net.", "TXT")]
        alone = 'example.net. IN TXT "v=spf1 mx -all"\n'  # mail.example.org sends for it as well
        lab.publish(Edit(extra=second + alone, without=without))
        assert checked(lab, inventory) == [
            "spf example.com: duplicate",
            "spf example.net: changed",
            "dmarc _dmarc.example.org: missing",
        ]
        lab.publish(Edit(bogus=["example.net."]))
        assert "zone example.net: bogus" in checked(lab, inventory)
    finally:
        lab.publish()
