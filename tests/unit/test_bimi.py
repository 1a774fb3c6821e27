"""BIMI: a logo beside a domain's mail, what it demands of DMARC, and what others may have there."""

import dns.name
import dns.rdata
import dns.rrset
import dns.zonefile
import pytest

from mailwright.dns.formats.bind import text
from mailwright.dns.meaning import faults
from mailwright.dns.record import Record
from mailwright.dns.records import records
from mailwright.zones.change import Change, Verdict
from mailwright.zones.merge import Merging
from mailwright.zones.present import Zone
from tests.unit.conftest import Folder

LOGO, EVIDENCE = "https://brand.example/logo.svg", "https://brand.example/logo.pem"
NET = f'[domains."example.net"]\nhost = "mail.example.com"\nbimi = "{LOGO}"\n'
BELOW = f'[domains."a.shop.example.net"]\nhost = "mail.example.com"\nbimi = "{LOGO}"\n'
PLACE = 'mail.toml: domains."example.net"'
BOTH = f"v=BIMI1; l={LOGO}; a={EVIDENCE}"
RECORD = Record("bimi", "default._bimi.example.net.", "TXT", (f"v=BIMI1; l={LOGO}",), "Why.")


def found(folder: Folder) -> dict[str, tuple[str, ...]]:
    return {r.name: r.values for r in records(folder.load()) if r.purpose == "bimi"}


# -- what is published ----------------------------------------------------------------------------


def test_a_logo_is_published_with_its_reason(folder: Folder) -> None:
    folder.mail += NET
    lines = text("example.net", [r for r in records(folder.load()) if r.purpose == "bimi"])
    assert f'default._bimi.example.net. 3600 IN TXT "v=BIMI1; l={LOGO}"\n' in lines
    assert "; Receivers may show this logo" in lines


def test_a_logo_with_evidence(folder: Folder) -> None:
    folder.mail += NET.replace(f'"{LOGO}"', f'{{ l = "{LOGO}", a = "{EVIDENCE}" }}')
    assert found(folder) == {"default._bimi.example.net.": (BOTH,)}


def test_without_one_nothing_is_said(folder: Folder) -> None:
    assert found(folder) == {}


def test_an_alias_domain_has_a_logo_of_its_own(folder: Folder) -> None:
    folder.mail = folder.mail.replace('"mail.example.org"', f'"mail.example.org"\nbimi = "{LOGO}"')
    folder.mail += '[domains."example.net"]\nalias_of = "example.org"\n'
    assert list(found(folder)) == ["default._bimi.example.org."]
    folder.mail += f'bimi = "{LOGO}"\n'
    assert {*found(folder)} == {"default._bimi.example.org.", "default._bimi.example.net."}


URI = "is not a URI for BIMI; expected an https: URI without spaces and , ; (encode them)"
WRONG = {
    "http://brand.example/logo.svg": URI,
    "https://brand/logo.svg": URI,
    "https://192.0.2.1/logo.svg": URI,
    "https://[/logo.svg": URI,
    "https://brand.example/a,b.svg": URI,
    "https://brand.example/a b.svg": URI,
    "https://brand.example/lögo.svg": URI,
    "https://brand.example/logo.png": "is not an SVG image; expected a URI that ends in .svg",
    "": URI,
}


@pytest.mark.parametrize("uri", WRONG)
def test_mistakes(folder: Folder, uri: str) -> None:
    folder.mail += NET.replace(LOGO, uri)
    assert folder.wrong() == [f"{PLACE}.bimi: {uri!r} {WRONG[uri]}"]


def test_mistakes_of_a_table(folder: Folder) -> None:
    before = folder.mail
    for table, what in {
        f'{{ a = "{EVIDENCE}" }}': "is not a BIMI record",
        f'{{ l = "{LOGO}", logo = "x" }}': "is not a BIMI record",
        f'{{ l = "{LOGO}", a = "http://brand.example/logo.pem" }}': "is not a URI for BIMI",
    }.items():
        folder.mail = before + NET.replace(f'"{LOGO}"', table)
        (line,) = folder.wrong()
        assert line.startswith(f"{PLACE}.bimi: ") and what in line


def test_a_parked_domain_has_no_logo(folder: Folder) -> None:
    folder.mail += f'[domains."example.net"]\nparked = true\nbimi = "{LOGO}"\n'
    assert folder.wrong() == [f"{PLACE}.bimi: has no place in a parked domain, which has no mail"]


