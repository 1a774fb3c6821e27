"""Logins when the file behind them is broken, and what time does to a mailbox."""

import json
import sys
from pathlib import Path

import pytest

from lab.lab import Lab
from tests.lab.deploys import HOSTS
from tests.lab.test_deploy import ask

PASSWORD = "for-everyone-to-read"  # inventory/verify.toml


def users(host: str) -> str:
    """The file that says who may log in."""
    return f"/etc/dovecot/users/{host.removeprefix('mail.')}"


def let_in(lab: Lab, host: str, user: str, service: str, *passwords: str) -> list[str]:
    """Those of the passwords that Dovecot takes for this service; all asked at once.

    Dovecot looks whether a passwd-file has changed once a second at most.
    """
    test = f"doveadm auth test -x service={service} {user} >/dev/null 2>&1"
    tries = [
        f"(! printf '%s\\n' '{word}' | {test} || echo {n}) &" for n, word in enumerate(passwords)
    ]
    taken = ask(lab, host, "\n".join(["sleep 1.1", *tries, "wait"])).split()
    return [passwords[int(n)] for n in taken]


@pytest.mark.parametrize("host", HOSTS)
def test_a_broken_file_lets_nobody_in(deployed: Lab, host: str) -> None:
    """Cut anywhere in a line, gone, no file at all, or not Dovecot's to read."""
    user, file = f"devices@{host.removeprefix('mail.')}", users(host)
    assert let_in(deployed, host, user, "imap", PASSWORD) == [PASSWORD]
    text = ask(deployed, host, f"cat {file}")
    ask(deployed, host, f"cp -p {file} /root/whole")
    start = text.index(f"{user}/imap:")
    key, end = start + len(f"{user}/imap:"), text.index("::", start)
    for length in (0, start, key - 1, key, key + 5, end - 1):
        ask(deployed, host, f"head -c {length} /root/whole > {file}")
        words = (PASSWORD, "", text[key:length])
        assert let_in(deployed, host, user, "imap", *words) == [], length
    unreadable = f"install -m 0600 /root/whole {file}"
    for damage in (f"mkdir {file}", f"ln -s /dev/null {file}", unreadable, "true"):
        ask(deployed, host, f"rm -rf {file}; {damage}")
        assert let_in(deployed, host, user, "imap", PASSWORD, "") == [], damage
    ask(deployed, host, f"cp -p /root/whole {file}")
    assert let_in(deployed, host, user, "imap", PASSWORD) == [PASSWORD]


POP3 = """
import json, poplib, ssl, sys
server, user = sys.argv[1:]
client = poplib.POP3_SSL(server, context=ssl.create_default_context(cafile=CA))
client.user(user), client.pass_(sys.stdin.readline().strip())
print(json.dumps([line.decode() for line in client.uidl()[1]]))
client.quit()
"""


def names(lab: Lab, host: str, user: str, tmp_path: Path) -> list[str]:
    """What POP3 calls the messages."""
    word = tmp_path / "password"
    word.write_text(PASSWORD)
    program = POP3.replace("CA)", f"{lab.status()['ca']!r})")
    with word.open() as typed:
        command = [sys.executable, "-c", program, host, user]
        done = lab.run(command, stdin=typed, capture_output=True)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.mark.parametrize("host", HOSTS)
def test_pop3_calls_a_message_the_same_after_a_restart(
    deployed: Lab, host: str, tmp_path: Path
) -> None:
    user = f"archive@{host.removeprefix('mail.')}"
    ask(deployed, host, f"printf 'Subject: 1\\n\\n1\\n' | doveadm save -u {user}")
    before = names(deployed, host, user, tmp_path)
    ask(deployed, host, "systemctl restart dovecot")
    home = f"/var/vmail/{host.removeprefix('mail.')}/archive/Maildir"
    ask(deployed, host, f"rm -f {home}/dovecot.index*")  # it is a cache
    assert len(before) == 1
    assert names(deployed, host, user, tmp_path) == before
    ask(deployed, host, f"doveadm expunge -u {user} mailbox INBOX ALL")


@pytest.mark.parametrize("host", HOSTS)
def test_what_was_fetched_fills_no_quota_and_expires(
    deployed: Lab, host: str, tmp_path: Path
) -> None:
    user, file = f"archive@{host.removeprefix('mail.')}", users(host)
    body = "head -c 100000 /dev/zero | tr '\\0' x | fold"
    letter = f"(printf 'Subject: 1\\n\\n'; {body})"
    ask(deployed, host, f"doveadm mailbox create -u {user} Fetched 2>/dev/null || :")
    ask(deployed, host, f"{letter} | doveadm save -u {user} -m Fetched")
    quota = ask(deployed, host, f"doveadm -f tab quota get -u {user} | grep STORAGE")
    assert quota.split("\t")[2] == "0"
    count = f"doveadm search -u {user} mailbox Fetched ALL | wc -l"
    names(deployed, host, user, tmp_path)
    assert ask(deployed, host, count) == "1"
    ask(deployed, host, f"sed -i s/autoexpunge=7d/autoexpunge=1s/ {file}; sleep 2")
    names(deployed, host, user, tmp_path)
    assert ask(deployed, host, f"sleep 1; {count}") == "0"
