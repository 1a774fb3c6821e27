"""What a domain tells the world about its mail: settings, what they become in DNS, and mistakes."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mailwright.dns.formats.bind import text
from mailwright.dns.record import Record
from mailwright.dns.records import records, zones
from mailwright.inventory import policies
from mailwright.inventory.schema import DomainTable
from tests.inventories import self_signed
from tests.unit.conftest import Folder

NET = '[domains."example.net"]\n'
HERE = f'{NET}host = "mail.example.com"\n'
PLACE = 'mail.toml: domains."example.net"'

WRONG = {
    'spf = "+all"': f"{PLACE}.spf: '+all' is unknown; expected -all, ~all or ?all (did you mean "
    "'~all'?)",
    'spf_mechanisms = "ptr"': f"{PLACE}.spf_mechanisms: 'ptr' must not be used (RFC 7208 section "
    "5.5: slow and unreliable)",
    'spf_mechanisms = ["redirect:x.example"]': f"{PLACE}.spf_mechanisms: 'redirect:x.example' has "
    "no place here (the setting spf says how the record ends)",
    'spf_mechanisms = ["include"]': f"{PLACE}.spf_mechanisms: 'include' is no SPF mechanism; "
    "expected include, a, mx, ip4, ip6 or exists, such as ip4:192.0.2.1",
    'spf_mechanisms = "ip4:2001:db8::1"': f"{PLACE}.spf_mechanisms: 'ip4:2001:db8::1' is no SPF "
    "mechanism; expected include, a, mx, ip4, ip6 or exists, such as ip4:192.0.2.1",
    'spf_mechanisms = "include:x.example/24"': f"{PLACE}.spf_mechanisms: 'include:x.example/24' is "
    "no SPF mechanism; expected include, a, mx, ip4, ip6 or exists, such as ip4:192.0.2.1",
    'spf_mechanisms = "a:x.example/33"': f"{PLACE}.spf_mechanisms: 'a:x.example/33' is no SPF "
    "mechanism; expected include, a, mx, ip4, ip6 or exists, such as ip4:192.0.2.1",
    'dmarc_adkim = "strict"': f"{PLACE}.dmarc_adkim: 'strict' is unknown; expected r or s",
    'mta_sts = "enforced"': f"{PLACE}.mta_sts: 'enforced' is unknown; expected off, none, testing "
    "or enforce (did you mean 'enforce'?)",
    'tls_rpt = "https://reports.example/a,b"': f"{PLACE}.tls_rpt: 'https://reports.example/a,b' is "
    "no URI for reports; expected one without spaces and , ; ! (encode them)",
    'no_mail = "www.example.org"': f"{PLACE}.no_mail: 'www.example.org' is not below the domain; "
    "expected x.example.net",
}


def of(folder: Folder, *settings: str) -> dict[str, Record]:
    """The records of example.net by their ids."""
    folder.mail += "\n".join([HERE, *settings]) + "\n"
    return {r.id: r for r in records(folder.load()) if r.name.endswith("example.net.")}


def values(found: dict[str, Record], name: str) -> list[str]:
    return list(found[name].values)


@pytest.mark.parametrize("setting", WRONG)
def test_mistakes(folder: Folder, setting: str) -> None:
    folder.mail += f"{HERE}{setting}\n"
    assert folder.wrong() == [WRONG[setting]]


def test_a_host_is_no_name_without_mail(folder: Folder) -> None:
    folder.mail = folder.mail.replace(
        'host = "mail.example.com"', 'host = "mail.example.com"\nno_mail = "mail.example.com"'
    )
    assert folder.wrong() == [
        "mail.toml: domains.\"example.com\".no_mail: 'mail.example.com' is a mail host of hosts.py"
    ]


def test_the_defaults(folder: Folder) -> None:
    found = of(folder)
    assert values(found, "spf example.net") == ["v=spf1 mx -all"]
    assert values(found, "dmarc _dmarc.example.net") == [
        "v=DMARC1; p=quarantine; rua=mailto:postmaster@example.net"
    ]
    assert values(found, "tls-rpt _smtp._tls.example.net") == [
        "v=TLSRPTv1; rua=mailto:postmaster@example.net"
    ]
    assert not [name for name in found if name.startswith(("mta-sts", "caa"))]


def test_the_other_senders_of_a_domain(folder: Folder) -> None:
    more = 'spf_mechanisms = ["include:_SPF.shop.example", "ip4:192.0.2.0/28", "a:www.example.net"]'
    found = of(folder, 'spf = "~all"', more)
    assert values(found, "spf example.net") == [
        "v=spf1 mx include:_spf.shop.example ip4:192.0.2.0/28 a:www.example.net ~all"
    ]


def test_every_tag_of_dmarc(folder: Folder) -> None:
    found = of(
        folder,
        'dmarc = "reject"\ndmarc_sp = "none"\ndmarc_np = "reject"\ndmarc_adkim = "s"',
        'dmarc_aspf = "r"\ndmarc_t = true\ndmarc_rua = ["a!b@example.net", "c@example.org"]',
        'dmarc_ruf = "f@reports.example"',
    )
    assert values(found, "dmarc _dmarc.example.net") == [
        "v=DMARC1; p=reject; sp=none; np=reject; adkim=s; aspf=r; t=y; "
        "rua=mailto:a%21b@example.net,mailto:c@example.org; ruf=mailto:f@reports.example"
    ]


@pytest.mark.parametrize(
    ("domain", "host", "aspf"),
    [
        ("example.com", "mail.example.com", "s"),
        ("shop.example.com", "mail.example.com", "s"),
        ("example.com", "mx.west.example.com", "s"),
        ("mail.example.com", "mail.example.com", "s"),
        ("example.net", "mail.example.com", None),
        ("other.com", "example.com", None),
        ("notexample.com", "mail.example.com", None),
    ],
)
def test_what_a_host_vouches_for_is_no_mail_of_its_domain(
    domain: str, host: str, aspf: str | None
) -> None:
    """Forwarded mail passes SPF by the host's name, and may have any From."""
    assert policies.read(domain, DomainTable(), [host], str, []).dmarc.aspf == aspf


