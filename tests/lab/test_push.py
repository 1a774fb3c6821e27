"""`mailwright push` against real name servers: Knot DNS and BIND, on the loopback."""

import os
import pty
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import dns.name
import pytest

from mailwright.cli import main
from mailwright.dns import meaning
from mailwright.dns.records import each_zone
from mailwright.inventory.load import load
from mailwright.keys import dkim_files, signing_key
from mailwright.net import session
from mailwright.net.authority import Authority
from mailwright.net.data import text
from mailwright.zones import primary as server
from mailwright.zones.merge import Merging
from mailwright.zones.providers import OctoDns
from tests import inventories
from tests.lab.primary import ADDRESS, Primary

HOSTS = """\
mail = [("mail.example.com", {"debian": 13, "ipv4": "198.51.100.10", "ipv6": "2001:db8::10"})]
"""
PASSWORD = "{BLF-CRYPT}$2y$08$VvkQ.WbHGHeEprpEvodAfe3OEGDlwlv2xuKKCo8rakkmgK25LBRJy"
MAIL = f"""\
postmaster = "alice@example.com"
caa = ["letsencrypt.org"]
[domains."example.com"]
dkim = ["rsa", "ed25519"]
dmarc_rua = ["reports@münchen.example"]
no_mail = ["www.example.com"]
[domains."sub.example.com"]
dkim = ["ed25519"]
[domains."münchen.example"]
[domains."customer.example"]
dkim_delegated = "example.com"
[domains."parked.example"]
parked = true
[mailboxes."alice@example.com"]
password = "{PASSWORD}"
"""
FOREIGN = """\
@ 600 IN TXT "v=spf1 ip4:203.0.113.0/24 include:_spf.example.com ~all"
@ 600 IN TXT "site-verification=1"
_spf 600 IN TXT "v=spf1 ip4:192.0.2.0/24 -all"
@ 600 IN MX 50 backup.elsewhere.example.
@ 600 IN MX 10 mail
www 600 IN A 203.0.113.80
_x._tcp 600 IN SRV 0 0 0 .
shop 600 IN NS ns1.elsewhere.example.
"""
IDN = "xn--mnchen-3ya.example"
ZONES = {"example.com": FOREIGN, IDN: "", "customer.example": "", "parked.example": "",
         "100.51.198.in-addr.arpa": "99 IN PTR www.elsewhere.example.\n"}  # fmt: skip


