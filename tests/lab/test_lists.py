"""A list with several hundred members, on both releases."""

import shutil
import sys
from pathlib import Path

import pytest

from lab.lab import Lab
from tests.host.letters import eventually
from tests.lab.deploys import HOSTS, Deploy
from tests.lab.test_deploy import ask

MEMBERS = 300
HASH = "{BLF-CRYPT}$2y$08$VvkQ.WbHGHeEprpEvodAfe3OEGDlwlv2xuKKCo8rakkmgK25LBRJy"
ID = "<everyone@sender.invalid>"
LETTER = f"From: someone@sender.invalid\r\nMessage-ID: {ID}\r\n\r\nHello, everyone.\r\n"


@pytest.fixture
def lists(deployed: Lab, inventory: Path, tmp_path: Path) -> Lab:
    """The lab with a mailbox for each member, and `everyone@` of each host's first domain."""
    folder = Path(shutil.copytree(inventory, tmp_path / "lists"))
    aliases, boxes = "", ""
    for domain in ("example.com", "example.org"):
        members = [f"member{n}@{domain}" for n in range(MEMBERS)]
        aliases += f'"everyone@{domain}" = {members}\n'
        boxes += "".join(f'[mailboxes."{each}"]\npassword = "{HASH}"\n' for each in members)
    mail = folder / "mail.toml"
    mail.write_text(f"{mail.read_text()}{aliases}{boxes}")
    Deploy.run(deployed, folder).succeeded()
    return deployed


@pytest.mark.parametrize("host", HOSTS)
def test_every_member_of_a_large_list_gets_the_message(lists: Lab, host: str) -> None:
    recipient = f"everyone@{host.removeprefix('mail.')}"
    envelope = ("someone@sender.invalid", recipient, LETTER)
    program = f"import smtplib; smtplib.SMTP({host!r}, 25, timeout=20).sendmail(*{envelope!r})"
    assert lists.run([sys.executable, "-c", program], capture_output=True).returncode == 0

    def everyone() -> bool | None:
        letters = "find /var/vmail/*/member* -path '*/new/*' -exec cat {} +"
        found = ask(lists, host, f"{letters} | grep -cF 'Message-ID: {ID}' || :")
        return True if int(found) == MEMBERS else None

    eventually(everyone, f"{MEMBERS} copies", 60)
    ask(lists, host, "rm -r /var/vmail/*/member*")
