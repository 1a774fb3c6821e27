"""People come and go: what becomes of their mail on real hosts."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from lab.lab import Lab
from mailwright.inventory import password
from mailwright.inventory.edit import edited
from tests.host.letters import eventually
from tests.inventories import make_keys
from tests.lab.deploys import HOSTS, PYINFRA, ROOT, Deploy, edit
from tests.lab.test_deploy import ask
from tests.lab.test_use import let_in

# Each takes a name of the mailbox on each host, and reads it with a mail program's eyes.
OWNERS = {"mail.example.com": "alice@example.com", "mail.example.org": "bob@example.org"}

# Looks at each mailbox, deploys, and looks again under the other name.
MOVE = """
import imaplib, json, poplib, re, ssl, subprocess, sys
people, deploy = json.load(sys.stdin), sys.argv[1:]
context = ssl.create_default_context(cafile=CA)
def session(host, user, password):
    client = imaplib.IMAP4_SSL(host, ssl_context=context)
    client.login(user, password)
    return client
def uids(client, folder):
    assert client.select(folder, readonly=True)[0] == "OK", folder
    lines = client.uid("FETCH", "1:*", "(FLAGS INTERNALDATE)")[1]
    lines = [re.sub(rb" ?.Recent", b"", line).decode() for line in lines if line]
    return client.response("UIDVALIDITY")[1][0].decode(), lines
def look(host, user, team, password):
    client = session(host, user, password)
    found = {folder: uids(client, folder) for folder in ("INBOX", "Filed")}
    found["team"] = uids(client, f"Shared/{team}")
    client.logout()
    reader = poplib.POP3_SSL(host, context=context)
    reader.user(user), reader.pass_(password)
    found["uidl"] = [line.decode() for line in reader.uidl()[1]]
    reader.quit()
    return found
def open_still(client):
    try:
        return client.noop()[0]
    except (imaplib.IMAP4.error, OSError):
        return "gone"
def refused(host, user, team, password):
    try:
        session(host, user, password)
    except imaplib.IMAP4.error as error:
        return str(error)
result = {host: {"before": look(host, *names[0])} for host, names in people.items()}
sessions = {host: session(host, names[0][0], names[0][2]) for host, names in people.items()}
subprocess.run(deploy, check=True, stdout=subprocess.DEVNULL)
for host, names in people.items():
    result[host] |= {"open": open_still(sessions[host]), "old": refused(host, *names[0])}
    result[host]["after"] = look(host, *names[1])