class World:
    """An inventory, and the server that its zones are on."""

    def __init__(self, folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder / "inventory", capsys
        self.folder.mkdir()
        (self.folder / "hosts.py").write_text(HOSTS)
        self.describe(MAIL)
        loaded = inventories.make_keys(self.folder)
        for host in loaded.hosts:
            inventories.self_signed(self.folder / host.tls_chain_file, host.name)
        (folder / "server").mkdir()
        self.primary = Primary(folder / "server", kind)
        self.printed = ""

    def describe(self, mail: str) -> None:
        (self.folder / "mail.toml").write_text(mail)

    def push(self, *words: str, key: Path | None = None) -> tuple[int, str, str]:
        where = ["--server", ADDRESS, "--port", str(self.primary.port)]
        key = key or self.primary.key_file
        return self.ran("push", str(self.folder), *where, "--key", str(key), *words)

    def ran(self, *words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        out, err = self._capsys.readouterr()
        self.printed += out + err
        return int(str(ended.value.code or 0)), out, err

    def texts(self) -> dict[str, str]:
        return {origin: self.primary.text(origin) for origin in ZONES}


@pytest.fixture(params=["knot", "bind"])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[World]:
    world = World(tmp_path, request.param, capsys)
    world.primary.start(ZONES)
    try:
        yield world
    finally:
        world.primary.stop()
    assert world.primary.secret not in world.printed


def accepted(origin: str, zone: str, tmp_path: Path) -> None:
    """Two other readers of master files find nothing wrong with a zone."""
    file = tmp_path / "zone"
    file.write_text(zone)
    named = ["named-checkzone", "-i", "local", "-k", "fail", "-n", "fail", "-M", "fail"]
    for command in (["kzonecheck", "-o", origin, str(file)], [*named, origin, str(file)]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (zone, done.stdout, done.stderr)


def test_all_is_published_once_and_what_is_others_stays(world: World, tmp_path: Path) -> None:
    before = world.texts()
    code, out, _ = world.push("--dry")
    assert code == 0
    assert "add      example.com. TXT" not in out
    assert (
        "change   example.com. TXT 'v=spf1 ip4:203.0.113.0/24 include:_spf.example.com ~all' → "
        "'v=spf1 mx ip4:203.0.113.0/24 include:_spf.example.com -all'" in out
    )
    assert "foreign  example.com. TXT 'site-verification=1': left alone" in out
    assert "zone münchen.example (xn--mnchen-3ya.example)" in out
    assert world.texts() == before, "--dry changes nothing"
    assert not (world.folder / "published").exists()

    assert world.push("--yes")[0] == 0
    done = world.texts()
    for line in before["example.com"].splitlines():
        assert "SOA" in line or "v=spf1 ip4:203" in line or line in done["example.com"], line
    for name, records in each_zone(load(world.folder)):
        zone = {"sub.example.com": "example.com"}.get(name, name)
        for record in records if zone else ():
            found = world.primary.zone(zone).get_rdataset(record.name, record.type) or ()
            if record.purpose == "spf":
                assert any("mx" in text(d) or "-all" in text(d) for d in found)
            assert not [f for f in meaning.faults(record, list(found)) if f[0] != "more"], record
    for origin, zone in done.items():
        accepted(origin, zone, tmp_path)

    code, out, _ = world.push("--yes")
    assert (code, out.splitlines()[-1]) == (0, "nothing to do")
    assert world.texts() == done, "not even the serial has changed"


def test_reverse_zones_only_when_asked(world: World) -> None:
    world.push("--yes")
    assert "mail.example.com" not in world.primary.text("100.51.198.in-addr.arpa")
    code, out, err = world.push("--yes", "--reverse")
    assert (code, out.splitlines()[-1]) == (0, "1 change in 1 zone done")
    assert "ip6.arpa. PTR is left out: 127.0.0.1 serves no such zone" in err
    zone = world.primary.text("100.51.198.in-addr.arpa")
    assert "10.100.51.198.in-addr.arpa. 3600 IN PTR mail.example.com." in zone
    assert "99.100.51.198.in-addr.arpa. 3600 IN PTR www.elsewhere.example." in zone


def test_a_conflict_is_left_and_the_rest_is_done(world: World) -> None:
    theirs = "5 mx.elsewhere.example."
    world.primary.update(IDN, f"+ {IDN}. 60 MX {theirs}")
    code, out, _ = world.push("--yes", "münchen.example")
    assert code == 3
    conflict = out[out.index("conflict mx") :].splitlines()[:4]
    assert [line.split(None, 1)[-1] for line in conflict] == [
        f"mx {IDN}: somebody else's data is there",
        theirs,
        "10 mail.example.com.",
        f"'mx {IDN}' publishes ours instead",
    ]
    zone = world.primary.text(IDN)
    assert f"MX {theirs}" in zone and "10 mail.example.com." not in zone
    assert f"_dmarc.{IDN}." in zone
    assert world.push("--yes", "münchen.example", "--replace", f"mx {IDN}")[0] == 0
    zone = world.primary.text(IDN)
    assert f"MX {theirs}" not in zone and "MX 10 mail.example.com." in zone


def test_what_leaves_the_inventory_leaves_dns_if_a_push_put_it_there(world: World) -> None:
    world.push("--yes")
    theirs = 'extra.example.com. 60 TXT "v=DMARC1; p=reject"'
    world.primary.update("example.com", f"+ {theirs}")
    world.describe(MAIL.replace('no_mail = ["www.example.com"]\n', "").replace("reports@", "r@"))
    code, out, _ = world.push("--yes", "example.com")
    assert code == 0
    gone = [line.split()[1:3] for line in out.splitlines() if line.startswith("  delete")]
    assert sorted(gone) == [
        ["_dmarc.www.example.com.", "TXT"],
        ["www.example.com.", "MX"],
        ["www.example.com.", "TXT"],
    ]
    zone = world.primary.text("example.com")
    assert "www.example.com. 600 IN A 203.0.113.80" in zone
    assert "sub.example.com. 3600 IN MX" in zone, "it was not what the push was about"
    assert "extra.example.com." in zone
    assert "rua=mailto:r@xn--mnchen-3ya.example" in zone, "what was ours is changed"


def test_without_its_memory_a_push_deletes_nothing(world: World) -> None:
    world.push("--yes")
    for file in (world.folder / "published").iterdir():
        file.unlink()
    world.describe(MAIL.replace('no_mail = ["www.example.com"]\n', "").replace("reports@", "r@"))
    code, out, _ = world.push("--yes")
    assert code == 3
    assert "delete" not in out
    assert "conflict dmarc _dmarc.example.com" in out
    assert "www.example.com. 3600 IN MX 0 ." in world.primary.text("example.com")


def test_a_revoked_and_a_removed_key_follow_the_inventory(world: World) -> None:
    world.push("--yes")
    folder = world.folder / dkim_files.FOLDER / IDN
    (key,) = folder.glob("*.pem")
    old = key.stem
    list(signing_key.create(world.folder, [(IDN, "rsa")], inventories.DAY))
    for suffix in (".pem", ".txt"):
        (folder / f"{old}{suffix}").unlink()
    life = folder / f"{old}.toml"
    life.write_text('algorithm = "rsa"\nsigning = 2026-01-01T00:00:00Z\n'
                    "revoked = 2026-02-01T00:00:00Z\n")  # fmt: skip
    assert world.push("--yes", IDN)[0] == 0
    assert f'{old}._domainkey.{IDN}. 3600 IN TXT "v=DKIM1; k=rsa; p="' in world.primary.text(IDN)
    life.write_text(f"{life.read_text()}removed = 2026-03-01T00:00:00Z\n")
    assert world.push("--yes", IDN)[0] == 0
    assert f"{old}._domainkey" not in world.primary.text(IDN)


def test_a_zone_below_is_pushed_where_it_is(world: World) -> None:
    world.primary.stop()
    foreign = FOREIGN + "mail 600 IN NS ns1.elsewhere.example.\n"
    world.primary.start({**ZONES, "example.com": foreign, "mail.example.com": ""})
    assert world.push("--yes", "example.com")[0] == 0
    assert "mail.example.com. 3600 IN A 198.51.100.10" in world.primary.text("mail.example.com")
    assert "198.51.100.10" not in world.primary.text("example.com")
    world.primary.start({**ZONES, "example.com": foreign})
    code, out, _ = world.push("--yes", "example.com")
    assert code == 3
    assert "conflict a mail.example.com: mail.example.com. is a zone of its own" in out
    assert "198.51.100.10" not in world.primary.text("example.com")
    assert "_dmarc.example.com. 3600 IN TXT" in world.primary.text("example.com")


STRANGE = """\
_printer._ipp._tcp 60 IN TXT "txtvers=1" "qtotal=1" "rp=ipp/print"
@ 600 IN TXT "\\255\\000" "a\\"b;c\\\\d" ""
"""


def test_other_people_s_txt_stays_string_for_string(world: World) -> None:
    world.primary.start({**ZONES, "example.com": FOREIGN + STRANGE})
    before = world.texts()["example.com"].splitlines()
    assert world.push("--yes", "example.com")[0] == 0
    after = world.texts()["example.com"].splitlines()
    (printer,) = (line for line in before if "txtvers" in line)
    (octets,) = (line for line in before if "255" in line and "TXT" in line)
    assert {printer, octets} <= {*after}


def test_a_zone_that_is_partly_elsewhere_gets_the_rest_and_only_once(world: World) -> None:
    """Delegated keys, a DNAME, and aliases to a name with other senders."""
    foreign = """\
@ 600 IN TXT "v=spf1 ?all"
www 600 IN CNAME @
_domainkey 600 IN NS ns1.elsewhere.example.
_tcp 600 IN DNAME services.elsewhere.example.
"""
    world.primary.start({**ZONES, "example.com": foreign})
    code, out, _ = world.push("--yes", "example.com")
    told = [line.split(":")[0] for line in out.splitlines() if line.startswith("  conflict")]
    assert code == 3
    assert "  conflict spf www.example.com" in told and "  conflict mx www.example.com" in told
    assert any(line.startswith("  conflict dkim mw") for line in told)
    assert any(line.startswith("  conflict srv _imaps._tcp.example.com") for line in told)
    zone = world.primary.text("example.com")
    assert "example.com. 3600 IN MX 10 mail.example.com." in zone and "_dmarc.example.com." in zone
    code, out, _ = world.push("--yes", "example.com")
    assert (code, "nothing to do" in out) == (3, True)
    assert world.primary.text("example.com") == zone
    world.primary.stop()
    world.primary.can_transfer = False
    world.primary.start({**ZONES, "example.com": foreign})
    asked = world.push("--dry", "example.com")
    assert "conflict srv _imaps._tcp.example.com: the DNAME at _tcp.example.com." in asked[1], asked


def test_yes_is_not_for_a_third_of_a_zone(world: World) -> None:
    world.push("--yes", "example.com")
    (world.folder / "hosts.py").write_text(HOSTS.replace("mail.example.com", "mx.example.com"))
    inventories.make_keys(world.folder)
    for host in load(world.folder, require_tls=False).hosts:
        inventories.self_signed(world.folder / host.tls_chain_file, host.name)
    before = world.texts()
    code, _, err = world.push("--yes", "example.com")
    assert (code, "example.com: more than a third of it would change" in err) == (1, True)
    assert world.texts() == before
    assert world.push("--yes", "--force", "example.com")[0] == 3, "another's backup MX is there"
    assert "993 mx.example.com." in world.primary.text("example.com")


@pytest.mark.parametrize(
    ("domain", "theirs"),
    [
        (IDN, f'_dmarc.{IDN}. 60 TXT "v=DMARC1; p=none"'),
        ("example.com", 'example.com. 600 TXT "one more beside the SPF record that is changed"'),
    ],
)
def test_a_zone_that_changes_between_reading_and_sending_is_refused(
    world: World, domain: str, theirs: str
) -> None:
    target = server.Primary(ADDRESS, world.primary.port, world.primary.key)
    origin = dns.name.from_text(f"{domain}.")
    records = dict(each_zone(load(world.folder)))[domain]
    zone = target.zone(origin, records)
    changes = Merging(zone, records, (), lambda name, kind: ()).changes()
    world.primary.update(domain, f"+ {theirs}")
    before = world.primary.text(domain)
    with pytest.raises(server.Refused, match="has changed meanwhile, so nothing was done"):
        target.send(zone, [change for change in changes if change.verdict.is_done])
    assert world.primary.text(domain) == before


def test_a_zone_of_many_messages(world: World, tmp_path: Path) -> None:
    names = [f"n{number}.example.com" for number in range(200)]
    tables = "".join(f'[domains."{name}"]\ndkim = ["ed25519"]\n' for name in names)
    world.describe(MAIL.replace("[mailboxes.", f"{tables}[mailboxes."))
    inventories.make_keys(world.folder)
    assert world.push("--yes")[0] == 0
    zone = world.primary.text("example.com")
    assert len(zone.encode()) > 2 * 65536
    assert all(f"\n{name}. 3600 IN MX" in zone for name in names)
    accepted("example.com", zone, tmp_path)
    assert world.push("--yes")[1].endswith("nothing to do\n")


def test_a_server_without_transfers_is_asked_name_by_name(world: World) -> None:
    dry = world.push("--dry")
    world.primary.stop()
    world.primary.can_transfer = False
    world.primary.start(ZONES)
    assert world.push("--dry")[1] == dry[1]
    assert world.push("--yes")[0] == 0
    done = world.texts()
    assert world.push("--yes")[1].endswith("nothing to do\n")
    assert world.texts() == done


def test_without_transfers_a_wildcard_is_seen_as_well(world: World) -> None:
    starred = {**ZONES, IDN: "* 60 IN A 203.0.113.9\n* 60 IN TXT x\n"}
    table = '[domains."münchen.example"]\n'
    world.describe(MAIL.replace(table, f'{table}no_mail = ["www.münchen.example"]\n'))
    said = []
    for can_transfer in (True, False):
        world.primary.stop()
        world.primary.can_transfer = can_transfer
        world.primary.start(starred)
        said.append(world.push("--dry", IDN))
    assert said[0] == said[1]
    assert f"conflict name www.{IDN}: *.{IDN}. A answers for it" in said[0][1]


# -- what a server says instead of yes ------------------------------------------------------------


def test_wrong_keys_are_one_line_each(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    primary, before = world.primary, world.texts()
    other = "bm90IHRoZSByaWdodCBzZWNyZXQsIGFuZCBub3QgdGhlcmU="
    refusals = [
        (primary.written_key("mailwright", other), "has another secret for this key (BADSIG)"),
        (primary.written_key("nobody", primary.secret), "(BADKEY)|or not to this key (NOTAUTH)"),
        (primary.written_key("reader", primary.secret), "(REFUSED)|(NOTAUTH)|(BADKEY)"),
    ]
    for key, line in refusals:
        code, _, err = world.push("--yes", "example.com", key=key)
        (said,) = err.splitlines()
        assert code == 1
        assert said.startswith("error: ")
        assert any(part in said for part in line.split("|")), said
        assert other not in err
    late = time.time() - 3600
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: late)
        code, _, err = world.push("--yes", "example.com")
    assert (code, "has another time (BADTIME)" in err) == (1, True)
    assert world.texts() == before


def test_a_zone_that_is_not_there_stops_no_other(world: World) -> None:
    world.primary.stop()
    world.primary.start({"example.com": FOREIGN, "parked.example": ""})
    code, out, err = world.push("--yes")
    assert code == 1
    assert err.splitlines() == [
        "error: customer.example: 127.0.0.1 serves no such zone",
        f"error: münchen.example ({IDN}): 127.0.0.1 serves no such zone",
    ]
    assert out.splitlines()[-1].endswith("changes in 2 zones done")


def test_a_server_that_is_not_there_or_silent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.primary.stop()
    assert world.push("--yes")[2] == "error: 127.0.0.1: Connection refused\n"
    monkeypatch.setattr(session, "TIMEOUT", 0.5)
    with socket.create_server((ADDRESS, world.primary.port)):
        code, _, err = world.push("--yes")
    assert code == 1
    assert err.startswith("error: 127.0.0.1: no answer within ")


def test_an_answer_that_anybody_may_have_written_is_none(world: World) -> None:
    world.primary.stop()
    with socket.create_server((ADDRESS, world.primary.port)) as listener:
        liar = threading.Thread(target=_echo, args=[listener], daemon=True)
        liar.start()
        code, _, err = world.push("--yes")
    assert code == 1
    assert "its answer has no signature that holds" in err


def _echo(listener: socket.socket) -> None:
    """Say yes to the first question of each connection, without a signature."""
    with suppress(OSError):  # it has been closed
        while True:
            peer, _ = listener.accept()
            question = peer.recv(4096)
            header = question[2:4] + b"\x84\x00" + b"\x00" * 8
            peer.sendall(len(header).to_bytes(2, "big") + header)


def test_a_key_that_others_can_read_is_refused(world: World) -> None:
    world.primary.key_file.chmod(0o644)
    code, out, err = world.push("--yes")
    assert (code, out) == (1, "")
    assert err.endswith(".key: is open to other users (mode 644); expected mode 600\n")


# -- consent --------------------------------------------------------------------------------------


def test_without_consent_nothing_happens(world: World) -> None:
    before = world.texts()
    code, _, err = world.push()
    assert (code, "without a terminal say --yes" in err) == (2, True)
    assert asked(world, ["n\n"])[0] == 1
    assert world.texts() == before
    code, out = asked(world, ["y\n"])
    assert (code, out.splitlines()[-1].endswith("zones done")) == (0, True), out
    assert world.push("--yes")[1].endswith("nothing to do\n")


def test_a_plan_that_has_become_another_is_not_done(world: World) -> None:
    origin = "parked.example"
    there = f"+ {origin}. 60 MX 10 mx.elsewhere.example."
    code, out = asked(world, [lambda: world.primary.update(origin, there), "y\n"])
    assert code == 1
    assert f"error: {origin} is not as it was when its plan was shown" in out
    zone = world.primary.text(origin)
    assert "MX 10 mx.elsewhere.example." in zone and "v=spf1" not in zone
    assert "v=spf1" in world.primary.text("customer.example")


def asked(world: World, acts: Sequence[object]) -> tuple[int, str]:
    """Run it on a terminal, and when it asks, act and type."""
    where = ["--server", ADDRESS, "--port", str(world.primary.port)]
    argv = [str(Path(sys.executable).with_name("mailwright")), "push", str(world.folder), *where,
            "--key", str(world.primary.key_file)]  # fmt: skip
    terminal, end = pty.openpty()
    running = subprocess.Popen(argv, stdin=end, stdout=end, stderr=end, close_fds=True)
    os.close(end)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(terminal, 65536)
    for act in acts:
        if callable(act):
            act()
        else:
            os.write(terminal, str(act).encode())
    try:
        while piece := os.read(terminal, 65536):
            said += piece
    except OSError:  # its end is closed
        pass
    os.close(terminal)
    return running.wait(60), said.decode().replace("\r", "")


# -- through octoDNS ------------------------------------------------------------------------------

OCTODNS = """\
providers:
  ours:
    class: octodns_bind.Rfc2136Provider
    host: {address}
    port: {port}
    key_name: mailwright
    key_secret: env/MAILWRIGHT_TEST_SECRET
zones:
  example.com.: &all
    sources: [ours]
    targets: [ours]
  xn--mnchen-3ya.example.: *all
  parked.example.: *all
  customer.example.: *all
"""


@pytest.fixture
def octodns(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MAILWRIGHT_TEST_SECRET", world.primary.secret)
    config = tmp_path / "octodns.yaml"
    config.write_text(OCTODNS.format(address=ADDRESS, port=world.primary.port))
    return config


def through(world: World, config: Path, *words: str) -> tuple[int, str, str]:
    return world.ran("push", str(world.folder), "--octodns", str(config), *words)


def test_octodns_shows_and_does_what_a_dynamic_update_does(world: World, octodns: Path) -> None:
    dry = world.push("--dry")
    assert through(world, octodns, "--dry")[1].splitlines() == dry[1].splitlines()
    before = world.texts()
    assert through(world, octodns, "--yes")[0] == 0
    done = world.texts()
    assert world.push("--yes")[1].endswith("nothing to do\n")
    assert through(world, octodns, "--yes")[1].endswith("nothing to do\n")
    assert world.texts() == done
    for line in before["example.com"].splitlines():
        assert "SOA" in line or "v=spf1 ip4:203" in line or line in done["example.com"], line


def test_octodns_is_held_to_the_plan(world: World, octodns: Path) -> None:
    origin = dns.name.from_text("example.com.")
    target = OctoDns(octodns, Authority())
    records = dict(each_zone(load(world.folder)))["example.com"]
    zone = target.zone(origin, records)
    changes = Merging(zone, records, (), lambda name, kind: ()).changes()
    world.primary.update("example.com", "+ new.example.com. 60 A 203.0.113.1")
    before = world.primary.text("example.com")
    with pytest.raises(server.Refused, match="has changed meanwhile"):
        target.send(zone, [change for change in changes if change.verdict.is_done])
    assert world.primary.text("example.com") == before


def test_octodns_configurations_that_do_not_fit(
    world: World, octodns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = octodns.read_text()
    octodns.write_text(text.replace("  parked.example.: *all\n", ""))
    code, _, err = through(world, octodns, "--yes", "parked.example")
    assert (code, err) == (
        1,
        "error: parked.example: octoDNS's configuration has no such zone\n",
    )
    octodns.write_text(text.replace("targets: [ours]", "targets: []"))
    assert "has 0 targets" in through(world, octodns, "--yes", "parked.example")[2]
    octodns.write_text(text)
    world.primary.stop()
    code, _, err = through(world, octodns, "--yes", "parked.example")
    assert (code, err.startswith("error: parked.example: ours: ")) == (1, True)
    monkeypatch.delenv("MAILWRIGHT_TEST_SECRET")
    code, _, err = through(world, octodns, "--yes", "parked.example")
    assert (code, len(err.splitlines())) == (1, 1)
    octodns.write_text("zones: [")
    code, _, err = through(world, octodns, "--yes", "parked.example")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "wants --server and --key, or --octodns" in world.ran("push", str(world.folder))[2]


def test_what_a_provider_says_is_told_without_its_secrets(world: World, octodns: Path) -> None:
    target = OctoDns(octodns, Authority())
    with pytest.raises(server.Refused) as caught, target._told("ours"):
        raise RuntimeError(f"GET https://api.example/?token={world.primary.secret}")
    assert str(caught.value) == "ours: RuntimeError: GET https://api.example/?token=…"
