"""Web sites, as other people's servers and browsers see them."""

import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from email import message_from_string, policy
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lab.addresses import FOREIGN
from lab.lab import Lab
from tests.host.letters import eventually
from tests.inventories import self_signed
from tests.lab.deploys import HOSTS, Deploy, verification
from tests.lab.test_deploy import ask
from tests.lab.test_outbound import NOT_VERIFIED, now

CHAIN = "/etc/mailwright/tls/mail.pem"
# Somebody in a domain whose policy enforces, and in one that asks for nothing yet, or has none.
READERS = {
    "mail.example.com": ("alice@example.com", "carol@example.net"),
    "mail.example.org": ("bob@example.org", "dave@caught.example"),
}
_ENDED = r"to=<{}>.* status=(\w+) \((.*)\)$"


@pytest.fixture
def elsewhere(deployed: Lab) -> Iterator[str]:
    """Another organisation's server; its letters are thrown away afterwards, here and there."""
    yield FOREIGN.name
    deployed.ssh(FOREIGN.name, "postsuper -d ALL >/dev/null 2>&1")
    for host, readers in READERS.items():
        for reader in readers:
            ask(deployed, host, f"doveadm expunge -u {reader} mailbox '*' from judge@")


def outcome(lab: Lab, place: str, reader: str) -> tuple[str, str]:
    """What became of the last letter to the reader, from the foreign server's log."""

    def look() -> tuple[str, str] | None:
        log = ask(lab, FOREIGN.name, f"journalctl -q -o cat --after-cursor '{place}'")
        ended = re.findall(_ENDED.format(re.escape(reader)), log, re.M)
        return ended[-1] if ended else None

    return eventually(look, f"word on the letter to {reader}", 60)


def send(lab: Lab, reader: str) -> tuple[str, str]:
    place = now(lab, FOREIGN.name)
    letter = f"printf 'Subject: x\\n\\nHi.\\n' | sendmail -f judge@elsewhere.example {reader}"
    ask(lab, FOREIGN.name, letter)
    return outcome(lab, place, reader)


@pytest.fixture
def misnamed(inventory: Path, host: str, tmp_path: Path) -> str:
    """The host's own key, with a certificate for another name: DANE would not mind."""
    pem = (inventory / f"tls/{host}.pem").read_bytes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    self_signed(tmp_path / "chain.pem", "somebody.elsewhere.example", key=key)
    return (tmp_path / "chain.pem").read_text()


def test_a_server_that_honours_mta_sts_delivers_only_to_our_certificate(
    deployed: Lab, host: str, elsewhere: str, misnamed: str
) -> None:
    enforced, other = READERS[host]
    status, words = send(deployed, enforced)
    assert status == "sent", words
    right = ask(deployed, host, f"cat {CHAIN}")
    try:
        show(deployed, host, misnamed)
        status, words = send(deployed, enforced)
        assert (status, NOT_VERIFIED in words) == ("deferred", True), words
        assert send(deployed, other)[0] == "sent"
    finally:
        show(deployed, host, right + "\n")
    place = now(deployed, elsewhere)
    ask(deployed, elsewhere, "postqueue -f")
    assert outcome(deployed, place, enforced)[0] == "sent"


def show(lab: Lab, host: str, chain: str) -> None:
    """Have Postfix show this chain."""
    write = f"cat >{CHAIN} && postfix reload"
    assert lab.ssh(host, write, input=chain, stdin=None).returncode == 0


# What is done to the host, the test that sees it, and its words.
BREAKS = (
    ("systemctl stop nginx", "runs", "nginx is down"),
    (
        "rm {site}/.well-known/mta-sts.txt",
        "policy",
        "https://mta-sts.{domain}/.well-known/mta-sts.txt answers 404",
    ),
    (
        "echo 'mode: none' >{site}/.well-known/mta-sts.txt",
        "policy",
        "mta-sts.{domain} shows another policy",
    ),
    (
        f"cp {CHAIN} /etc/mailwright/tls/web/{{domain}}.pem; systemctl reload nginx",
        "certificate",
        "Hostname mismatch, certificate is not valid for 'mta-sts.{domain}'",
    ),
    (
        "rm /etc/nginx/sites/autoconfig.{domain}/mail/*",
        "thunderbird",
        "config-v1.1.xml answers 404",
    ),
)


def test_verification_names_what_is_broken(deployed: Lab, host: str, inventory: Path) -> None:
    domain = host.removeprefix("mail.")
    words = {"domain": domain, "site": f"/etc/nginx/sites/mta-sts.{domain}"}
    ask(deployed, host, "cp -a /etc/nginx/sites /etc/mailwright/tls/web /root/")
    for breakage, test, said in BREAKS:
        ask(deployed, host, breakage.format(**words))
        named = verification(deployed, inventory, f"{test} and {host}", "tests/host/test_nginx.py")
        assert said.format(**words) in named, breakage
        ask(deployed, host, "cp -a /root/sites /etc/nginx/; cp -a /root/web /etc/mailwright/tls/")
        ask(deployed, host, "systemctl restart nginx")
    ask(deployed, host, "rm -r /root/sites /root/web")