def test_whoever_gets_reports_of_others_agrees_to_it(folder: Folder) -> None:
    folder.mail += (
        f'{HERE}dmarc_rua = ["c@example.org", "d@reports.example", "e@sub.example.net"]\n'
    )
    found = zones(folder.load())
    agreed = {
        origin: [r.name for r in some if r.purpose == "dmarc-report"]
        for origin, some in found.items()
    }
    assert agreed["example.org"] == ["example.net._report._dmarc.example.org."]
    assert agreed[""] == ["example.net._report._dmarc.reports.example."]
    assert not agreed["example.net"]


def test_no_reports(folder: Folder) -> None:
    found = of(folder, "dmarc_rua = []\ntls_rpt = []")
    assert values(found, "dmarc _dmarc.example.net") == ["v=DMARC1; p=quarantine"]
    assert "tls-rpt _smtp._tls.example.net" not in found


def test_the_id_of_mta_sts_changes_with_the_policy(folder: Folder) -> None:
    self_signed(folder.path / "tls/web/example.net.pem", "mta-sts.example.net")
    before = folder.mail
    testing = of(folder, 'mta_sts = "testing"')
    folder.mail = before
    enforce = of(folder, 'mta_sts = "enforce"')
    name = "mta-sts _mta-sts.example.net"
    (one,), (other,) = values(testing, name), values(enforce, name)
    assert one.startswith("v=STSv1; id=")
    assert one.partition("id=")[2].isalnum()
    assert len(one.partition("id=")[2]) <= 32
    assert one != other
    assert values(enforce, "mta-sts-host mta-sts.example.net") == ["mail.example.com."]


def test_the_policy_file_of_mta_sts(folder: Folder) -> None:
    folder.mail += f'{HERE}mta_sts = "enforce"\n'
    policy = next(d for d in folder.load().domains if d.name == "example.net").policy
    assert policy.mta_sts_text("mail.example.com").split("\r\n") == [
        "version: STSv1",
        "mode: enforce",
        "mx: mail.example.com",
        "max_age: 1209600",
        "",
    ]


def test_what_is_closed_to_every_mailbox_is_said_to_be(folder: Folder) -> None:
    use = f'[mailboxes."x@example.net"]\npassword = "{folder.hash}"\nuse = "archive"'
    found = {name: r.values[0] for name, r in of(folder, use).items() if r.type == "SRV"}
    assert found == {
        "srv _imaps._tcp.example.net": "0 0 0 .",
        "srv _imap._tcp.example.net": "0 0 0 .",
        "srv _pop3s._tcp.example.net": "20 1 995 mail.example.com.",
        "srv _pop3._tcp.example.net": "30 1 110 mail.example.com.",
        "srv _submissions._tcp.example.net": "0 1 465 mail.example.com.",
        "srv _submission._tcp.example.net": "10 1 587 mail.example.com.",
        "srv _sieve._tcp.example.net": "0 0 0 .",
    }


