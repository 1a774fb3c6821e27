"""What of ours goes into a zone that others publish in, and what stays theirs."""

import json
import string
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
import dns.zonefile
import pytest
from click.testing import CliRunner, Result
from dns.rdata import Rdata
from dns.rdtypes.ANY.TXT import TXT
from dns.rrset import from_rdata
from hypothesis import example, given
from hypothesis import strategies as st
from octodns.provider.yaml import YamlProvider
from octodns.record import Record as OctoRecord
from octodns.zone import Zone as OctoZone

from mailwright.check.check_host import Evaluation
from mailwright.cli import cli
from mailwright.dns.formats import octodns
from mailwright.dns.record import Record
from mailwright.model import spf
from mailwright.model.problems import Problems
from mailwright.net.data import text
from mailwright.zones import master_file, senders
from mailwright.zones.change import Change, Verdict
from mailwright.zones.memory import Memory, Value
from mailwright.zones.merge import Merging
from mailwright.zones.plan import Plan
from mailwright.zones.present import Zone
from mailwright.zones.senders import merged
from tests.inventories import make_keys
from tests.unit.conftest import Folder

ORIGIN = dns.name.from_text("example.com.")
SPF = Record("spf", "example.com.", "TXT", ("v=spf1 mx -all",), "Why.")
DMARC = Record("dmarc", "_dmarc.example.com.", "TXT", ("v=DMARC1; p=reject",), "Why.")
MX = Record("mx", "example.com.", "MX", ("10 mail.example.com.",), "Why.")
A = Record("a", "mail.example.com.", "A", ("198.51.100.10",), "Why.")
DKIM = Record("dkim", "mw1._domainkey.example.com.", "TXT", ("v=DKIM1; k=rsa; p=AAAA",), "Why.")
TLSA = Record("tlsa", "_25._tcp.mail.example.com.", "TLSA", (f"3 1 1 {'ab' * 32}",), "Why.")
CAA = Record("caa", "mail.example.com.", "CAA", ('0 issue "a.example"', '0 issuewild ";"'), "Why.")
ALIAS = Record("mta-sts-host", "mta-sts.example.com.", "CNAME", ("mail.example.com.",), "Why.")
TLS_RPT = Record("tls-rpt", "_smtp._tls.example.com.", "TXT", ("v=TLSRPTv1; rua=mailto:a@b",), "")


def zone(lines: str) -> Zone:
    return Zone(ORIGIN, dns.zonefile.read_rrsets(lines, rdclass=None, origin=ORIGIN))


def nothing(name: str, kind: str) -> Sequence[Rdata]:
    return ()


def changes(
    lines: str,
    *records: Record,
    ours: str = "",
    replace: Sequence[str] = (),
    look_up: Callable[[str, str], Sequence[Rdata]] = nothing,
) -> list[Change]:
    """What becomes of records in a zone in which `ours` was published by us."""
    remembered: set[Value] = {
        (rrset.name, data)
        for rrset in dns.zonefile.read_rrsets(ours, rdclass=None, origin=ORIGIN)
        for data in rrset
    }
    return Merging(zone(lines), records, remembered, look_up, replace).changes()


def one(
    lines: str,
    record: Record,
    *,
    ours: str = "",
    replace: Sequence[str] = (),
    look_up: Callable[[str, str], Sequence[Rdata]] = nothing,
) -> Change:
    return changes(lines, record, ours=ours, replace=replace, look_up=look_up)[0]


def texts(rdatas: Sequence[Rdata]) -> list[str]:
    return list(map(text, rdatas))


# -- records of others ----------------------------------------------------------------------------


def test_what_is_missing_is_added_and_what_is_there_is_right() -> None:
    for record in (SPF, DMARC, MX, A, DKIM, TLSA, CAA, ALIAS, TLS_RPT):
        change = one("", record)
        assert (change.verdict, change.added) == (Verdict.ADD, record.rdatas)
        there = "".join(f"{record.name} 60 IN {record.type} {data}\n" for data in record.data)
        assert one(there, record).verdict == Verdict.RIGHT


