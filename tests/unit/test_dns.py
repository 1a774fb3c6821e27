"""The records that follow from a description, and the zone file lines that they become."""

import subprocess
from datetime import date
from itertools import pairwise
from pathlib import Path

import dns.name
import dns.zone
import pytest

from mailwright.dns.formats.bind import text
from mailwright.dns.record import RECOMMENDED, Record, strings
from mailwright.dns.records import records, zones
from mailwright.inventory.load import Inventory
from mailwright.keys import signing_key
from tests.unit.conftest import Folder

SOA = "@ 3600 IN SOA ns.elsewhere.example. hostmaster.elsewhere.example. 1 7200 900 1209600 300\n"
NS = "@ 3600 IN NS ns.elsewhere.example.\n"


@pytest.fixture
def inventory(folder: Folder) -> Inventory:
    folder.mail = folder.mail.replace(
        '[domains."example.org"]', '[domains."example.org"]\ndkim = ["rsa", "ed25519"]'
    )
    folder.mail += '[domains."münchen.example"]\nhost = "mail.example.org"\ndmarc = "reject"\n'
    names = ("example.com", "example.org", "xn--mnchen-3ya.example")
    wanted = [*((name, "rsa") for name in names), ("example.org", "ed25519")]
    list(signing_key.create(folder.path, wanted, date(2026, 11, 22)))
    return folder.load(keys=True)


def parsed(origin: str, lines: str) -> dns.zone.Zone:
    return dns.zone.from_text(SOA + NS + lines, origin=f"{origin}.", relativize=False)


def values(of: dns.zone.Zone, name: str, kind: str) -> list[str]:
    found = of.get_rdataset(dns.name.from_text(name), kind)
    if kind == "TXT":
        return [b"".join(rdata.strings).decode() for rdata in found or []]
    return [rdata.to_text() for rdata in found or []]


def test_what_the_world_must_know(inventory: Inventory) -> None:
    found = {
        (r.name, r.type): r.values
        for r in records(inventory)
        if r.purpose not in ("dkim", "srv", "tls-rpt")
    }
    assert found == {
        ("mail.example.com.", "A"): ("198.51.100.10",),
        ("mail.example.com.", "AAAA"): ("2001:db8::10",),
        ("10.100.51.198.in-addr.arpa.", "PTR"): ("mail.example.com.",),
        (f"0.1.{'0.' * 22}8.b.d.0.1.0.0.2.ip6.arpa.", "PTR"): ("mail.example.com.",),
        ("mail.example.com.", "TXT"): ("v=spf1 a -all",),
        ("_dmarc.mail.example.com.", "TXT"): ("v=DMARC1; p=reject",),
        ("mail.example.org.", "A"): ("198.51.100.20",),
        ("20.100.51.198.in-addr.arpa.", "PTR"): ("mail.example.org.",),
        ("mail.example.org.", "TXT"): ("v=spf1 a -all",),
        ("_dmarc.mail.example.org.", "TXT"): ("v=DMARC1; p=reject",),
        ("example.com.", "MX"): ("10 mail.example.com.",),
        ("example.com.", "TXT"): ("v=spf1 mx -all",),
        ("_dmarc.example.com.", "TXT"): (
            "v=DMARC1; p=quarantine; aspf=s; rua=mailto:postmaster@example.com",
        ),
        ("example.org.", "MX"): ("10 mail.example.org.",),
        ("example.org.", "TXT"): ("v=spf1 mx -all",),
        ("_dmarc.example.org.", "TXT"): (
            "v=DMARC1; p=quarantine; aspf=s; rua=mailto:postmaster@example.org",
        ),
        ("xn--mnchen-3ya.example.", "MX"): ("10 mail.example.org.",),
        ("xn--mnchen-3ya.example.", "TXT"): ("v=spf1 mx -all",),
        ("_dmarc.xn--mnchen-3ya.example.", "TXT"): (
            "v=DMARC1; p=reject; rua=mailto:postmaster@xn--mnchen-3ya.example",
        ),
    }


def test_every_key_is_published(inventory: Inventory) -> None:
    found = {(r.name, r.values) for r in records(inventory) if "_domainkey" in r.name}
    assert found == {
        (f"{key.selector}._domainkey.{key.domain}.", (key.record,))
        for domain in inventory.domains
        for key in domain.keys
    }
    assert len(found) == 4


def test_a_bounce_is_signed_whatever_the_name_of_the_host(folder: Folder) -> None:
    """By the domain that the name lies in; or else its own name has the postmaster's keys."""
    folder.hosts = folder.hosts.replace('"mail.example.org"', '"mail.hoster.example"')
    folder.mail = folder.mail.replace('"mail.example.org"', '"mail.hoster.example"')
    list(signing_key.create(folder.path, [("example.org", "rsa")], date(2026, 11, 22)))
    list(signing_key.create(folder.path, [("example.com", "rsa")], date(2026, 11, 22)))
    inventory = folder.load(keys=True)
    within, without = inventory.hosts
    assert within.domain_around and without.domain_lending
    assert (within.domain_around.name, within.domain_lending) == ("example.com", None)
    assert (without.domain_around, without.domain_lending.name) == (None, "example.org")
    keys = {r.name: r.values for r in records(inventory) if r.purpose == "dkim"}
    selector = f"{without.domain_lending.signing[0].selector}._domainkey"
    assert keys[f"{selector}.mail.hoster.example."] == keys[f"{selector}.example.org."]
    assert f"{selector}.mail.example.com." not in keys