print(json.dumps(result))
"""


def move(lab: Lab, people: dict[str, Any], inventory: Path, tmp_path: Path) -> dict[str, Any]:
    given = tmp_path / "people"
    given.write_text(json.dumps(people))
    program = MOVE.replace("CA)", f"{lab.status()['ca']!r})")
    deploy = [PYINFRA, str(inventory), "deploy.py", "-y"]
    with given.open() as file:
        command = [sys.executable, "-c", program, *deploy]
        done = lab.run(command, cwd=ROOT, stdin=file, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stdout
    return dict(json.loads(done.stdout))


FILED = r"""
home=/var/vmail/{domain}/{local}
doveadm expunge -u {user} mailbox INBOX all
echo 'require ["fileinto","mailbox"];' >$home/.dovecot.sieve
echo 'if header "Subject" "filed" {{ fileinto :create "Filed"; }}' >>$home/.dovecot.sieve
chown vmail: $home/.dovecot.sieve
for n in 1 2 3; do printf "Subject: $n\n\n$n\n" | doveadm save -u {user}; done
doveadm expunge -u {user} mailbox INBOX subject 2
doveadm flags add -u {user} '\Answered' mailbox INBOX subject 3
printf 'Subject: filed\n\n1\n' | /usr/sbin/sendmail -f '<>' {user}
printf 'Subject: team\n\n1\n' | doveadm save -u shared@{domain}
"""

LETTER = "printf 'Subject: {subject}\\n\\n1\\n' | /usr/sbin/sendmail -f '<>' {to}"


def arrives(lab: Lab, host: str, user: str, search: str, number: int = 1) -> None:
    """Waits until so many messages are there."""
    shell = f"doveadm search -u {user} {search}"
    eventually(lambda: len(ask(lab, host, shell).splitlines()) == number or None, shell)


def test_a_renamed_mailbox_keeps_every_name_of_every_message(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    changed = shutil.copytree(inventory, tmp_path / "inventory")
    people = {}
    passwords = tomllib.loads((inventory / "verify.toml").read_text())["accounts"]
    for host, user in OWNERS.items():
        local, _, domain = user.partition("@")
        ask(deployed, host, FILED.format(user=user, local=local, domain=domain))
        arrives(deployed, host, user, "mailbox Filed all")
        member = f"doveadm flags add -u {user} '\\Seen' mailbox Shared/shared@{domain} all"
        ask(deployed, host, member)
        word = passwords[user]
        people[host] = [(user, f"shared@{domain}", word), (f"new.{user}", f"crew@{domain}", word)]
        with edited(changed) as editor:
            for old, new in list(zip(*people[host], strict=True))[:2]:
                editor.rename(old, new, alias=True)
    try:
        found = move(deployed, people, changed, tmp_path)
        for host, (_, (user, team, _)) in people.items():
            seen = found[host]
            assert seen["before"] == seen["after"]
            assert [len(seen["after"][name][1]) for name in ("INBOX", "Filed", "team")] == [2, 1, 1]
            assert len(seen["after"]["uidl"]) == 2
            assert "\\Answered" in seen["after"]["INBOX"][1][1]
            assert "\\Seen" in seen["after"]["team"][1][0]
            assert seen["open"] == "gone"
            assert "AUTHENTICATIONFAILED" in seen["old"]
            for to in (OWNERS[host], user):
                ask(deployed, host, LETTER.format(subject=f"to-{to}", to=to))
                arrives(deployed, host, user, f"mailbox INBOX subject to-{to}")
            ask(deployed, host, LETTER.format(subject="filed", to=user))
            arrives(deployed, host, user, "mailbox Filed all", 2)
            old = f"shared@{host.removeprefix('mail.')}"
            ask(deployed, host, LETTER.format(subject="again", to=old))
            arrives(deployed, host, user, f"mailbox Shared/{team} subject again")
            # Folders of mail; his list of subscriptions bears his name.
            made = "find /var/vmail -type d '(' -name 'new.*' -o -name crew ')'"
            assert ask(deployed, host, made) == ""
        assert Deploy.count(deployed, changed) == 0
    finally:
        Deploy.run(deployed, inventory).succeeded()
        for host, user in OWNERS.items():
            local, _, domain = user.partition("@")
            ask(deployed, host, f"rm -f /var/vmail/{domain}/{local}/.dovecot.sieve")
            ask(deployed, host, f"doveadm mailbox delete -u {user} Filed")
            for box in (user, f"shared@{domain}"):
                ask(deployed, host, f"doveadm expunge -u {box} mailbox INBOX all")
    assert list(OWNERS) == HOSTS


def left(lab: Lab, host: str) -> set[str]:
    """Every message file on the host."""
    return set(ask(lab, host, "find /var/vmail -path '*/cur/*' -o -path '*/new/*'").splitlines())


def day(lab: Lab, host: str, number: int) -> date:
    """Today by the host's clock, or so many days later."""
    return date.fromisoformat(ask(lab, host, f"date +%F -d '{number} days'"))


def journal(lab: Lab, host: str) -> str:
    return ask(lab, host, "journalctl -qn 1 -o cat -t run -u mailwright-purge.service")


IDN = {"mail.example.com": "xn--mnchen-3ya.example", "mail.example.org": "xn--kln-sna.example"}


def add_idn(inventory: Path) -> None:
    """A domain with letters outside ASCII on each host, and a mailbox in it."""
    text, mail = "", inventory / "mail.toml"
    for host, domain in IDN.items():
        name = domain.encode().decode("idna")
        hashed = password.hash("in any letters")
        text += f'[domains."{name}"]\nhost = "{host}"\n'
        text += f'[mailboxes."info@{name}"]\nuse = "both"\npassword = "{hashed}"\n'
    mail.write_text(f"{mail.read_text()}{text}")


RCPT = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], timeout=20) as client:
    client.ehlo(), client.mail("")
    print(client.rcpt(sys.argv[2])[0])