def test_foreign_text_stays_beside_ours() -> None:
    change = one('@ 60 TXT "site-verification=1"\n@ 60 TXT "v=spf1 mx -all"', SPF)
    assert (change.verdict, texts(change.kept)) == (Verdict.RIGHT, ["site-verification=1"])
    change = one('@ 60 TXT "site-verification=1"', SPF)
    assert (change.verdict, change.removed) == (Verdict.ADD, ())
    assert change.ttl == 60, "one record set has one TTL (RFC 2181 section 5.2)"


CONFLICTS = [
    ("another MX", MX, "@ 60 MX 5 mx.elsewhere.example.", "5 mx.elsewhere.example."),
    ("a null MX", MX, "@ 60 MX 0 .", "0 ."),
    ("a null MX beside ours", MX, "@ 60 MX 0 .\n@ 60 MX 10 mail", "0 ."),
    ("another address", A, "mail 60 A 203.0.113.1", "203.0.113.1"),
    ("a second address", A, "mail 60 A 203.0.113.1\nmail 60 A 198.51.100.10", "203.0.113.1"),
    ("another policy", DMARC, '_dmarc 60 TXT "v=DMARC1; p=none"', "v=DMARC1; p=none"),
    ("two policies", DMARC, '_dmarc 60 TXT "v=DMARC1; p=none"\n_dmarc 60 TXT "v=DMARC1; p=reject"',
     "v=DMARC1; p=none"),
    ("another key", DKIM, 'mw1._domainkey 60 TXT "v=DKIM1; p=BBBB"', "v=DKIM1; p=BBBB"),
    ("text at a selector", DKIM, 'mw1._domainkey 60 TXT "hello"', "hello"),
    ("an alias", MX, "@ 60 CNAME elsewhere.example.", "CNAME elsewhere.example."),
    ("an alias at a policy", DMARC, "_dmarc 60 CNAME elsewhere.example.",
     "CNAME elsewhere.example."),
    ("data where an alias belongs", ALIAS, "mta-sts 60 A 203.0.113.1", "A 203.0.113.1"),
    ("an alias elsewhere", ALIAS, "mta-sts 60 CNAME elsewhere.example.", "elsewhere.example."),
    ("another authority", CAA, 'mail 60 CAA 0 issue "b.example"', '0 issue "b.example"'),
    ("two SPF records", SPF, '@ 60 TXT "v=spf1 a -all"\n@ 60 TXT "v=spf1 ip4:192.0.2.1 -all"',
     "v=spf1 a -all"),
    ("SPF that cannot be read", SPF, '@ 60 TXT "v=spf1 ip4:nowhere -all"', "ip4:nowhere"),
    ("too many look-ups", SPF,
     f'@ 60 TXT "v=spf1 {" ".join(f"a:h{n}.example.com" for n in range(10))} -all"\n'
     + "\n".join(f"h{n} 60 A 192.0.2.1" for n in range(10)), "11 look-ups"),
    ("look-ups in vain", SPF, '@ 60 TXT "v=spf1 a:x.example.com a:y.example.com a:z.example.com"',
     "4 look-ups in vain"),
    ("an include of nothing", SPF, '@ 60 TXT "v=spf1 include:nowhere.elsewhere.example -all"',
     "nowhere.elsewhere.example has no SPF records"),
    ("a wildcard", A, "* 60 MX 5 mx.elsewhere.example.", "*.example.com. MX answers"),
    ("a delegation", A, "mail 60 NS ns1.elsewhere.example.", "is a zone of its own"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "there", "value"), [c[1:] for c in CONFLICTS],
                         ids=[c[0] for c in CONFLICTS])  # fmt: skip
def test_a_conflict_is_named_with_both_values_and_touches_nothing(
    record: Record, there: str, value: str
) -> None:
    there += "" if record is MX else "\n@ 60 MX 10 mail"
    change = one(there, record)
    told = "\n".join(change.lines())
    assert change.verdict == Verdict.CONFLICT
    assert told.startswith(f"conflict {change.decided_by}: ")
    assert value in told
    ours = text(record.rdatas[0])
    assert record is SPF or ours in told
    assert f"--replace '{change.decided_by}'" in told or not change.can_replace


@pytest.mark.parametrize(("record", "there"), [c[1:3] for c in CONFLICTS],
                         ids=[c[0] for c in CONFLICTS])  # fmt: skip