def test_every_record_says_why_in_one_sentence(inventory: Inventory) -> None:
    for record in records(inventory):
        assert record.why.endswith(".")
        assert "RFC " in record.why
        assert "\n" not in record.why


def test_no_name_has_two_policies(folder: Folder) -> None:
    folder.hosts = """mail = [
        ("example.com", {"debian": 12, "ipv4": "198.51.100.10"}),
        ("mail.example.org", {"debian": 12, "ipv4": "198.51.100.11"}),
    ]"""
    folder.mail = folder.mail.replace("mail.example.com", "mail.example.org")
    folder.mail = folder.mail.replace('"mail.example.org"', '"example.com"', 1)
    found = list(records(folder.load()))
    assert len({record.id for record in found}) == len(found)
    assert len({(record.name, record.type) for record in found}) == len(found)
    policies = {record.name: record.values for record in found if record.type == "TXT"}
    assert policies["example.com."] == ("v=spf1 a mx -all",)
    assert policies["_dmarc.example.com."][0].startswith("v=DMARC1; p=quarantine; aspf=s; rua=")


def test_name_servers_take_every_zone(inventory: Inventory, tmp_path: Path) -> None:
    for domain in inventory.domains:
        file = tmp_path / domain.name
        file.write_text(SOA + NS + text(domain.name, zones(inventory)[domain.name]))
        command = ["named-checkzone", "-i", "local", "-k", "fail", "-n", "fail", "-M", "fail"]
        done = subprocess.run([*command, domain.name, file], capture_output=True, text=True)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "OK"), done.stdout


def test_a_resolver_reads_what_was_meant(inventory: Inventory) -> None:
    for domain in inventory.domains:
        mine = [r for r in records(inventory) if r.name.endswith(f"{domain.name}.")]
        found = parsed(domain.name, text(domain.name, zones(inventory)[domain.name]))
        for record in mine:
            assert values(found, record.name, record.type) == list(record.values), record
        assert len(list(found.iterate_rdatasets())) == len(mine) + 2  # and SOA, NS


def test_a_zone_shows_both_forms_and_one_reason_for_each_record_set(inventory: Inventory) -> None:
    origin = "xn--mnchen-3ya.example"
    lines = text(origin, zones(inventory)[origin]).splitlines()
    assert lines[0] == "; Zone münchen.example (xn--mnchen-3ya.example)"
    for before, line in pairwise(lines):
        assert line.startswith(";") or not line or before.startswith("; ")
    assert "; The host that takes the domain's mail (RFC 5321 section 5.1). (required)" in lines
    assert "xn--mnchen-3ya.example. 3600 IN MX 10 mail.example.org." in lines


def test_records_belong_to_the_nearest_of_our_domains(folder: Folder) -> None:
    folder.hosts = folder.hosts.replace("mail.example.org", "mx.elsewhere.example")
    folder.mail = folder.mail.replace("mail.example.org", "mx.elsewhere.example")
    folder.mail += '[domains."sub.example.com"]\nhost = "mail.example.com"\n'
    found = zones(folder.load())
    names = {origin: {record.name for record in some} for origin, some in found.items()}
    assert {"sub.example.com.", "_dmarc.sub.example.com."} <= names["sub.example.com"]
    assert all(name.endswith("sub.example.com.") for name in names["sub.example.com"])
    assert "mail.example.com." in names["example.com"]
    assert {"mx.elsewhere.example.", "20.100.51.198.in-addr.arpa."} <= names[""]


def test_pointers_are_notes_for_whoever_assigns_the_addresses(inventory: Inventory) -> None:
    lines = text("", zones(inventory)[""]).splitlines()
    assert all(line.startswith(";") or not line for line in lines)
    assert lines[-5:] == [
        "; 100.51.198.in-addr.arpa.",
        ";   10.100.51.198.in-addr.arpa. PTR mail.example.com.",
        ";   20.100.51.198.in-addr.arpa. PTR mail.example.org.",
        f"; {'0.' * 8}8.b.d.0.1.0.0.2.ip6.arpa.",
        f";   0.1.{'0.' * 22}8.b.d.0.1.0.0.2.ip6.arpa. PTR mail.example.com.",
    ]


@pytest.mark.parametrize("length", [0, 1, 254, 255, 256, 410, 510, 511])
def test_txt_is_split_at_255_bytes(length: int) -> None:
    value = ("abc;" * 200)[:length]
    pieces = strings(value)
    assert all(len(piece) <= 255 + 2 for piece in pieces)
    assert "".join(piece[1:-1] for piece in pieces) == value


def test_quotes_and_backslashes_arrive() -> None:
    record = Record("note", "x.example.com.", "TXT", ('say "a\\b";',), "Why.", RECOMMENDED)
    assert values(parsed("example.com", text("", [record])), "x.example.com.", "TXT") == [
        'say "a\\b";'
    ]
