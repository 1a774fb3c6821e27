"""One mailbox is added and the password of another changed, while mail programs are connected."""

import json
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lab.lab import Lab
from mailwright.inventory import password
from mailwright.inventory.edit import edited
from tests.host.letters import eventually
from tests.lab.deploys import HOSTS, PYINFRA, ROOT, Deploy
from tests.lab.test_deploy import ask, dry

OLD, NEW = "for-everyone-to-read", "changed-in-the-middle"  # the first as in inventory/verify.toml

# Is connected in every way, runs what its arguments say, and looks what became of that.
STAY = """
import imaplib, json, smtplib, subprocess, sys
from contextlib import ExitStack
from tests.host.letters import Account, eventually
def is_open(client):
    try:
        return client.noop()[0] in ("OK", 250)
    except (imaplib.IMAP4.error, OSError):
        return False
def lets_in(host, user, word):
    try:
        with Account(user, word, host).imap():
            return True
    except imaplib.IMAP4.error as error:
        assert "AUTHENTICATIONFAILED" in str(error)
        return False
def takes(host, user):
    with smtplib.SMTP(host, 25) as client:
        client.ehlo("client.invalid"), client.mail("<>")
        return client.rcpt(user)[0]
def writes_to_itself(account):
    id = f"<{account.server}@new.invalid>"
    text = f"From: {account.address}\\r\\nMessage-ID: {id}\\r\\n\\r\\nHello.\\r\\n"
    def attempt():
        try:
            with account.smtp() as client:
                return client.sendmail(account.address, account.address, text) or True
        except smtplib.SMTPResponseException as error:
            assert b"not owned" in error.smtp_error
    eventually(attempt, "mail from a new mailbox", 10)
    return account.wait_anywhere(id) is not None
people, result, seen = json.load(sys.stdin), {}, {}
with ExitStack() as all:
    for host, domain, old, new in people:
        imap = all.enter_context(Account(f"few@{domain}", old, host).imap())
        assert imap.select("INBOX")[0] == "OK"
        kicked = Account(f"devices@{domain}", old, host).imap().__enter__()
        server = all.enter_context(smtplib.SMTP(host, 25))
        server.ehlo("client.invalid")
        # A second process of Postfix has the maps open, and waits for whoever comes next.
        assert takes(host, f"new@{domain}") == 550
        seen[host] = imap, server, kicked
    subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
    for host, domain, old, new in people:
        imap, server, kicked = seen[host]
        result[host] = {
            "mail to the new mailbox": takes(host, f"new@{domain}"),
            "password before": lets_in(host, f"devices@{domain}", old),
            "password now": lets_in(host, f"devices@{domain}", new),
            "session of another": is_open(imap) and imap.check()[0] == "OK",
            "session of a server": is_open(server),
            "session with the password before": is_open(kicked),
            "letter of the new mailbox": writes_to_itself(Account(f"new@{domain}", new, host)),
        }
print(json.dumps(result))
"""
GOOD = {
    "mail to the new mailbox": 250,
    "password before": False,
    "password now": True,
    "session of another": True,
    "session of a server": True,
    "session with the password before": False,
    "letter of the new mailbox": True,
}