def test_whoever_says_so_replaces_exactly_what_is_in_the_way(record: Record, there: str) -> None:
    there += "" if record is MX else "\n@ 60 MX 10 mail"
    conflict = one(there, record)
    assert one(there, record, replace=["mx other.example"]).verdict == Verdict.CONFLICT
    change = one(there, record, replace=[conflict.decided_by])
    if conflict.can_replace:
        assert change.verdict.is_done
        assert (change.added, change.removed) == (conflict.added, conflict.removed)
        assert one(there, record, replace=["all"]) == change
    else:
        assert change.verdict == Verdict.CONFLICT


FINE = [
    ("a backup MX", MX, "@ 60 MX 10 mail\n@ 60 MX 20 backup.elsewhere.example.", True),
    ("another preference", MX, "@ 60 MX 5 mail", False),
    ("another case", MX, "@ 60 MX 10 MAIL.Example.COM.", False),
    ("split elsewhere", DKIM, 'mw1._domainkey 60 TXT "v=DKIM1; k=rsa; " "p=AAAA"', False),
    ("without its version", DKIM, 'mw1._domainkey 60 TXT "p=AAAA"', False),
    ("the next TLSA", TLSA, f"_25._tcp.mail 60 TLSA 3 1 1 {'ab' * 32}\n"
     f"_25._tcp.mail 60 TLSA 3 1 1 {'cd' * 32}", True),
    ("addresses as good as the alias", ALIAS, "mta-sts 60 A 198.51.100.10\nmail 60 A 198.51.100.10",
     True),
    ("an alias to the same", DMARC, "_dmarc 60 CNAME d.example.com.\n"
     'd 60 TXT "v=DMARC1; p=reject"', True),
    ("an authority more", CAA, 'mail 60 CAA 0 issue "a.example"\nmail 60 CAA 0 issue "b.example"\n'
     'mail 60 CAA 0 issuewild ";"', True),
    ("SPF in another order", Record("spf", "example.com.", "TXT", ("v=spf1 a mx -all",), ""),
     '@ 60 TXT "v=spf1 mx ip4:192.0.2.1 a -all"\n@ 60 A 192.0.2.1\n@ 60 MX 10 mail', False),
]  # fmt: skip


@pytest.mark.parametrize(("record", "there", "has_more"), [c[1:] for c in FINE],
                         ids=[c[0] for c in FINE])  # fmt: skip
def test_what_means_the_same_is_right(record: Record, there: str, has_more: bool) -> None:
    change = one(there, record)
    assert (change.verdict, bool(change.kept)) == (Verdict.RIGHT, has_more)


def test_a_wildcard_that_ends_is_one_decision_for_all_records_of_the_name() -> None:
    www = [
        Record("mx", "www.example.com.", "MX", ("0 .",), ""),
        Record("dmarc", "_dmarc.www.example.com.", "TXT", ("v=DMARC1; p=reject",), ""),
    ]
    found = changes("* 60 A 203.0.113.1", *www, TLS_RPT)
    assert [c.decided_by for c in found[:2]] == ["name www.example.com"] * 2
    assert found[2].verdict == Verdict.ADD, "no address is looked for at a name with _"
    assert all(c.verdict == Verdict.ADD for c in changes("www 60 A 203.0.113.1", *www))


def test_a_policy_waits_for_its_senders() -> None:
    there = '@ 60 TXT "v=spf1 a -all"\n@ 60 TXT "v=spf1 mx -all"\n@ 60 MX 10 mail\n@ 60 A 192.0.2.1'
    policy = changes(there, DMARC, SPF)[0]
    assert (policy.verdict, policy.because) == (Verdict.CONFLICT, "it waits for spf example.com")
    policy, senders = changes(there, DMARC, SPF, replace=["spf example.com"])
    assert policy.verdict == Verdict.ADD
    assert texts(senders.added) == ["v=spf1 mx a -all"]


def test_a_name_without_mail_takes_over_no_senders() -> None:
    parked = Record("spf", "example.com.", "TXT", ("v=spf1 -all",), "")
    change = one('@ 60 TXT "v=spf1 ip4:192.0.2.1 ~all"', parked)
    assert change.verdict == Verdict.CONFLICT
    assert texts(change.added) == ["v=spf1 -all"]
    assert one('@ 60 TXT "v=spf1 ~all"', parked).verdict == Verdict.CHANGE


