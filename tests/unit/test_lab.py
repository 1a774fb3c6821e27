"""The parts of the lab that need neither root nor a network."""

from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.zone
import pytest
from cryptography import x509
from dns.node import Node
from dns.rdataset import Rdataset

from lab.addresses import NAMESERVER, RESERVED, Place
from lab.authority import Authority
from lab.disk import Disk
from lab.error import LabError
from lab.home import Home
from lab.inventory import InventoryHost, hosts, zones
from lab.keys import host_key, public
from lab.lab import Lab
from lab.machine import Archive, check_inotify
from lab.plan import Plan
from lab.zones import Edit, internet, root_trust

COM = dns.name.from_text("example.com")
EMITTED = {
    "example.com.": "mail.example.com. IN A 198.51.100.10\nexample.com. IN MX 10 mail.example.com.",
    "sub.example.com.": "sub.example.com. IN TXT x",
    ".": "10.100.51.198.in-addr.arpa. IN PTR mail.example.com.",
}


def published(keys: Path, edit: Edit | None = None) -> dict[dns.name.Name, dns.zone.Zone]:
    edit = edit or Edit()
    texts = internet(keys, EMITTED, [NAMESERVER], edit).signed(edit)
    return {
        origin: dns.zone.from_text(text, origin, relativize=False) for origin, text in texts.items()
    }


def test_every_zone_is_signed_by_the_key_that_its_parent_vouches_for(tmp_path: Path) -> None:
    whole = published(tmp_path)
    for origin, parent in (("example.com.", "."), ("sub.example.com.", "example.com.")):
        child = dns.name.from_text(origin)
        keys = whole[child].find_rdataset(child, "DNSKEY")
        ds = whole[dns.name.from_text(parent)].find_rdataset(child, "DS")
        assert dns.dnssec.make_ds(child, keys[0], "SHA256") in ds
    mail = dns.name.from_text("mail.example.com.")
    signatures = whole[COM].find_rdataset(mail, "RRSIG", "A")
    trusted: dict[dns.name.Name, Node | Rdataset] = {COM: whole[COM].find_rdataset(COM, "DNSKEY")}
    dns.dnssec.validate((mail, whole[COM].find_rdataset(mail, "A")), (mail, signatures), trusted)


def test_the_trust_in_the_root_stays_when_zones_change(tmp_path: Path) -> None:
    anchor, hints = root_trust(tmp_path)
    published(tmp_path, Edit(extra="new.example. IN A 192.0.2.1"))
    assert root_trust(tmp_path) == (anchor, hints)
    assert NAMESERVER.name in hints


def test_a_record_goes_to_the_closest_zone(tmp_path: Path) -> None:
    whole = published(tmp_path, Edit(extra="a.sub.example.com. IN A 192.0.2.1\nalone. IN TXT x"))
    sub = dns.name.from_text("sub.example.com.")
    assert whole[sub].get_rdataset(dns.name.from_text("a.sub.example.com."), "A")
    assert whole[dns.name.root].get_rdataset(dns.name.from_text("alone."), "TXT")
    reverse = dns.name.from_text("100.51.198.in-addr.arpa.")
    assert whole[reverse].get_rdataset(dns.name.from_text(f"10.{reverse}"), "PTR")


def test_an_edit_removes_adds_and_spoils(tmp_path: Path) -> None:
    edit = Edit(without=[("example.com.", "MX")], bogus=["example.com."])
    whole = published(tmp_path, edit)
    assert whole[COM].get_rdataset(COM, "MX") is None
    keys = whole[COM].find_rdataset(COM, "DNSKEY")
    ds = whole[dns.name.root].find_rdataset(COM, "DS")
    assert dns.dnssec.make_ds(COM, keys[0], "SHA256") not in ds