@pytest.fixture
def changed(deployed: Lab, inventory: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the inventory with one password changed and one mailbox more on each host, whose
    mail is removed in the end.
    """
    folder = Path(shutil.copytree(inventory, tmp_path / "changed"))
    for host in HOSTS:
        domain = host.removeprefix("mail.")
        with edited(folder) as editor:
            settings = {"password": password.hash(NEW, generated=True)}
            editor.set(f"devices@{domain}", settings)
            editor.add(f"new@{domain}", settings)
    yield folder
    for host in HOSTS:
        ask(deployed, host, f"rm -rf /var/vmail/{host.removeprefix('mail.')}/new")


def daemons(lab: Lab, host: str) -> str:
    """The main processes, and when systemd last started or reloaded each."""
    shown = "-P MainPID -P InvocationID -P StateChangeTimestampMonotonic"
    return ask(lab, host, f"systemctl show {shown} dovecot rspamd postfix postfix@-")


def stay(lab: Lab, *command: str) -> dict[str, Any]:
    """What mail programs see of a command."""
    given = [(host, host.removeprefix("mail."), OLD, NEW) for host in HOSTS]
    done = lab.run(
        [sys.executable, "-c", STAY, *command],
        cwd=ROOT,
        input=json.dumps(given),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_mailbox_and_a_password_are_live_and_no_daemon_is_told(
    deployed: Lab, changed: Path
) -> None:
    before = [daemons(deployed, host) for host in HOSTS]
    seen = stay(deployed, PYINFRA, str(changed), "deploy.py", "-y")
    assert seen == dict.fromkeys(HOSTS, GOOD)
    assert [daemons(deployed, host) for host in HOSTS] == before
    assert Deploy.count(deployed, changed) == 0


def test_nobody_inherits_mail_by_mistake_and_what_is_purged_is_deleted(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    """Somebody is renamed and leaves; another gets his address, then somebody else."""
    folder = Path(shutil.copytree(inventory, tmp_path / "inventory"))
    domains = [host.removeprefix("mail.") for host in HOSTS]
    with edited(folder) as editor:
        for domain in domains:
            editor.add(f"first@{domain}", {"password": password.hash(OLD, generated=True)})
    Deploy.run(deployed, folder).succeeded()
    for host, domain in zip(HOSTS, domains, strict=True):
        letter = f"From: a@b.invalid\\nSubject: Of {domain}\\n\\nHello.\\n"
        ask(deployed, host, f"printf '{letter}' | doveadm save -u first@{domain}")
    with edited(folder) as editor:
        for domain in domains:
            editor.rename(f"first@{domain}", f"second@{domain}", alias=True)
            editor.remove(f"second@{domain}")
    Deploy.run(deployed, folder).succeeded()

    # As if it had been removed by hand; something else that would change as well.
    by_hand = Path(shutil.copytree(folder, tmp_path / "by-hand")) / "mail.toml"
    text = by_hand.read_text().partition("[removed]")[0].replace('"50M"', '"40M"')
    new = "".join(f'[mailboxes."first@{domain}"]\nuse = "shared"\n' for domain in domains)
    by_hand.write_text(text + new)
    run = Deploy.run(deployed, by_hand.parent)
    for said in (dry(deployed, by_hand.parent), run.refused()):
        for domain in domains:
            assert f"first@{domain} is new, and /var/vmail/{domain}/first holds" in said
            assert said.count("--keep-mail") == len(HOSTS)
    assert not run.acted()

    with edited(folder) as editor:
        for domain in domains:
            editor.add(f"first@{domain}", {"use": "shared"}, keep_mail=True)
    Deploy.run(deployed, folder).succeeded()
    for host, domain in zip(HOSTS, domains, strict=True):
        found = ask(deployed, host, f"doveadm fetch -u first@{domain} hdr.subject ALL")
        assert f"Of {domain}" in found

    with edited(folder) as editor:
        for domain in domains:
            editor.rename(f"first@{domain}", f"third@{domain}", alias=False)
            editor.remove(f"third@{domain}")
            editor.purge(f"third@{domain}", date(2026, 1, 1))
            editor.purge(f"never@{domain}", date(2999, 1, 1))
    said = Deploy.run(deployed, folder).succeeded().output
    for host, domain in zip(HOSTS, domains, strict=True):
        ask(deployed, host, f"test ! -e /var/vmail/{domain}/first")
        assert f"never@{domain}: nothing lies in /var/vmail/{domain}/never" in said
        assert f"first@{domain}: nothing lies" not in said
    with edited(folder) as editor:
        for domain in domains:
            editor.add(f"first@{domain}", {"use": "shared"}, today=date(2026, 1, 1))
    Deploy.run(deployed, folder).succeeded()


# Two domains with a hundred thousand mailboxes each, like `few` of this host.
MANY = """
cd /etc/dovecot/users
trap 'rm -f many?.example' EXIT
for domain in many1.example many2.example; do
    sed -n 's/^few@DOMAIN//p' DOMAIN | awk -v domain=$domain '{ lines[NR] = $0 } END {
        for (n = 0; n < 100000; n++) for (i = 1; i <= NR; i++) print "p" n "@" domain lines[i]
    }' >$domain
    chgrp dovecot $domain
    chmod 0640 $domain
    doveadm user -f uid p99999@$domain
done
"""


def test_hundreds_of_thousands_of_mailboxes_fit_into_dovecot(deployed: Lab) -> None:
    for host in HOSTS:
        script = MANY.replace("DOMAIN", host.removeprefix("mail."))
        assert ask(deployed, host, script).split() == ["5000", "5000"]


SWAPPED = {
    "dovecot swap KILL": "-r /etc/dovecot/users",
    "postfix activate KILL": "/etc/postfix/maps/virtual_mailbox_maps",
}


def test_what_killed_rollouts_began_is_finished_by_the_next(
    deployed: Lab, changed: Path, tmp_path: Path
) -> None:
    """They die between swap and record, Dovecot's before it has logged anybody out."""
    before = [daemons(deployed, host) for host in HOSTS]
    ready, done = tmp_path / "ready", tmp_path / "done"
    wait = f"touch {ready}; until [ -e {done} ]; do sleep 0.1; done"
    with ThreadPoolExecutor() as pool:
        seen = pool.submit(stay, deployed, "timeout", "300", "sh", "-c", wait)
        try:
            eventually(lambda: ready.exists() or None, "mail programs")
            for stop in SWAPPED:
                Deploy.run(deployed, changed, stop=stop).refused()
                for host in HOSTS:
                    ask(deployed, host, f"grep -q ^new@ {SWAPPED[stop]}")
            acted = Deploy.run(deployed, changed).succeeded().acted()
        finally:
            done.touch()
    assert seen.result() == dict.fromkeys(HOSTS, GOOD)
    assert acted == {"Postfix | Postfix"}  # Dovecot's was finished by the second that was killed
    assert [daemons(deployed, host) for host in HOSTS] == before
    assert Deploy.count(deployed, changed) == 0
