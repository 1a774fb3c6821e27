"""`mailwright dns --merge`: our records in zones as they are, wherever a zone can come from."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.name
import dns.zone
import pytest
from click.testing import CliRunner, Result
from octodns.provider.yaml import YamlProvider
from octodns.zone import Zone

from lab.network import entered
from mailwright.cli import cli
from tests import inventories
from tests.lab.names import FIRST, RESOLVER, Names

HOSTS = 'mail = [("mail.example.com", {"debian": 12, "ipv4": "198.51.100.10"})]\n'
MAIL = """\
postmaster = "alice@example.com"
[domains."example.com"]
[domains."full.example"]
[domains."taken.example"]
[mailboxes."alice@example.com"]
password = "{BLF-CRYPT}$2y$08$VvkQ.WbHGHeEprpEvodAfe3OEGDlwlv2xuKKCo8rakkmgK25LBRJy"
"""
ZONES = {
    "example.com.": """\
example.com. 600 IN TXT "v=spf1 include:_spf.elsewhere.example redirect=_more.elsewhere.example"
example.com. 600 IN TXT "site-verification=1"
www.example.com. 600 IN A 203.0.113.80
www.example.com. 600 IN CAA 0 issue "ca.example"
shop.example.com. 600 IN NS ns1.lab.example.
k1._domainkey.example.com. 600 IN CNAME k1.elsewhere.example.
""",
    "elsewhere.example.": """\
_spf.elsewhere.example. 60 IN TXT "v=spf1 ip4:192.0.2.0/24 -all"
_more.elsewhere.example. 60 IN TXT "v=spf1 ip4:203.0.113.7 -all"
loop.elsewhere.example. 60 IN TXT "v=spf1 include:loop.elsewhere.example -all"
"""
    + "".join(
        f'n{n}.elsewhere.example. 60 IN TXT "v=spf1 include:n{n + 1}.elsewhere.example -all"\n'
        for n in range(9)
    )
    + 'n9.elsewhere.example. 60 IN TXT "v=spf1 -all"\n',
    "full.example.": 'full.example. 60 IN TXT "v=spf1 include:n0.elsewhere.example ~all"\n',
    "taken.example.": """\