def test_a_host_without_web_certificates_has_no_web_server(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(inventory, tmp_path / "other"))
    shutil.rmtree(other / "tls" / "web")
    acted = Deploy.run(deployed, other).succeeded().acted()
    assert acted == {"TLS | Certificate", "nginx | No nginx", "Firewall | Firewall"}
    for host in HOSTS:
        assert ask(deployed, host, "systemctl is-active nginx || :") == "inactive"
        assert ask(deployed, host, "systemctl is-enabled nginx || :") == "disabled"
        assert ask(deployed, host, "find /etc/nginx/sites /etc/mailwright/tls/web -type f") == ""
    assert Deploy.count(deployed, other) == 0


def report(domain: str) -> tuple[EmailMessage, bytes]:
    """A letter with a report, as Google sends them (RFC 8460 section 5.3), and the report."""
    said = {
        "organization-name": "Elsewhere",
        "date-range": {
            "start-datetime": "2026-11-24T00:00:00Z",
            "end-datetime": "2026-11-24T23:59:59Z",
        },
        "contact-info": "judge@elsewhere.example",
        "report-id": "2026-11-24T00:00:00Z_example",
        "policies": [
            {
                "policy": {"policy-type": "sts", "policy-domain": domain},
                "summary": {
                    "total-successful-session-count": 10,
                    "total-failure-session-count": 1,
                },
            }
        ],
    }
    packed = gzip.compress(json.dumps(said).encode())
    letter = EmailMessage(policy=policy.SMTP)
    letter["From"] = "judge@elsewhere.example"
    letter["To"] = f"postmaster@{domain}"
    letter["Subject"] = f"Report Domain: {domain} Submitter: elsewhere.example Report-ID: <1>"
    letter["TLS-Report-Domain"] = domain
    letter["TLS-Report-Submitter"] = "elsewhere.example"
    letter["Message-ID"] = make_msgid(domain="elsewhere.example")
    letter.set_content("This is an aggregate TLS report from elsewhere.example\n")
    name = f"elsewhere.example!{domain}!1796428800!1796515199.json.gz"
    letter.add_attachment(packed, maintype="application", subtype="tlsrpt+gzip", filename=name)
    letter.replace_header("Content-Type", 'multipart/report; report-type="tlsrpt"')
    letter.set_boundary("=_report")
    return letter, packed


@pytest.mark.parametrize("domain", ["example.com", "example.org"])
def test_reports_of_tls_failures_arrive(servers: Lab, domain: str) -> None:
    """At the address that DNS names, here postmaster's, whose mailbox is alice's."""
    letter, packed = report(domain)
    submit = "sendmail -f judge@elsewhere.example -t"
    servers.ssh(FOREIGN.name, submit, input=letter.as_string(), stdin=None)
    query = f"mailbox INBOX HEADER Message-ID '{letter['Message-ID']}'"
    fetch = f"doveadm -f pager fetch -u alice@example.com text {query}"
    found = eventually(lambda: ask(servers, HOSTS[0], fetch) or None, "report", 60)
    received = message_from_string(found.partition("text:")[2].lstrip(), policy=policy.default)
    (attached,) = [part for part in received.walk() if part.get_content_type().endswith("gzip")]
    assert attached.get_content() == packed
    ask(servers, HOSTS[0], f"doveadm expunge -u alice@example.com {query}")


# -- a browser -------------------------------------------------------------------------------------

CHROMIUM = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
    "--window-size=800,1500",
)


@pytest.fixture
def browser(lab: Lab, tmp_path: Path) -> list[str]:
    """Chromium with a profile that trusts the lab's authority."""
    store = tmp_path / ".pki" / "nssdb"
    store.mkdir(parents=True)
    certutil = ["certutil", "-d", f"sql:{store}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    root = str(lab.home.authority / "root.pem")
    subprocess.run([*certutil, "-A", "-n", "lab", "-t", "C,,", "-i", root], check=True)
    return ["env", f"HOME={tmp_path}", *CHROMIUM]


@pytest.mark.parametrize("name", ["example.com", "xn--bcher-kva.example"])
def test_a_browser_shows_the_page(
    servers: Lab, browser: list[str], tmp_path: Path, name: str
) -> None:
    """As a picture with more than one colour, and no word of an error in the console."""
    shot = tmp_path / f"{name}.png"
    url = f"https://autoconfig.{name}/"
    options = {"capture_output": True, "timeout": 60, "stdin": subprocess.DEVNULL}
    shown = servers.run(
        [*browser, "--enable-logging=stderr", f"--screenshot={shot}", url], **options
    )
    assert shot.exists(), shown.stderr
    assert "CONSOLE" not in shown.stderr
    page = servers.run([*browser, "--dump-dom", url], **options).stdout
    assert "<h1>Mail at " in page