# -- what was ours --------------------------------------------------------------------------------


def test_what_we_published_is_changed_without_asking() -> None:
    old = "@ 60 MX 5 mx.elsewhere.example.\n"
    assert one(old, MX).verdict == Verdict.CONFLICT
    change = one(old, MX, ours=old)
    assert (change.verdict, texts(change.removed)) == (Verdict.CHANGE, ["5 mx.elsewhere.example."])
    old = '_dmarc 60 TXT "v=DMARC1; p=none"\n'
    assert one(old, DMARC, ours=old).verdict == Verdict.CHANGE


def test_what_is_no_longer_wanted_goes_only_if_it_was_ours_and_is_as_it_was() -> None:
    old = '_mta-sts 60 TXT "v=STSv1; id=1"\n'
    assert [c.verdict for c in changes(old, A)] == [Verdict.ADD]
    _, gone = changes(old, A, ours=old)
    assert (gone.verdict, gone.removed[0].to_text()) == (Verdict.DELETE, '"v=STSv1; id=1"')
    assert len(changes('_mta-sts 60 TXT "v=STSv1; id=2"\n', A, ours=old)) == 1


def test_a_sender_that_left_the_inventory_leaves_spf_and_the_owner_s_stay() -> None:
    there = '@ 60 TXT "v=spf1 mx ip4:192.0.2.1 ip4:192.0.2.2 -all"\n@ 60 MX 10 mail'
    change = one(there, SPF, ours='@ 60 TXT "v=spf1 mx ip4:192.0.2.1 -all"\n')
    assert texts(change.added) == ["v=spf1 mx ip4:192.0.2.2 -all"]
    assert texts(change.owned) == ["v=spf1 mx -all"]


def test_an_alias_of_ours_gives_way_and_comes_without_asking() -> None:
    alias = "mw1._domainkey 60 CNAME elsewhere.example.\n"
    assert one(alias, DKIM).verdict == Verdict.CONFLICT
    assert one(alias, DKIM, ours=alias).verdict == Verdict.CHANGE
    there = "mta-sts 60 A 203.0.113.1\n"
    assert one(there, ALIAS, ours=there).verdict == Verdict.CHANGE


def test_what_is_remembered_is_read_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    values = {(ORIGIN, SPF.rdatas[0]), (ORIGIN, MX.rdatas[0]), (ORIGIN, DKIM.rdatas[0])}
    assert memory.read(ORIGIN) == set()
    memory.change(ORIGIN, (), values)
    assert memory.read(ORIGIN) == values
    file = tmp_path / "published" / "example.com.zone"
    file.write_text("example.com. 0 IN NONSENSE\n")
    with pytest.raises(Problems, match="is damaged"):
        memory.read(ORIGIN)


def test_a_file_that_is_no_zone_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "zone"
    path.write_text("@ 60 IN NONSENSE x\n")
    with pytest.raises(Problems, match="is no zone file"):
        master_file.read(path, "example.com")


REAL = """\
$ORIGIN example.com.
$TTL 1h
@       IN SOA  ns1 hostmaster (
                2026112901 ; serial
                7200 3600 1209600 300 )
        IN NS   ns1
ns1     A       192.0.2.53 ; the name server
$ORIGIN sub.example.com.
$TTL 60
www     A       192.0.2.80
"""


def test_a_zone_file_as_name_servers_have_it(tmp_path: Path) -> None:
    path = tmp_path / "zone"
    path.write_text(REAL)
    zone = master_file.read(path, "example.com")
    kept = {str(rrset.name): rrset.ttl for rrset in zone.rrsets()}
    assert kept == {"example.com.": 3600, "ns1.example.com.": 3600, "www.sub.example.com.": 60}


def test_a_resolver_that_does_not_answer_is_no_consent() -> None:
    def silent(name: str, kind: str) -> Sequence[Rdata]:
        raise dns.exception.Timeout

    there = '@ 60 TXT "v=spf1 include:_spf.elsewhere.example -all"'
    change = one(there, SPF, look_up=silent)
    assert change.verdict == Verdict.CONFLICT
    assert "cannot be counted" in change.because


