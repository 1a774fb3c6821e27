"""A member who leaves mail.toml loses the shared mailbox with the next deploy, wherever he is."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.lab import Lab
from tests.lab.deploys import PYINFRA, ROOT, Deploy, edit
from tests.lab.test_deploy import ask
from tests.lab.test_use import PASSWORD

HOSTS = ("mail.example.com", "mail.example.org")

# Looks at the shared mailbox, deploys, and looks again: in the same session, then in a new one.
MEMBER = """
import imaplib, json, ssl, subprocess, sys
server, user, name, *deploy = sys.argv[1:]
password = sys.stdin.readline().strip()
def session():
    client = imaplib.IMAP4_SSL(server, ssl_context=ssl.create_default_context(cafile=CA))
    client.login(user, password)
    return client
before = session()
found = {"before": before.select(name, readonly=True)[0]}
subprocess.run(deploy, check=True, capture_output=True)
try:
    found["open"] = before.noop()[0]
except (imaplib.IMAP4.error, OSError):
    found["open"] = "gone"
after = session()
found["after"] = after.select(name, readonly=True)[0]
lines = after.list()[1] + after.lsub()[1]
found["listed"] = [str(line, "utf-8").endswith(name) for line in lines if line].count(True)
print(json.dumps(found))
"""


def look(
    lab: Lab, host: str, user: str, deploy: list[str], tmp_path: Path, box: str = "shared"
) -> dict[str, Any]:
    """What a member of a shared mailbox of the host finds before and after a deploy."""
    word = tmp_path / "password"
    word.write_text(PASSWORD)
    program = MEMBER.replace("CA)", f"{lab.status()['ca']!r})")
    name = f"Shared/{box}@{host.removeprefix('mail.')}"
    with word.open() as typed:
        command = [sys.executable, "-c", program, host, user, name, *deploy]
        done = lab.run(command, cwd=ROOT, stdin=typed, capture_output=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("host", HOSTS)
def test_who_is_no_member_any_more_is_out(
    deployed: Lab, inventory: Path, host: str, tmp_path: Path
) -> None:
    domain = host.removeprefix("mail.")
    changed = shutil.copytree(inventory, tmp_path / "inventory")
    edit(changed / "mail.toml", (f', "devices@{domain}" = "read"', ""))
    deploy = [PYINFRA, str(changed), "deploy.py", "-y", "--limit", host]
    found = look(deployed, host, f"devices@{domain}", deploy, tmp_path)
    assert found == {"before": "OK", "open": "gone", "after": "NO", "listed": 0}


def subscribed(lab: Lab, host: str, user: str) -> set[str]:
    """What a member has subscribed to among shared mailboxes."""
    said = ask(lab, host, f"doveadm mailbox list -s -u {user}")
    return {line for line in said.splitlines() if line.startswith("Shared/")}


@pytest.mark.parametrize("host", HOSTS)
def test_each_member_has_his_own_subscriptions_which_begin_as_those_of_all(
    deployed: Lab, inventory: Path, host: str, tmp_path: Path
) -> None:
    """As one list had them for everybody, in which somebody had taken the mailbox itself out."""
    domain = host.removeprefix("mail.")
    name = f"Shared/shared@{domain}"
    list_of_all = f"/var/vmail/{domain}/shared/Maildir/members"
    ask(deployed, host, f"doveadm mailbox unsubscribe -u devices@{domain} {name}")
    ask(deployed, host, f"printf 'V\\t2\\n\\nOld\\n' >{list_of_all}")
    changed = shutil.copytree(inventory, tmp_path / "inventory")
    members = f'"devices@{domain}" = "read"'
    edit(changed / "mail.toml", (members, f'{members}, "tiny@{domain}" = "read"'))
    edit(changed / "mail.toml", ('quota = "1G"', 'quota = "1G"\nquota_trash = "11%"'))
    notices = f"Shared/notices@{domain}"
    try:
        Deploy.run(deployed, Path(changed), "--limit", host).succeeded()
        for user in ("tiny", "few"):
            found = subscribed(deployed, host, f"{user}@{domain}")
            assert found == {name, f"{name}/Old", notices}, user
        assert subscribed(deployed, host, f"devices@{domain}") == {notices}
    finally:
        ask(deployed, host, f"printf 'V\\t2\\n\\n\\n' >{list_of_all}")
        ask(deployed, host, f"doveadm mailbox subscribe -u devices@{domain} {name}")


@pytest.mark.parametrize("host", HOSTS)
def test_whose_right_shrinks_connects_again_and_the_others_stay(
    deployed: Lab, inventory: Path, host: str, tmp_path: Path
) -> None:
    domain = host.removeprefix("mail.")
    changed = shutil.copytree(inventory, tmp_path / "inventory")
    edit(changed / "mail.toml", (f'"few@{domain}" = "write"', f'"few@{domain}" = "read"'))
    deploy = [PYINFRA, str(changed), "deploy.py", "-y", "--limit", host]
    found = look(deployed, host, f"few@{domain}", deploy, tmp_path)
    assert found == {"before": "OK", "open": "gone", "after": "OK", "listed": 2}
    back = [PYINFRA, str(inventory), "deploy.py", "-y", "--limit", host]
    found = look(deployed, host, f"devices@{domain}", back, tmp_path)
    assert found == {"before": "OK", "open": "OK", "after": "OK", "listed": 2}


@pytest.mark.parametrize("host", HOSTS)
def test_everybody_of_a_domain_connects_again_when_its_right_shrinks_and_is_out_without_it(
    deployed: Lab, inventory: Path, host: str, tmp_path: Path
) -> None:
    domain = host.removeprefix("mail.")
    user, mail = f"devices@{domain}", Path(shutil.copytree(inventory, tmp_path / "i")) / "mail.toml"
    deploy = [PYINFRA, str(mail.parent), "deploy.py", "-y", "--limit", host]
    edit(mail, (f'"@{domain}" = "read"', f'"@{domain}" = "write"'))
    Deploy.run(deployed, mail.parent, "--limit", host).succeeded()
    edit(mail, (f'"@{domain}" = "write"', f'"@{domain}" = "read"'))
    found = look(deployed, host, user, deploy, tmp_path, "notices")
    assert found == {"before": "OK", "open": "gone", "after": "OK", "listed": 2}
    edit(mail, (f'"@{domain}" = "read", ', ""))
    found = look(deployed, host, user, deploy, tmp_path, "notices")
    assert found == {"before": "OK", "open": "gone", "after": "NO", "listed": 0}