taken.example. 60 IN MX 0 .
taken.example. 60 IN TXT "v=spf1 include:loop.elsewhere.example ~all"
_dmarc.taken.example. 60 IN TXT "v=DMARC1; p=none"
""",
}


class World:
    """An inventory, and names that resolve."""

    def __init__(self, path: Path) -> None:
        self.folder, self.path = path / "inventory", path
        self.folder.mkdir()
        (self.folder / "hosts.py").write_text(HOSTS)
        (self.folder / "mail.toml").write_text(MAIL)
        inventories.make_keys(self.folder)
        (path / "names").mkdir()
        self.names = Names(path / "names", ZONES)

    def dns(self, *words: str) -> Result:
        argv = ["dns", str(self.folder), *words, "--resolver", RESOLVER]
        with entered(self.names.namespace):
            return CliRunner().invoke(cli, argv)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    try:
        world.names.start()
        yield world
    finally:
        world.names.stop()


MERGED = "v=spf1 mx include:_spf.elsewhere.example include:_more.elsewhere.example -all"


def values(zone: dns.zone.Zone, name: str, kind: str) -> list[str]:
    return sorted(str(data) for data in zone.get_rdataset(name, kind) or ())


def read(text: str, origin: str = "example.com") -> dns.zone.Zone:
    return dns.zone.from_text(text, f"{origin}.", relativize=False)


def test_a_zone_that_is_transferred_keeps_all_of_it(world: World) -> None:
    done = world.dns("example.com", "--merge", FIRST)
    assert (done.exit_code, done.stderr) == (0, "")
    zone = read(done.stdout)
    assert values(zone, "example.com.", "TXT") == ['"site-verification=1"', f'"{MERGED}"']
    assert values(zone, "www.example.com.", "CAA") == ['0 issue "ca.example"']
    assert values(zone, "shop.example.com.", "NS") == ["ns1.lab.example."]
    assert values(zone, "k1._domainkey.example.com.", "CNAME") == ["k1.elsewhere.example."]
    assert values(zone, "example.com.", "MX") == ["10 mail.example.com."]
    assert zone.find_rdataset("example.com.", "TXT").ttl == 600
    file = world.path / "merged"
    file.write_text(done.stdout)
    for command in (
        ["kzonecheck", "-o", "example.com", str(file)],
        ["named-checkzone", "-i", "none", "-k", "fail", "-M", "fail", "example.com", str(file)],
    ):
        judged = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert judged.returncode == 0, (judged.stdout, judged.stderr, done.stdout)


def test_a_zone_file_gives_the_same_and_merging_again_changes_nothing(world: World) -> None:
    first = world.dns("example.com", "--merge", FIRST).stdout
    folder = world.path / "zones"
    folder.mkdir()
    (folder / "example.com.zone").write_text(first)
    again = world.dns("example.com", "--merge", str(folder / "example.com.zone"))
    assert read(again.stdout) == read(first)
    assert world.dns("example.com", "--merge", str(folder)).stdout == again.stdout
    missing = world.dns("full.example", "--merge", str(folder))
    assert "full.example.zone: cannot be read: No such file" in str(missing.exception)
    nowhere = world.dns("full.example", "--merge", str(world.path / "nothing"))
    assert "is not there; expected a zone file" in str(nowhere.exception)


def test_live_look_ups_see_what_our_records_meet(world: World) -> None:
    done = world.dns("example.com", "--merge", "live")
    assert (done.exit_code, done.stderr) == (0, "")
    assert MERGED in done.stdout and "site-verification=1" in done.stdout
    form = world.dns("example.com", "--merge", "live", "--format", "values").stdout
    assert MERGED in form
    assert "site-verification" not in form, "what a form shows is what to enter"


@pytest.mark.parametrize("where", [FIRST, "live"])
def test_conflicts_are_named_and_stay(world: World, where: str) -> None:
    done = world.dns("full.example", "taken.example", "--merge", where)
    assert done.exit_code == 3
    told = done.stderr
    assert (
        "conflict spf full.example: v=spf1 mx include:n0.elsewhere.example -all: 11 look-ups"
        in told
    )
    assert "conflict dmarc _dmarc.full.example: it waits for spf full.example" in told
    assert "include:loop.elsewhere.example leads back to loop.elsewhere.example" in told
    assert "conflict mx taken.example: somebody else's data is there" in told
    there, ours = told.index("there  0 ."), told.index("ours   10 mail.example.com.")
    assert there < ours
    assert "'v=DMARC1; p=none'" in told and "'v=DMARC1; p=quarantine; rua=" in told
    assert "taken.example. 60 IN MX 0 ." in done.stdout
    assert "10 mail.example.com." not in done.stdout.partition("Zone taken.example")[2]
    done = world.dns("taken.example", "--merge", where, "--replace", "mx taken.example")
    assert "taken.example. 3600 IN MX 10 mail.example.com." in done.stdout
    assert " MX 0 ." not in done.stdout


def test_octodns_is_told_of_everybody_s_records(world: World) -> None:
    folder = world.path / "octodns"
    done = world.dns(
        "example.com", "--merge", FIRST, "--format", "octodns", "--output", str(folder)
    )
    assert done.exit_code == 0, done.output
    zone = Zone("example.com.", [])
    YamlProvider("ours", str(folder)).populate(zone)
    found = {(record.name, record._type) for record in zone.records}
    assert {("", "TXT"), ("", "MX"), ("www", "A"), ("www", "CAA"), ("shop", "NS")} <= found
    (apex,) = (record for record in zone.records if (record.name, record._type) == ("", "TXT"))
    assert sorted(apex.values) == ["site-verification=1", MERGED]


def test_json_tells_ours_and_theirs_apart(world: World) -> None:
    done = world.dns("example.com", "--merge", FIRST, "--format", "json")
    (zone,) = json.loads(done.stdout)
    levels = {r["id"]: r["level"] for r in zone["records"]}
    assert levels["foreign-a www.example.com"] == "foreign"
    assert levels["mx example.com"] == "required"


def test_a_resolver_that_says_nothing_is_no_consent(world: World) -> None:
    argv = [
        "dns",
        str(world.folder),
        "example.com",
        "--merge",
        FIRST,
        "--resolver",
        "198.51.100.20",
    ]
    with entered(world.names.namespace):
        done = CliRunner().invoke(cli, argv)
    assert done.exit_code == 3
    assert "its look-ups cannot be counted: _spf.elsewhere.example. TXT" in done.stderr


def test_nsupdate_is_what_push_is_for(world: World) -> None:
    done = world.dns("example.com", "--merge", FIRST, "--format", "nsupdate")
    assert "'mailwright push' does all of it" in done.output
