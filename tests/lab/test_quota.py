"""A full mailbox refuses at RCPT under every name that leads to it, and stops no list."""

import shutil
import sys
from pathlib import Path

import pytest

from lab.lab import Lab
from tests.lab.deploys import HOSTS, Deploy, edit
from tests.lab.test_deploy import ask

NAMES = {
    "mail.example.com": {
        "alias": "small@example.com",
        "alias of an alias": "smaller@example.com",
        "alias with a detail": "small+detail@example.com",
        "whole-domain alias": "tiny@example.biz",
        "alias in the alias domain": "small@example.biz",
        "catch-all": "whoever@example.net",
        "renamed": "tiny@example.com",
        "renamed with a detail": "tiny+detail@example.com",
    },
    "mail.example.org": {
        "alias": "small@example.org",
        "alias of an alias": "smaller@example.org",
        "alias with a detail": "small+detail@example.org",
        "whole-domain alias": "tiny@xn--bcher-kva.example",
        "alias in the alias domain": "small@xn--bcher-kva.example",
        "catch-all": "whoever@caught.example",
        "renamed": "tiny@example.org",
        "renamed with a detail": "tiny+detail@example.org",
    },
}
LISTS = {
    "mail.example.com": ("both@example.com", "list@example.net", "devices@example.com"),
    "mail.example.org": ("both@example.org", "list@caught.example", "devices@example.org"),
}


@pytest.fixture
def named(inventory: Path, tmp_path: Path) -> Path:
    """The example, where the small mailbox of each host has many names and an older home."""
    folder = Path(shutil.copytree(inventory, tmp_path / "named"))
    for domain, caught in (("example.com", "example.net"), ("example.org", "caught.example")):
        box = f'[mailboxes."tiny@{domain}"]\n'
        lines = [
            f'"small@{domain}" = "tiny@{domain}"',
            f'"smaller@{domain}" = "small@{domain}"',
            f'"both@{domain}" = ["tiny@{domain}", "devices@{domain}"]',
            f'"list@{caught}" = ["tiny@{domain}", "devices@{domain}"]',
        ]
        old = {"example.com": "alice@example.com", "example.org": "bob@example.org"}[domain]
        edit(
            folder / "mail.toml",
            (box, f'{box}stored_as = "wee@{domain}"\n'),
            (f'"@{caught}" = "{old}"', f'"@{caught}" = "tiny@{domain}"'),
            ("[aliases]\n", "\n".join(["[aliases]", *lines, ""])),
        )
    return folder


def test_a_full_mailbox_refuses_by_every_name(deployed: Lab, named: Path) -> None:
    Deploy.run(deployed, named).succeeded()
    for host in HOSTS:
        owner = NAMES[host]["renamed"]
        assert {n: code(deployed, host, name) for n, name in NAMES[host].items()} == dict.fromkeys(
            NAMES[host], "250"
        )
        letter = "printf 'Subject: 1\\n\\n'; yes $(printf %070d 0) | head -c 95000"
        try:
            ask(deployed, host, f"{{ {letter}; }} | doveadm save -u {owner}")
            assert {n: code(deployed, host, a) for n, a in NAMES[host].items()} == dict.fromkeys(
                NAMES[host], "452"
            )
            assert [code(deployed, host, name) for name in LISTS[host]] == ["250"] * 3
            assert code(deployed, host, f"nobody@{owner.partition('@')[2]}") == "550"
        finally:
            ask(deployed, host, f"sleep 1; doveadm expunge -u {owner} mailbox '*' ALL")


def code(lab: Lab, host: str, recipient: str) -> str:
    """What an outside server is told at RCPT."""
    program = (
        "import smtplib, sys\n"
        "with smtplib.SMTP(sys.argv[1], 25, timeout=30) as client:\n"
        "    client.ehlo()\n"
        "    client.mail('someone@sender.invalid', ['SIZE=20000'])\n"
        "    print(client.rcpt(sys.argv[2])[0])\n"
    )
    done = lab.run([sys.executable, "-c", program, host, recipient], capture_output=True)
    return str(done.stdout).strip() or str(done.stderr)