def test_an_alias_domain_offers_what_its_domain_does(folder: Folder) -> None:
    folder.mail += f'{NET}alias_of = "example.com"\n'
    found = {r.id: r.values[0] for r in records(folder.load())}
    assert found["srv _imaps._tcp.example.net"] == found["srv _imaps._tcp.example.com"]


COMPLETE_NO = {"mx": "0 .", "spf": "v=spf1 -all", "dmarc": "v=DMARC1; p=reject"}


def test_a_parked_domain_says_no(folder: Folder) -> None:
    folder.mail += f"{NET}parked = true\n"
    inventory = folder.load()
    found = [r for r in records(inventory) if r.name.endswith("example.net.")]
    assert {r.purpose: r.values[0] for r in found} == COMPLETE_NO
    assert not any("example.net" in alias.address for alias in inventory.aliases)
    assert all(d.name != "example.net" for host in inventory.hosts for d in host.domains)


def test_names_without_mail_say_no(folder: Folder) -> None:
    found = of(folder, 'no_mail = ["www.example.net"]')
    said = {r.purpose: r.values[0] for r in found.values() if "www." in r.name}
    assert said == COMPLETE_NO


def test_nothing_else_is_said_of_a_parked_domain(folder: Folder) -> None:
    folder.mail += f'{HERE}parked = true\ndmarc = "none"\n'
    folder.mail += f'[mailboxes."x@example.net"]\npassword = "{folder.hash}"\n'
    folder.mail += '[domains."example.biz"]\nalias_of = "example.net"\n'
    assert folder.wrong() == [
        f"{PLACE}.dmarc: has no place in a parked domain, which has no mail",
        f"{PLACE}.host: has no place in a parked domain, which has no mail",
        "mail.toml: domains.\"example.biz\".alias_of: 'example.net' is a parked domain; expected a "
        "domain of ours with addresses of its own",
        "mail.toml: mailboxes.\"x@example.net\": 'example.net' is a parked domain, which has no "
        "mail",
    ]


def test_tlsa_is_the_digest_of_the_key(folder: Folder, chain: Callable[..., str]) -> None:
    folder.hosts = folder.hosts.replace('"debian": 12', '"debian": 12, "dane": True')
    path = folder.path / "tls" / "mail.example.com.pem"
    path.parent.mkdir()
    path.touch(0o600)
    path.write_text(chain())
    found = {r.id: r.values for r in records(folder.load())}
    public = subprocess.run(
        ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], capture_output=True
    )
    digest = subprocess.run(["sha256sum"], input=public.stdout, capture_output=True).stdout
    assert found["tlsa _25._tcp.mail.example.com"] == (f"3 1 1 {digest.decode().split()[0]}",)
    assert "tls-rpt _smtp._tls.mail.example.com" in found
    assert not [name for name in found if name.startswith("tlsa") and "example.org" in name]


def test_certificate_authorities(folder: Folder) -> None:
    folder.mail = f'caa = ["letsencrypt.org; validationmethods=http-01"]\n{folder.mail}'
    found = {r.id: r.values for r in records(folder.load())}
    assert found["caa mail.example.com"] == (
        '0 issue "letsencrypt.org; validationmethods=http-01"',
        '0 issuewild ";"',
        '0 iodef "mailto:alice@example.com"',
    )
    folder.mail = folder.mail.replace("letsencrypt.org;", "letsencrypt org;")
    assert folder.wrong() == [
        "mail.toml: caa: 'letsencrypt org; validationmethods=http-01' is no certificate authority; "
        "expected an authority's domain, such as letsencrypt.org"
    ]


def test_name_servers_take_every_kind_of_record(folder: Folder, tmp_path: Path) -> None:
    folder.mail = f'caa = "letsencrypt.org"\n{folder.mail}{NET}parked = true\n'
    folder.mail += '[domains."example.biz"]\nhost = "mail.example.com"\nmta_sts = "testing"\n'
    for origin, some in zones(folder.load()).items():
        if not origin:
            continue
        head = "@ 60 IN SOA ns.x.example. root.x.example. 1 7200 900 1209600 300\n"
        zone = tmp_path / origin
        zone.write_text(f"{head}@ 60 IN NS ns.x.example.\n{text(origin, some)}")
        command = ["named-checkzone", "-i", "local", "-k", "fail", "-n", "fail", origin, str(zone)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