def test_a_certificate_is_replaced_only_if_another_lab_issued_it(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = Authority(tmp_path / "one"), Authority(tmp_path / "two")
    path = tmp_path / "tls" / "mail.example.com.pem"
    assert one.provide(path, "mail.example.com")
    assert not Authority(tmp_path / "one").provide(path, "mail.example.com")
    assert two.provide(path, "mail.example.com")
    leaf, intermediate = x509.load_pem_x509_certificates(path.read_bytes())
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(two.root)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_users_own_certificate_is_left_alone(tmp_path: Path) -> None:
    theirs = Authority(tmp_path)
    path = tmp_path / "own.pem"
    path.write_text(theirs.root_pem())
    assert not theirs.provide(path, "mail.example.com")


def test_a_disk_returns_to_each_of_its_snapshots(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk")
    disk.prepare(tmp_path, lambda root: (root / "hostname").touch())
    disk.snapshot("first")
    disk.snapshot("second")
    disk.reset("first")
    assert disk.labels == ["first", "fresh", "second"]
    assert disk.require("second")[1:] == disk.require("first")
    assert disk.require("first")[1:] == disk.require("fresh")
    with pytest.raises(LabError) as caught:
        disk.reset("third")
    assert caught.value.hint == "there is: fresh, first, second"


def test_a_host_keeps_its_key_and_known_hosts_knows_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first, second = (public(host_key(home, "mail.example.com")) for _ in range(2))
    assert first == second
    known = (home.ssh / "known_hosts").read_text()
    assert known == f"mail.example.com {' '.join(first.split()[:2])}\n"


@pytest.mark.parametrize("name", ["", "Lab", "a.b", "a/b", "-a", "a" * 25])
def test_a_labs_name_fits_into_other_names(name: str, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="is no name for a lab"):
        Lab(name, Home(tmp_path))


def test_labs_of_two_homes_do_not_meet(tmp_path: Path) -> None:
    here, there = Lab("x", Home(tmp_path / "a")), Lab("x", Home(tmp_path / "b"))
    assert here.network.namespace("operator") != there.network.namespace("operator")


def test_the_hosts_of_an_inventory_are_in_the_labs_network(tmp_path: Path) -> None:
    for name in ("hosts.py", "mail.toml"):
        text = (Path(__file__).parents[2] / "inventory" / name).read_text()
        (tmp_path / name).write_text(text)
    assert hosts(tmp_path)[0] == InventoryHost(
        Place("mail.example.com", "198.51.100.10", "2001:db8::10"), 12
    )
    assert "10.100.51.198.in-addr.arpa. IN PTR mail.example.com." in zones(tmp_path)["."]
    text = (tmp_path / "hosts.py").read_text()
    (tmp_path / "hosts.py").write_text(text.replace("198.51.100.10", "198.51.100.53"))
    with pytest.raises(LabError, match="belongs to ns"):
        hosts(tmp_path)
    (tmp_path / "hosts.py").write_text(text.replace("198.51.100.10", "192.0.2.10"))
    with pytest.raises(LabError, match="is not of the lab's network"):
        hosts(tmp_path)


def test_more_hosts_than_the_machine_can_watch_files_for_are_refused() -> None:
    """With its own limit, whatever that is: half as many boot."""
    limit = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    check_inotify(limit // 20)
    with pytest.raises(LabError, match=f"this machine allows {limit} ") as refused:
        check_inotify(limit)
    assert refused.value.hint == f"sysctl fs.inotify.max_user_instances={limit * 20}"


def test_the_labs_own_addresses_are_all_different() -> None:
    addresses = [address for place in RESERVED for address in place.addresses]
    assert len(set(addresses)) == len(addresses)


def test_the_foreign_server_is_part_of_a_plan_that_has_it() -> None:
    hosts = (InventoryHost(Place("mail.example.com", "198.51.100.10", None), 13),)
    names = [server.place.name for server in Plan("inventory", hosts, True).servers()]
    assert names == ["mail.example.com", "mx.elsewhere.example"]
    assert len(Plan("inventory", hosts, False).servers()) == 1


def test_sources_name_a_releases_suites() -> None:
    bases = {"debian": "http://a.example/debian", "debian-security": "http://a.example/s"}
    assert Archive("", None).sources(13, bases) == [
        "deb http://a.example/debian trixie main",
        "deb http://a.example/debian trixie-updates main",
        "deb http://a.example/s trixie-security main",
    ]