"""


def is_open(lab: Lab, host: str, user: str, word: str) -> tuple[bool, int]:
    """Whether the password lets him in by POP3, and the answer to mail for him."""
    opened = let_in(lab, host, user, "pop3", word)
    if not user.isascii():
        return bool(opened), 0
    done = lab.run([sys.executable, "-c", RCPT, host, user], capture_output=True)
    return bool(opened), int(done.stdout)


def test_mail_of_a_removed_mailbox_is_deleted_on_its_day(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    changed = shutil.copytree(inventory, tmp_path / "inventory")
    before = {}
    for host in HOSTS:
        domain = host.removeprefix("mail.")
        for user in (f"compact@{domain}", f"archive@{domain}"):
            ask(deployed, host, f"printf 'Subject: 1\\n\\n1\\n' | doveadm save -u {user}")
        copy = "cd /var/vmail/DOMAIN && cp -a compact compact.kept && cp -a compact kept-compact"
        ask(deployed, host, copy.replace("DOMAIN", domain))
        before[host] = left(deployed, host)
        with edited(changed) as editor:
            editor.remove(f"compact@{domain}")
            editor.purge(f"compact@{domain}", day(deployed, host, 2))
    passwords = tomllib.loads((inventory / "verify.toml").read_text())["accounts"]
    for user in (f"compact@{host.removeprefix('mail.')}" for host in HOSTS):
        host = f"mail.{user.partition('@')[2]}"
        assert is_open(deployed, host, user, passwords[user]) == (True, 250)
    add_idn(changed)
    make_keys(changed)
    Deploy.run(deployed, changed).succeeded()
    for host in HOSTS:
        user = f"compact@{host.removeprefix('mail.')}"
        assert is_open(deployed, host, user, passwords[user]) == (False, 550)
        assert is_open(deployed, host, f"info@{IDN[host]}", "in any letters") == (True, 250)
        u_label = f"info@{IDN[host].encode().decode('idna')}"
        assert is_open(deployed, host, u_label, "in any letters")[0] is False
        ask(deployed, host, LETTER.format(subject="idn", to=f"info@{IDN[host]}"))
        arrives(deployed, host, f"info@{IDN[host]}", "mailbox INBOX subject idn")
        ask(deployed, host, f"rm -r /var/vmail/{IDN[host]}")
        ask(deployed, host, "systemctl start mailwright-purge.service")
        assert left(deployed, host) == before[host]
        with edited(changed) as editor:
            editor.purge(f"compact@{host.removeprefix('mail.')}", day(deployed, host, 0))
    assert Deploy.run(deployed, changed).succeeded().acted() == {"Purge | Mail to delete"}
    for host in HOSTS:
        domain = host.removeprefix("mail.")
        gone = f"/var/vmail/{domain}/compact/"
        assert before[host] - left(deployed, host) == {
            path for path in before[host] if path.startswith(gone)
        }
        assert left(deployed, host) <= before[host]
        assert ask(deployed, host, f"ls -d {gone} 2>&1 || :").endswith("No such file or directory")
        assert f"deleted /var/vmail/{domain}/compact, " in journal(deployed, host)
        ask(deployed, host, f"cd /var/vmail/{domain}; rm -r compact.kept kept-compact")
        ask(deployed, host, f"doveadm expunge -u archive@{domain} mailbox INBOX all")
    assert Deploy.count(deployed, changed) == 0


def test_who_has_a_mailbox_keeps_it_whatever_the_list_says(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    """A deploy may die between the two, and a users file may be unreadable."""
    changed = shutil.copytree(inventory, tmp_path / "inventory")
    with edited(changed) as editor:
        for host in HOSTS:
            domain = host.removeprefix("mail.")
            editor.rename(f"compact@{domain}", f"moved@{domain}", alias=False)
    Deploy.run(deployed, changed).succeeded()
    for host in HOSTS:
        domain = host.removeprefix("mail.")
        for name, user in (("archive", "archive"), ("compact", "moved")):
            ask(deployed, host, f"printf 'Subject: 1\\n\\n1\\n' | doveadm save -u {user}@{domain}")
            line = f"2020-01-01 {name}@{domain} /var/vmail/{domain}/{name}"
            ask(deployed, host, f"echo '{line}' >>/etc/mailwright/purge/list")
        line = f"2020-01-01 nobody@{domain} /var/vmail/{domain}/nobody"
        ask(deployed, host, f"echo '{line}' >>/etc/mailwright/purge/list")
        nobody = f"/var/vmail/{domain}/nobody"
        ask(deployed, host, f"mkdir -p {nobody}/Maildir/cur; touch {nobody}/Maildir/cur/1")
        ask(deployed, host, f"chown -R vmail: {nobody}")
        before = left(deployed, host)
        ask(deployed, host, f"chmod 600 /etc/dovecot/users/{domain}")
        ask(deployed, host, "systemctl start mailwright-purge.service")
        assert left(deployed, host) == before
        ask(deployed, host, f"chmod 640 /etc/dovecot/users/{domain}")
        ask(deployed, host, "systemctl start mailwright-purge.service")
        assert before - left(deployed, host) == {f"{nobody}/Maildir/cur/1"}
        for user in ("archive", "moved"):
            ask(deployed, host, f"doveadm expunge -u {user}@{domain} mailbox INBOX all")


# Comes with each mail program once, or as often as the line says, and sends a letter.
COME = """
import json, sys
from tests.host.letters import Account
from tests.host.logins import refusal
for host, domain, words in json.load(sys.stdin):
    def come(local, protocol, port):
        name = f"{local}@{domain}"
        return refusal(host, protocol, port, name, words[name])
    owner = {"example.com": "alice", "example.org": "bob"}[domain]
    assert come(owner, "pop3", 995) == come(owner, "pop3", 110) == ""
    assert come("devices", "imap", 993) == come("devices", "sieve", 4190) == ""
    assert come("archive", "pop3", 995) == ""
    assert come("archive", "imap", 993) and come("archive", "imap", 143)
    sender = Account(f"few@{domain}", words[f"few@{domain}"], host)
    letter = f"From: {sender.address}\\r\\nSubject: 1\\r\\n\\r\\n1\\r\\n"
    with sender.smtp() as client:
        client.sendmail(sender.address, sender.address, letter)
