"""Web sites: which names a domain has, what is served there, and certificates that do not fit."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

from collections.abc import Callable

import pytest

from mailwright.dns.records import records
from mailwright.model.site import Site
from mailwright.picture.render import picture
from tests.inventories import self_signed
from tests.unit.conftest import Folder

BOX = '[mailboxes."{}"]\npassword = "{}"\nuse = "{}"\n'
WEB = {"mta-sts", "mta-sts-host", "autoconfig", "autodiscover"}


@pytest.fixture
def add(folder: Folder) -> Callable[[str, str], None]:
    """Adds a mailbox with a use."""

    def mailbox(address: str, use: str) -> None:
        folder.mail = folder.mail.replace(
            "[aliases]", BOX.format(address, folder.hash, use) + "[aliases]"
        )

    return mailbox


def sites(folder: Folder) -> dict[str, Site]:
    return {site.domain.name: site for site in folder.load().sites}


def published(folder: Folder) -> set[str]:
    return {record.id for record in records(folder.load()) if record.purpose in WEB}


def domain(name: str, *lines: str) -> str:
    return "\n".join([f'[domains."{name}"]', *lines, ""])


def test_only_what_somebody_can_use_has_a_name(folder: Folder) -> None:
    folder.mail += domain("example.net", 'host = "mail.example.com"')
    folder.mail += domain("sts.example", 'host = "mail.example.com"', 'mta_sts = "testing"')
    folder.mail += domain("example.biz", 'alias_of = "example.com"', 'mta_sts = "enforce"')
    folder.mail += domain("bücher.example", 'alias_of = "example.org"')
    folder.mail += domain("parked.example", "parked = true")
    assert {name: site.wanted for name, site in sites(folder).items()} == {
        "example.biz": ("mta-sts.example.biz", "autoconfig.example.biz"),
        "example.com": ("autoconfig.example.com", "autodiscover.example.com"),
        "example.org": ("autoconfig.example.org", "autodiscover.example.org"),
        "sts.example": ("mta-sts.sts.example",),
        "xn--bcher-kva.example": ("autoconfig.xn--bcher-kva.example",),
    }
    assert {name: site.username for name, site in sites(folder).items()} == {
        "example.biz": "%EMAILLOCALPART%@example.com",
        "example.com": "%EMAILADDRESS%",
        "example.org": "%EMAILADDRESS%",
        "sts.example": "%EMAILADDRESS%",
        "xn--bcher-kva.example": "%EMAILLOCALPART%@example.org",
    }


def test_without_a_certificate_there_is_no_site_no_record_and_a_warning(folder: Folder) -> None:
    folder.mail += domain("example.net", 'host = "mail.example.com"', 'mta_sts = "testing"')
    inventory = folder.load()
    assert not published(folder)
    assert inventory.warnings == (
        "autoconfig.example.com and autodiscover.example.com are not served: put a certificate for them into tls/web/example.com.pem",
        "mta-sts.example.net is not served: put a certificate for it into tls/web/example.net.pem; mta_sts has no effect without",
        "autoconfig.example.org and autodiscover.example.org are not served: put a certificate for them into tls/web/example.org.pem",
    )
    for host in inventory.hosts:
        assert 443 not in {listener.port for listener in host.listeners}
        assert not [path for path in picture(host) if path.startswith("/etc/nginx")]


def test_what_the_certificate_covers_is_served_and_published(folder: Folder) -> None:
    folder.mail = folder.mail.replace(
        '[domains."example.com"]', '[domains."example.com"]\nmta_sts = "enforce"'
    )
    self_signed(
        folder.path / "tls/web/example.com.pem", "mta-sts.example.com", "autoconfig.example.com"
    )
    assert published(folder) == {
        "mta-sts _mta-sts.example.com",
        "mta-sts-host mta-sts.example.com",
        "autoconfig autoconfig.example.com",
    }
    first, second = folder.load().hosts
    assert 443 in {listener.port for listener in first.listeners}
    assert 443 not in {listener.port for listener in second.listeners}
    files = {path.removeprefix("/etc/nginx/sites/") for path in picture(first)}
    assert "mta-sts.example.com/.well-known/mta-sts.txt" in files
    assert "autoconfig.example.com/mail/imap+submission.xml" in files
    assert not [file for file in files if file.startswith("autodiscover")]
    assert folder.load().warnings[0] == (
        "autodiscover.example.com is not served: put a certificate for it into tls/web/example.com.pem"
    )


def test_warnings_of_many_domains_are_few(folder: Folder) -> None:
    for number in range(100):
        lines = ('host = "mail.example.com"', 'mta_sts = "testing"')
        folder.mail += domain(f"d{number:02}.example", *lines)
    assert len(folder.load().warnings) == 6
    assert folder.load().warnings[-1] == "nor are the web names of 97 more domains"


def test_certificates_that_do_not_fit(folder: Folder, chain: Callable[..., str]) -> None:
    web = folder.path / "tls/web"
    self_signed(web / "example.com.pem", "www.example.com")
    self_signed(web / "exmaple.org.pem", "autoconfig.example.org")
    (web / "example.org.pem").write_text(chain("autoconfig.example.org"))
    (web / "example.org.pem").chmod(0o644)
    lines = [line for line in folder.wrong(tls=True) if "web" in line]
    assert lines == [
        "tls/web: 'exmaple.org.pem' is named after no domain of ours; expected <domain>.pem (did you mean 'example.org.pem'?)",
        "tls/web/example.com.pem: has a certificate for www.example.com; expected one for autoconfig.example.com and autodiscover.example.com",
        "tls/web/example.org.pem: is open to other users (mode 644); expected mode 600",
    ]


def test_one_certificate_that_has_expired_is_served_and_stops_no_deploy(
    folder: Folder, chain: Callable[..., str]
) -> None:
    file = folder.path / "tls/web/example.org.pem"
    self_signed(file, "autoconfig.example.org")
    file.write_text(chain("autoconfig.example.org", days=-1, start=-2))
    found = folder.load()
    assert found.warnings[0].startswith("tls/web/example.org.pem has a certificate that expired on")
    assert "autoconfig.example.org" in {
        name for site in found.hosts[1].sites for name in site.names
    }


def test_what_most_may_use_is_told_and_the_others_are_the_exceptions(
    folder: Folder, add: Callable[[str, str], None]
) -> None:
    add("anna@example.com", "archive")
    add("scan@example.com", "send-only")
    site = sites(folder)["example.com"]
    assert site.usual.name == "imap+submission"  # alice's, since IMAP is the first of equals
    assert {local: offer.name for local, offer in site.particular.items()} == {
        "anna": "pop3+submission"
    }
    add("bert@example.com", "compact")
    add("both@example.com", "both")
    assert sites(folder)["example.com"].usual.name == "pop3+submission"
    assert sites(folder)["example.com"].particular.keys() == {"alice", "both"}


def test_a_web_name_has_mail_no_more_than_a_cname_allows(folder: Folder) -> None:
    folder.mail += domain(
        "example.net", 'host = "mail.example.com"', 'no_mail = "mta-sts.example.net"'
    )
    assert folder.wrong() == [
        "mail.toml: domains.\"example.net\".no_mail: 'mta-sts.example.net' is a web name of the domain"
    ]


def test_the_uuids_of_profiles_stay(folder: Folder) -> None:
    site = sites(folder)["example.com"]
    assert site.uuid("profile") == sites(folder)["example.com"].uuid("profile")
    assert (
        len(
            {
                site.uuid("profile"),
                site.uuid("account"),
                sites(folder)["example.org"].uuid("profile"),
            }
        )
        == 3
    )
