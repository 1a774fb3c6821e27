"""A new host keeps its mail as mdbox, if its inventory says so; where there is mail, it stays."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.lab import Lab
from mailwright.inventory.load import load
from tests.lab.deploys import HOSTS, ROOT, Deploy, edit
from tests.lab.test_deploy import ask
from tests.lab.test_people import arrives
from tests.lab.walk import walk

SAVE = "printf 'Subject: {subject}\\n\\n1\\n' | doveadm save -u {user} -m {folder}"
BIG = "{{ printf 'Subject: big\\n\\n'; head -c 3000000 /dev/urandom | base64; }}"
BIG += " | doveadm save -u {user}"


def user_of(host: str) -> str:
    return f"devices@{host.removeprefix('mail.')}"


def home_of(host: str) -> str:
    return f"/var/vmail/{host.removeprefix('mail.')}/devices"


@pytest.fixture
def mdbox(inventory: Path, tmp_path: Path) -> Path:
    """The example with mdbox on both hosts."""
    folder = Path(shutil.copytree(inventory, tmp_path / "mdbox"))
    for debian in ('"debian": 12,', '"debian": 13,'):
        edit(folder / "hosts.py", (debian, f'{debian} "mail_driver": "mdbox",'))
    return folder


@pytest.fixture
def without_mail(deployed: Lab) -> Iterator[Lab]:
    """All mail of both hosts is away until the test has ended."""
    for host in HOSTS:
        ask(deployed, host, "systemctl stop dovecot && mv /var/vmail /var/vmail.away")
    yield deployed
    for host in HOSTS:
        back = "rm -rf /var/vmail && mv /var/vmail.away /var/vmail"
        ask(deployed, host, f"systemctl stop dovecot && {back}")


def size(lab: Lab, host: str) -> int:
    """KiB of a mailbox on the disk."""
    return int(ask(lab, host, f"du -sk {home_of(host)}/mdbox").split()[0])


def gives_space_back(lab: Lab, host: str) -> None:
    user = user_of(host)
    ask(lab, host, SAVE.format(user=user, subject="before", folder="INBOX"))
    before = size(lab, host)
    for _ in range(3):
        ask(lab, host, BIG.format(user=user))
    ask(lab, host, SAVE.format(user=user, subject="stays", folder="INBOX"))
    assert size(lab, host) > before + 11_000
    ask(lab, host, f"doveadm expunge -u {user} mailbox INBOX subject big")
    ask(lab, host, "systemctl start mailwright-compact.service")
    assert size(lab, host) < before + 1_000
    arrives(lab, host, user, "mailbox INBOX subject stays")


def survives_the_loss_of_its_index(lab: Lab, host: str) -> None:
    """Flags go with it, as docs/mailboxes.md says; mail does not."""
    user = user_of(host)
    ask(lab, host, f"doveadm mailbox create -u {user} Filed")
    ask(lab, host, SAVE.format(user=user, subject="filed", folder="Filed"))
    ask(lab, host, f"find {home_of(host)}/mdbox -name 'dovecot*index*' -delete")
    ask(lab, host, f"doveadm force-resync -u {user} INBOX")
    for search in ("INBOX subject before", "INBOX subject stays", "Filed subject filed"):
        arrives(lab, host, user, f"mailbox {search}")


def comes_back_from_a_backup(lab: Lab, host: str) -> None:
    """A person's mailbox and a shared one, by the commands that docs/operations.md names."""
    domain = host.removeprefix("mail.")
    ask(lab, host, "install -d -o vmail -g vmail -m 700 /srv/backup")
    for local in ("devices", "shared"):
        user = f"{local}@{domain}"
        backup = f"mdbox:/srv/backup/{user}"
        ask(lab, host, f"doveadm mailbox create -u {user} Kept")
        for folder in ("INBOX", "Kept"):
            ask(lab, host, SAVE.format(user=user, subject="kept", folder=folder))
        ask(lab, host, f"doveadm flags add -u {user} '\\Flagged' mailbox INBOX subject kept")
        ask(lab, host, f"doveadm backup -u {user} {backup}")
        ask(lab, host, f"rm -rf /var/vmail/{domain}/{local}/mdbox")
        ask(lab, host, f"doveadm backup -R -u {user} {backup}")
        arrives(lab, host, user, "mailbox INBOX subject kept flagged")
        arrives(lab, host, user, "mailbox Kept subject kept")
    ask(lab, host, "rm -rf /srv/backup")


def verified(lab: Lab, inventory: Path, *files: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", *(f"tests/host/test_{f}.py" for f in files)]
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True}
    done = lab.run([*command, "--inventory", str(inventory)], cwd=ROOT, timeout=400, **options)
    assert done.returncode == 0, done.stdout


def test_no_deploy_hides_mail(deployed: Lab, mdbox: Path) -> None:
    for host in HOSTS:
        ask(deployed, host, SAVE.format(user=user_of(host), subject="seen", folder="INBOX"))
    words = Deploy.run(deployed, mdbox).refused()
    for host in HOSTS:
        assert f"[{host}]" in words
        arrives(deployed, host, user_of(host), "mailbox INBOX subject seen")
        ask(deployed, host, f"doveadm expunge -u {user_of(host)} mailbox INBOX all")
    assert words.count("mail_driver is mdbox, and mail that is kept otherwise would not be") >= 2


def test_mail_is_kept_as_mdbox(without_mail: Lab, inventory: Path, mdbox: Path) -> None:
    Deploy.run(without_mail, mdbox).succeeded()
    assert Deploy.count(without_mail, mdbox) == 0
    verified(without_mail, mdbox, "storage", "dovecot", "pop3", "quota", "sharing", "sieve")
    for host in HOSTS:
        gives_space_back(without_mail, host)
        survives_the_loss_of_its_index(without_mail, host)
        comes_back_from_a_backup(without_mail, host)
    for mail in load(mdbox).hosts:
        walked = walk(without_mail, mail)
        assert [path for path in walked.unknown if path.startswith("/var/vmail/")] == []
        assert "mdbox" in {entry.name for entry in walked.seen}
    assert "mail_driver is maildir, and mail" in Deploy.run(without_mail, inventory).refused()