"""


def advise(lab: Lab, inventory: Path) -> list[str]:
    """What `mailwright mailbox advise` says."""
    command = [str(Path(PYINFRA).with_name("mailwright")), "mailbox", "advise", str(inventory)]
    done = lab.run(command, capture_output=True)
    assert done.returncode == 0, done.stderr
    return str(done.stdout).splitlines()


def test_advice_comes_from_what_really_happened(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    words = tomllib.loads((inventory / "verify.toml").read_text())["accounts"]
    body = "head -c 96000 /dev/zero | tr '\\0' x | fold"
    for host in HOSTS:
        domain = host.removeprefix("mail.")
        ask(deployed, host, "journalctl -q --rotate; sleep 1.1; journalctl -q --vacuum-time=1s")
        ask(deployed, host, f"doveadm expunge -u tiny@{domain} mailbox '*' all || :")
        ask(deployed, host, f"(printf 'Subject: 1\\n\\n'; {body}) | doveadm save -u tiny@{domain}")
    given = tmp_path / "given"
    given.write_text(json.dumps([(host, host.removeprefix("mail."), words) for host in HOSTS]))
    with given.open() as file:
        done = deployed.run([sys.executable, "-c", COME], cwd=ROOT, stdin=file, capture_output=True)
    assert done.returncode == 0, done.stderr
    changed = shutil.copytree(inventory, tmp_path / "inventory")
    edit(changed / "hosts.py", ('"ssh_user": "root"', '"ssh_user": "admin", "_sudo": True'))
    said = advise(deployed, changed)
    for host in HOSTS:
        domain = host.removeprefix("mail.")
        owner = OWNERS[host]
        for line in (
            f"{owner}: both → archive would do: only POP3, from 1 address",
            f"archive@{domain}: archive → both would let him in: IMAP refused twice",
            f"few@{domain}: nobody read it for 1 hour, it only sends",
            f"send-only@{domain}: nobody logged in for 1 hour",
        ):
            assert line in said
        (tiny,) = (line for line in said if line.startswith(f"tiny@{domain}: "))
        assert re.search(r"; 9[5-8] % full \(9\dK of 100K\)$", tiny)
        silent = {f"{name}@{domain}" for name in ("devices", "shared", "suspended")}
        assert not silent & {line.partition(":")[0] for line in said}
    edit(changed / "mail.toml", ('quota = "100K"', 'quota = "50K"'))
    said = advise(deployed, changed)
    for host in HOSTS:
        tiny = f"tiny@{host.removeprefix('mail.')}: "
        (line,) = (line for line in said if line.startswith(tiny))
        assert re.search(r"; its quota of 50K is below what is stored, 9\dK$", line)
    told = Deploy.run(deployed, changed).succeeded().output
    for host in HOSTS:
        tiny = f"tiny@{host.removeprefix('mail.')}: "
        assert re.search(
            rf"\[{host}\].* {tiny}its quota of 50K is below what is stored, 9\dK", told
        )
        ask(deployed, host, f"doveadm expunge -u {tiny[:-2]} mailbox INBOX all")
        ask(deployed, host, f"doveadm expunge -u few@{host.removeprefix('mail.')} mailbox '*' all")