# -- DMARC must be enforced -----------------------------------------------------------------------

LAX = {
    'dmarc = "none"': "dmarc: 'none' {}; expected quarantine or reject",
    'dmarc_sp = "none"': "dmarc_sp: 'none' {}; expected quarantine or reject",
    "dmarc_t = true": "dmarc_t: 'true' {}; expected false",
}


@pytest.mark.parametrize("setting", LAX)
def test_a_lax_policy_shows_no_logo(folder: Folder, setting: str) -> None:
    folder.mail += f"{NET}{setting}\n"
    what = "is too lax for the logo of example.net"
    assert folder.wrong() == [f"{PLACE}.{LAX[setting].format(what)} (bimi needs DMARC enforced)"]


@pytest.mark.parametrize("setting", LAX)
def test_nor_does_one_of_the_organisation(folder: Folder, setting: str) -> None:
    between = '[domains."shop.example.net"]\nhost = "mail.example.com"\ndmarc = "none"\n'
    folder.mail += f"{BELOW}{between}{NET.replace('bimi', '#')}{setting}\n"
    what = "is too lax for the logo of a.shop.example.net"
    assert folder.wrong() == [f"{PLACE}.{LAX[setting].format(what)} (bimi needs DMARC enforced)"]


def test_a_parked_organisation_is_strict(folder: Folder) -> None:
    folder.mail += f'{BELOW}[domains."example.net"]\nparked = true\n'
    assert list(found(folder)) == ["default._bimi.a.shop.example.net."]


def test_a_policy_without_a_logo_may_be_lax(folder: Folder) -> None:
    folder.mail += f'{NET}[domains."example.biz"]\nhost = "mail.example.com"\ndmarc = "none"\n'
    assert list(found(folder)) == ["default._bimi.example.net."]


# -- what is there --------------------------------------------------------------------------------

THERE = [
    ("as it is wanted", [f"v=BIMI1; l={LOGO}"], None),
    ("written otherwise", [f"v=BIMI1;a=;l={LOGO} ;"], None),
    ("beside other text", [f"v=BIMI1; l={LOGO}", "hello"], None),
    ("nothing", [], "missing"),
    ("other text", ["hello"], "missing"),
    ("another logo", ["v=BIMI1; l=https://other.example/logo.svg"], "changed"),
    ("evidence of others", [BOTH], "changed"),
    ("a refusal", ["v=BIMI1; l=; a=;"], "changed"),
    ("two of them", [f"v=BIMI1; l={LOGO}", BOTH], "duplicate"),
]


@pytest.mark.parametrize(("there", "kind"), [t[1:] for t in THERE], ids=[t[0] for t in THERE])
def test_what_is_published_is_judged(there: list[str], kind: str | None) -> None:
    rdatas = [dns.rdata.from_text("IN", "TXT", f'"{value}"') for value in there]
    assert [fault[0] for fault in faults(RECORD, rdatas)] == ([kind] if kind else [])


def merged(lines: str, ours: str = "") -> Change:
    """What becomes of the record in a zone in which `ours` was published by us."""
    origin = dns.name.from_text("example.net.")

    def rrsets(text: str) -> list[dns.rrset.RRset]:
        return dns.zonefile.read_rrsets(text, rdclass=None, origin=origin)

    zone = Zone(origin, rrsets(lines))
    remembered = {(rrset.name, data) for rrset in rrsets(ours) for data in rrset}
    return Merging(zone, [RECORD], remembered, lambda name, kind: ()).changes()[0]


OTHER = 'default._bimi 60 TXT "v=BIMI1; l=https://other.example/logo.svg"\n'


def test_a_push_adds_it_and_leaves_what_is_for_something_else() -> None:
    assert merged("").verdict == Verdict.ADD
    change = merged('default._bimi 60 TXT "hello"\nold._bimi 60 TXT "v=BIMI1; l=; a=;"')
    assert (change.verdict, len(change.kept)) == (Verdict.ADD, 1)


def test_somebody_else_s_logo_is_a_conflict_and_ours_is_changed() -> None:
    assert merged(OTHER).verdict == Verdict.CONFLICT
    assert merged(OTHER + f'default._bimi 60 TXT "v=BIMI1; l={LOGO}"').verdict == Verdict.CONFLICT
    assert merged(OTHER, ours=OTHER).verdict == Verdict.CHANGE
    assert merged(f'default._bimi 60 TXT "v=BIMI1;l={LOGO};"').verdict == Verdict.RIGHT
