"""The web sites: each name with its certificate, and every setting that is told there works."""

import socket
import ssl
from html.parser import HTMLParser

import dns.resolver
import pytest
from cryptography import x509
from testinfra.host import Host

from mailwright.model.host import MailHost
from mailwright.model.site import Site
from tests.host.letters import Account
from tests.host.settings import autoconfig, autodiscover, file, get, profile
from tests.host.state import Unit


@pytest.fixture
def sites(mail: MailHost) -> tuple[Site, ...]:
    if not mail.sites:
        pytest.skip("the inventory has no web certificate for a domain of this host")
    return mail.sites


@pytest.fixture
def readers(mail: MailHost, verify: dict[str, dict[str, str]]) -> dict[str, list[Account]]:
    """By domain those whose password verify.toml tells, and who read their mail."""
    known = verify.get("accounts", {})
    found: dict[str, list[Account]] = {}
    for box in mail.mailboxes:
        if box.address in known and {"imap", "pop3"} & {*box.services}:
            account = Account(box.address, known[box.address], mail.name)
            found.setdefault(box.domain, []).append(account)
    if not found:
        pytest.skip("verify.toml has no password of a mailbox on this host")
    return found


def test_nginx_runs_and_starts_at_boot(units: dict[str, Unit], sites: tuple[Site, ...]) -> None:
    assert units["nginx"].is_running, (
        "nginx is down: other servers get no MTA-STS policy, mail programs no settings"
    )
    assert units["nginx"].is_enabled


def test_every_name_is_served_with_its_certificate(host: Host, sites: tuple[Site, ...]) -> None:
    context = ssl.create_default_context()
    for site in sites:
        file = f"/etc/mailwright/tls/web/{site.domain.name}.pem"
        leaf = host.check_output(f"openssl x509 -in {file}")
        wanted = x509.load_pem_x509_certificate(leaf.encode())
        for name in site.names:
            with (
                socket.create_connection((name, 443), timeout=10) as plain,
                context.wrap_socket(plain, server_hostname=name) as tls,
            ):
                served = tls.getpeercert(binary_form=True) or b""
            assert x509.load_der_x509_certificate(served) == wanted, name
        assert site.is_ordered or leaf.strip() in site.chain


@pytest.mark.parametrize("name", ["host", "nobody.invalid", None])
def test_other_names_get_no_answer(
    mail: MailHost, sites: tuple[Site, ...], name: str | None
) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((mail.name, 443), timeout=10) as plain,
        pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"),
    ):
        context.wrap_socket(plain, server_hostname=mail.name if name == "host" else name)
    assert get(sites[0].names[0], "/", host="nobody.invalid").status == 421


def test_nothing_tells_the_version_of_the_server(sites: tuple[Site, ...]) -> None:
    answer = get(sites[0].names[0], "/nothing")
    assert (answer.status, answer.fields["server"]) == (404, "nginx")
    assert b"nginx/" not in answer.body


def test_the_policy_of_each_domain_is_the_one_that_dns_announces(sites: tuple[Site, ...]) -> None:
    """RFC 8461 sections 3.1 to 3.3: no redirect, text/plain, and a new id for a new policy."""
    for site in sites:
        name = f"mta-sts.{site.domain.name}"
        if name not in site.names:
            continue
        shown = file(name, "/.well-known/mta-sts.txt", "text/plain").decode()
        assert shown == site.mta_sts, f"{name} shows another policy"
        (record,) = dns.resolver.resolve(f"_mta-sts.{site.domain.name}", "TXT")
        policy = site.domain.policy
        announced = b"".join(record.strings).decode()
        assert announced == f"v=STSv1; id={policy.mta_sts_id(site.domain.host)}"
        if policy.mta_sts != "none":
            (mx,) = dns.resolver.resolve(site.domain.name, "MX")
            assert f"\r\nmx: {mx.exchange.to_text(omit_final_dot=True)}\r\n" in shown


def test_thunderbird_logs_in_with_what_it_is_told(
    mail: MailHost, sites: tuple[Site, ...], readers: dict[str, list[Account]]
) -> None:
    """With every server of the list, under each name of the domain, for each use of a mailbox."""
    for site in sites:
        if not site.has_settings:
            continue
        for account in readers.get(site.login, []):
            local = account.address.rpartition("@")[0]
            told = autoconfig(site.domain.name, f"{local}@{site.domain.unicode}")
            refused = {each: each.refusal(account.password) for each in told}
            assert not any(refused.values()), refused
            assert {each.protocol for each in told} == offered(mail, account)


def offered(mail: MailHost, account: Account) -> set[str]:
    """What a mailbox may use, in the words of Thunderbird."""
    (box,) = [box for box in mail.mailboxes if box.address == account.address]
    return {*box.protocols} - {"sieve", "submission"} | {"smtp"} & {*box.services}


def test_an_unknown_address_is_told_what_most_are_told(sites: tuple[Site, ...]) -> None:
    for site in sites:
        if site.has_settings:
            told = autoconfig(site.domain.name, f"nobody-of-this-name@{site.domain.name}")
            wanted = [(each.protocol, each.port) for each in site.usual.incoming]
            assert [(s.protocol, s.port) for s in told if s.protocol != "smtp"] == wanted


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_outlook_logs_in_with_what_it_is_told(
    sites: tuple[Site, ...], readers: dict[str, list[Account]], method: str
) -> None:
    """Everybody is told the same, so only who has what most have can use all of it."""
    for site in sites:
        if f"autodiscover.{site.domain.name}" not in site.names:
            continue
        for account in readers.get(site.domain.name, []):
            if account.address.rpartition("@")[0] in site.particular:
                continue
            told = autodiscover(site.domain.name, account.address, method)
            assert told
            refused = {each: each.refusal(account.password) for each in told}
            assert not any(refused.values()), refused


def test_an_iphone_logs_in_with_its_profile(
    mail: MailHost, sites: tuple[Site, ...], readers: dict[str, list[Account]]
) -> None:
    for site in sites:
        for service in site.reading if site.has_settings else ():
            for account in readers.get(site.login, []):
                if service.protocol in offered(mail, account):
                    told = profile(site.domain.name, service.protocol, account.address)
                    refused = {each: each.refusal(account.password) for each in told}
                    assert not any(refused.values()), refused


class _Page(HTMLParser):
    """The text of a page, and where it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.links = "", list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_tells_people_the_same_and_links_to_nowhere_else(
    mail: MailHost, sites: tuple[Site, ...]
) -> None:
    for site in sites:
        if not site.has_settings:
            continue
        answer = get(f"autoconfig.{site.domain.name}", "/")
        assert answer.fields["content-security-policy"].startswith("default-src 'none'")
        page = _Page()
        page.feed(answer.text)
        assert site.domain.unicode in page.text
        for service in [*site.reading, site.sending]:
            assert f"{mail.name}\nPort{service.port}" in page.text
        assert page.links == [f"/{service.protocol}.mobileconfig" for service in site.reading]


def test_no_address_that_was_asked_for_is_logged(host: Host, sites: tuple[Site, ...]) -> None:
    name = next(s.domain.name for s in sites if s.has_settings)
    autoconfig(name, f"not-for-the-log@{name}")
    get(f"autoconfig.{name}", "/nothing?emailaddress=not-for-the-log")
    assert "not-for-the-log" not in host.check_output(
        "cat /var/log/nginx/*.log; journalctl -u nginx"
    )
    assert f' autoconfig.{name} "GET /' in host.check_output("cat /var/log/nginx/access.log")