def test_includes_of_includes_count() -> None:
    def world(name: str, kind: str) -> Sequence[Rdata]:
        number = int(name[1 : name.index(".")])
        value = (
            f'"v=spf1 include:s{number + 1}.elsewhere.example -all"'
            if number < 9
            else '"v=spf1 -all"'
        )
        return [dns.rdata.from_text("IN", "TXT", value)] if kind == "TXT" else []

    there = '@ 60 TXT "v=spf1 include:s{}.elsewhere.example -all"\n@ 60 MX 10 mail'
    assert one(there.format(1), SPF, look_up=world).verdict == Verdict.CHANGE
    change = one(there.format(0), SPF, look_up=world)
    assert "11 look-ups, and receivers stop at 10" in change.because


# -- SPF, whatever is there -----------------------------------------------------------------------

NAME = st.lists(
    st.text(string.ascii_lowercase, min_size=1, max_size=8), min_size=2, max_size=3
).map(".".join)
NETWORK = st.one_of(
    st.builds("ip4:{}".format, st.ip_addresses(v=4)),
    st.builds("ip4:{}/{}".format, st.ip_addresses(v=4), st.integers(8, 32)),
    st.builds("ip6:{}/{}".format, st.ip_addresses(v=6), st.integers(16, 128)),
)
MECHANISM = NETWORK | st.one_of(
    NAME.map("include:{}".format), NAME.map("a:{}".format), st.just("mx"), st.just("a"),
    NAME.map("exists:%{{i}}.{}".format),
)  # fmt: skip
SIGN = st.sampled_from(["", "", "", "+", "?", "~", "-"])
END = st.sampled_from(["", " -all", " ~all", " ?all", " +all", " redirect=elsewhere.example"])


def records(mechanism: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    terms = st.lists(st.builds("{}{}".format, SIGN, mechanism), max_size=6)
    return st.builds(lambda some, end: " ".join(["v=spf1", *some]) + end, terms, END)


OURS = st.builds(spf.value, st.lists(MECHANISM, min_size=1, max_size=3), st.sampled_from(spf.ALL))


@given(ours=OURS, theirs=records(MECHANISM))
def test_a_merged_record_has_all_of_both_and_ends_as_ours(ours: str, theirs: str) -> None:
    whole = spf.parse(merged("example.com", ours, [theirs]))
    for term in spf.parse(ours)[:-1]:
        assert term in whole or merged("example.com", ours, [theirs]) == theirs
    names = [str(term) for term in whole]
    for term in spf.parse(theirs):
        if term.name == "redirect":
            assert f"include:{term.value}" in names or term.value in str(names)
        elif term.name != "all" and term.name not in ("ip4", "ip6"):
            assert str(term) in names
    assert [t for t in whole if t.name == "all"] == [spf.parse(ours)[-1]]
    assert whole[-1].name == "all" and not any(t.name == "redirect" for t in whole)


@given(ours=OURS, theirs=records(MECHANISM))
def test_merging_twice_is_merging_once(ours: str, theirs: str) -> None:
    once = merged("example.com", ours, [theirs])
    assert merged("example.com", ours, [once]) == once
    assert merged("example.com", ours, [once], [ours]) == once


def meant(record: str) -> set[spf.Term]:
    """What is written may differ, such as `+mx` and `mx`."""
    return {senders._form(term, "example.com") for term in spf.parse(record)}


@given(ours=OURS, theirs=records(MECHANISM), now=OURS)
@example("v=spf1 a -all", "v=spf1 ip4:192.0.2.1 +mx -all", "v=spf1 mx -all")
def test_what_was_ours_leaves_without_a_trace(ours: str, theirs: str, now: str) -> None:
    once = merged("example.com", ours, [theirs])
    own = {spf.parse(f"v=spf1 {t}")[0] for t in ours.split()[1:-1]}
    direct = merged("example.com", now, [theirs], [ours])
    assert meant(merged("example.com", now, [once], [ours])) == meant(direct)
    left = {t for t in spf.parse(direct) if t in own and t not in spf.parse(now)}
    assert not left


ADDRESS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(
    ours=st.builds(spf.value, st.lists(NETWORK, min_size=1, max_size=3)),
    theirs=st.lists(NETWORK, max_size=5), sign=st.sampled_from(["-", "~", "?"]), ip=ADDRESS,
    data=st.data(),
)  # fmt: skip
def test_whoever_could_send_can_send(
    ours: str, theirs: list[str], sign: str, ip: object, data: st.DataObject
) -> None:
    before = " ".join(["v=spf1", *theirs, f"{sign}all"])
    hosts = [t.partition(":")[2].partition("/")[0] for t in (*theirs, *ours.split()[1:-1])]
    sender = ip_address(data.draw(st.sampled_from(hosts) | st.just(str(ip))))

    def result(record: str) -> str:
        message = Evaluation(lambda name, kind: [], sender, "a@example.com", "example.com")
        return message.result("example.com", record)

    passes = "pass" in (result(before), result(ours))
    assert (result(merged("example.com", ours, [before])) == "pass") == passes


@given(st.lists(records(NETWORK), min_size=2, max_size=3), OURS)
def test_several_records_become_one(theirs: list[str], ours: str) -> None:
    whole = merged("example.com", ours, theirs)
    assert spf.parse(whole)[-1] == spf.parse(ours)[-1]


# -- zones as they really are ---------------------------------------------------------------------

MEANT = [
    '"v=spf1" "include:_spf.elsewhere.example" "-all"',
    '" v=spf1 include:_spf.elsewhere.example -all"',
    r'"\"v=spf1 include:_spf.elsewhere.example -all\""',
    '"V = SPF1 include:_spf.elsewhere.example ~all"',
    '"v=spf1include:_spf.elsewhere.example ~all"',
    '"include:_spf.elsewhere.example ~all"',
    '"spf1 include:_spf.elsewhere.example"',
]


@pytest.mark.parametrize("there", MEANT)
def test_what_is_meant_as_spf_is_not_answered_by_a_no(there: str) -> None:
    def world(name: str, kind: str) -> Sequence[Rdata]:
        return [dns.rdata.from_text("IN", "TXT", '"v=spf1 ip4:192.0.2.1 -all"')]

    lines = f"@ 60 TXT {there}"
    policy, change = changes(lines, DMARC, SPF, look_up=world)
    assert change.verdict == policy.verdict == Verdict.CONFLICT
    assert "is meant as SPF, and none" in change.because
    (change,) = changes(lines, SPF, look_up=world, replace=["spf example.com"])
    assert texts(change.added) == ["v=spf1 mx include:_spf.elsewhere.example -all"]
    assert len(change.removed) == 1


@pytest.mark.parametrize(
    "other", ["spf-verification=1", "v=spf10 all", "all", "we use spf1", "v=spf2.0", "no -all here"]
)
def test_what_is_somebody_else_s_text_is_not_meant_as_spf(other: str) -> None:
    assert one(f'@ 60 TXT "{other}"', SPF).verdict == Verdict.ADD


@pytest.mark.parametrize(
    "term",
    [
        "ip4:192.0.2.0/255.255.255.0",
        "ip4:192.0.2.0/0.0.0.255",
        "ip6:fe80::1%eth0",
        "ip4:192.0.2.1/24/24",
    ],
)
def test_spf_that_receivers_cannot_read_is_not_merged(term: str) -> None:
    change = one(f'@ 60 TXT "v=spf1 {term} -all"', SPF)
    assert change.verdict == Verdict.CONFLICT and term in change.because


WWW = [
    Record("mx", "www.example.com.", "MX", ("0 .",), ""),
    Record("spf", "www.example.com.", "TXT", ("v=spf1 -all",), ""),
    Record("dmarc", "_dmarc.www.example.com.", "TXT", ("v=DMARC1; p=reject",), ""),
]
TOLD = {
    "nothing": "",
    "an alias to the apex": "www 60 CNAME @",
    "with senders": 'www 60 CNAME @\n@ 60 TXT "v=spf1 ?all"',
    "with others": 'www 60 CNAME @\n@ 60 TXT "v=spf1 ip4:192.0.2.1 ~all"',
    "an alias to its own": 'www 60 CNAME w\nw 60 MX 0 .\nw 60 TXT "v=spf1 -all"',
    "a DNAME": "_domainkey 60 DNAME keys.elsewhere.example.",
    "a DNAME within": '_domainkey 60 DNAME k\nmw1.k 60 TXT "v=DKIM1; k=rsa; p=AAAA"',
    "a DNAME at the zone": "@ 60 DNAME elsewhere.example.",
    "a delegation": "_domainkey 60 NS ns.elsewhere.example.",
    "another alias": "mail 60 CNAME elsewhere.example.",
    "a wildcard": "* 60 TXT x",
    "a loop": "www 60 CNAME www\nmail 60 CNAME mail",
    "SPF that includes us": 'x 60 TXT "v=spf1 include:www.example.com -all"\n'
    '@ 60 TXT "v=spf1 include:x.example.com -all"',
}


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("replace", [(), ("all",)])
def test_a_second_push_changes_nothing(name: str, replace: Sequence[str]) -> None:
    wanted = [SPF, DMARC, MX, A, DKIM, TLSA, CAA, ALIAS, TLS_RPT, *WWW]
    there, ours = zone(TOLD[name]), frozenset[Value]()
    first = Merging(there, wanted, ours, nothing, replace).changes()
    plan = Plan(there, first, ours)
    again = Merging(done(there, plan.pending), wanted, plan.after, nothing, replace).changes()
    assert [c for c in again if c.verdict.is_done] == []
    assert [c.subject for c in again if c.verdict == Verdict.CONFLICT] == [
        c.subject for c in plan.conflicts
    ]


def done(there: Zone, some: Sequence[Change]) -> Zone:
    """A zone once changes are done in it."""
    found = {(r.name, r.rdtype): [*r] for r in there.rrsets()}
    for change in some:
        for data in change.removed:
            found[change.name, data.rdtype] = [
                each for each in found[change.name, data.rdtype] if each != data
            ]
        for data in change.added:
            found.setdefault((change.name, data.rdtype), []).append(data)
    return Zone(ORIGIN, [from_rdata(name, 60, *s) for (name, _), s in found.items() if s])


@pytest.mark.parametrize(
    ("there", "record", "why"),
    [
        (TOLD["a DNAME"], DKIM, "the DNAME at _domainkey.example.com."),
        (TOLD["a DNAME at the zone"], DKIM, "the DNAME at example.com."),
        (TOLD["a delegation"], DKIM, "is a zone of its own"),
        (TOLD["with senders"], WWW[1], "there is an alias"),
    ],
)  # fmt: skip
def test_below_what_is_elsewhere_nothing_is_published(there: str, record: Record, why: str) -> None:
    change, apex = changes(there, record, MX)
    assert (change.verdict, apex.verdict) == (Verdict.CONFLICT, Verdict.ADD)
    assert why in change.because


def test_where_a_dname_leads_to_the_same_it_is_right() -> None:
    change = one(TOLD["a DNAME within"], DKIM)
    assert (change.verdict, change.because) == (
        Verdict.RIGHT, "by the DNAME at _domainkey.example.com.",
    )  # fmt: skip


@pytest.mark.parametrize(("moved", "is_drastic"), [(4, False), (5, True)])
def test_more_than_a_third_of_a_zone_is_drastic(moved: int, is_drastic: bool) -> None:
    old = "".join(f"h{n} 60 A 192.0.2.{n}\n" for n in range(12))
    ours = "".join(old.splitlines(keepends=True)[:moved])
    plan = Plan(zone(old), changes(old, MX, A, ours=ours), frozenset())
    assert plan.is_drastic == is_drastic
    few = Plan(zone(ours), changes(ours, MX, ours=ours), frozenset())
    assert not few.is_drastic, "a handful is not a zone to lose"


# -- a zone file and what becomes of it -----------------------------------------------------------

ODD_ZONE = """\
$TTL 1h
example.com 60 IN SOA ns.dns.example. dns.dns.example. 1 2 3 4 5
@ NS ns.dns.example.
@ 1 IN CNAME pages.elsewhere.example.
@ TXT "site" "verification"
mail 60 ALIAS elsewhere.example.
two CNAME a
two CNAME b
_Printer._ipp._tcp 60 TXT "txtvers=1" "qtotal=1" "rp=ipp/print"
octets TXT "\\255\\000" "a\\"b;c\\\\d" ""
key SSHFP 1 1 0123456789abcdef0123456789abcdef01234567
"""


def merge(folder: Folder, name: str, text: str = ODD_ZONE) -> tuple[Result, Path]:
    folder.load()
    make_keys(folder.path)
    file = folder.path / "odd.zone"
    file.write_text(text)
    words = ["dns", str(folder.path), "example.com", "--merge", str(file), "--format", name]
    return CliRunner().invoke(cli, words), file


def test_a_zone_file_is_merged_around_what_is_odd(folder: Folder) -> None:
    result, file = merge(folder, "bind")
    assert result.exit_code == 3
    for number in (4, 6, 7, 8):
        assert f"conflict {file}:{number}: " in result.stderr
    assert f"conflict a mail.example.com: {file}:6 has ALIAS" in result.stderr
    made = dns.zone.from_text(result.stdout, "example.com.", relativize=False)
    assert str(made.find_rdataset("example.com.", "MX")[0]) == "10 mail.example.com."
    assert made.get_rdataset("mail.example.com.", "A") is None
    assert "; mail.example.com. 60 ALIAS elsewhere.example.\n" in result.stdout
    for line in (
        '_Printer._ipp._tcp.example.com. 60 IN TXT ( "txtvers=1" "qtotal=1" "rp=ipp/print" )',
        r'octets.example.com. 3600 IN TXT ( "\255\000" "a\"b;c\\d" "" )',
    ):
        assert f"{line}\n" in result.stdout
    again, _ = merge(folder, "bind", result.stdout)
    assert (again.exit_code, again.stderr) == (0, "")
    theirs = [line for line in result.stdout.splitlines() if line.startswith(("_Pr", "oct", "key"))]
    assert len(theirs) == 3 and {*theirs} <= {*again.stdout.splitlines()}


def test_json_has_strings_as_well_as_text(folder: Folder) -> None:
    (found,) = json.loads(merge(folder, "json")[0].stdout)
    octets, printer, alias = (
        next(r for r in found["records"] if r["id"].startswith(start))
        for start in ("foreign-txt octets", "foreign-txt _Printer", "odd-alias mail")
    )
    assert octets["data"] == [r'"\255\000" "a\"b;c\\d" ""']
    assert printer["data"] == ['"txtvers=1" "qtotal=1" "rp=ipp/print"']
    assert (alias["level"], alias["data"]) == ("odd", [])


def test_octodns_is_told_to_ignore_what_it_would_not_keep(folder: Folder) -> None:
    result, _ = merge(folder, "octodns")
    assert result.exit_code == 3
    for name in ("octets", "_Printer._ipp._tcp", ""):
        assert f"conflict txt {name}{'.' * bool(name)}example.com: octoDNS" in result.stderr
    (folder.path / "example.com.yaml").write_text(result.stdout)
    made = OctoZone("example.com.", [])
    YamlProvider("ours", str(folder.path)).populate(made)
    ignored = {(r.name, r._type) for r in made.records if r.ignored}
    assert ignored == {("", "ALIAS"), ("", "TXT"), ("mail", "ALIAS"), ("octets", "TXT"),
                       ("_printer._ipp._tcp", "TXT")}  # fmt: skip
    assert {("key", "SSHFP"), ("", "MX"), ("_dmarc", "TXT")} <= {
        (r.name, r._type) for r in made.records
    }


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=2))
@example([b'"quoted"'])
@example([b'"'])
@example([b'a" "b'])
@example([b"a\\;b"])
@example([b"x" * 255, b"y"])
@example([b"x" * 255, b""])
def test_what_octodns_does_not_ignore_is_what_it_was(strings: list[bytes]) -> None:
    data = TXT(dns.rdataclass.IN, dns.rdatatype.TXT, [each[:255] for each in strings])
    if octodns.holds(data):
        value = json.loads(json.dumps(octodns.VALUES["TXT"](data)))
        made = OctoRecord.new(
            OctoZone("example.com.", []), "x", {"type": "TXT", "ttl": 60, "values": [value]}
        )
        assert made.to_rrset().rdatas == [data.to_text()]


@pytest.mark.parametrize("name", ["values", "terraform", "dnscontrol"])
def test_what_is_odd_is_told_whatever_is_written(name: str, folder: Folder) -> None:
    result, file = merge(folder, name)
    assert (result.exit_code, f"conflict {file}:6: " in result.stderr) == (3, True)
    assert "printer" not in result.stdout.lower()
