"""Logins when the file behind them is broken, and what time does to a mailbox."""

import json
import shlex
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lab.lab import Lab
from tests.lab.deploys import HOSTS, ROOT
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


def test_a_broken_file_lets_nobody_in(deployed: Lab) -> None:
    """Cut anywhere in a line, gone, no file at all, or not Dovecot's to read."""
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(lambda host: damage(deployed, host), HOSTS)) == [None, None]


def damage(lab: Lab, host: str) -> None:
    user, file = f"devices@{host.removeprefix('mail.')}", users(host)
    assert let_in(lab, host, user, "imap", PASSWORD) == [PASSWORD]
    text = ask(lab, host, f"cat {file}")
    ask(lab, host, f"cp -p {file} /root/whole")
    start = text.index(f"{user}/imap:")
    key, end = start + len(f"{user}/imap:"), text.index("::", start)
    for length in (0, start, key - 1, key, key + 5, end - 1):
        ask(lab, host, f"head -c {length} /root/whole > {file}")
        words = (PASSWORD, "", text[key:length])
        assert let_in(lab, host, user, "imap", *words) == [], (host, length)
    unreadable = f"install -m 0600 /root/whole {file}"
    for how in (f"mkdir {file}", f"ln -s /dev/null {file}", unreadable, "true"):
        ask(lab, host, f"rm -rf {file}; {how}")
        assert let_in(lab, host, user, "imap", PASSWORD, "") == [], (host, how)
    ask(lab, host, f"cp -p /root/whole {file}")
    assert let_in(lab, host, user, "imap", PASSWORD) == [PASSWORD]


def test_no_spelling_of_a_name_opens_more_than_the_name_itself(deployed: Lab) -> None:
    """Letters are folded, and that is all; who is refused is refused in capitals as well."""
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(lambda host: spell(deployed, host), HOSTS)) == [None, None]


def spell(lab: Lab, host: str) -> None:
    domain = host.removeprefix("mail.")
    local = {"example.com": "alice", "example.org": "bob"}[domain]
    other = {"example.com": "example.biz", "example.org": "bücher.example"}[domain]  # alias domains
    word = tomllib.loads((ROOT / "inventory/verify.toml").read_text())["accounts"]
    name, archive = f"{local}@{domain}", f"archive@{domain}"
    odd = [f"{local}+x@{domain}", f" {name}", f"{name}\t", f"{name}/imap", local]
    odd += [f"{local}@{other}", name.replace("@", "%")]
    tries = {spelling: set[str]() for spelling in odd}
    tries |= {name: {*SERVICES}, name.upper(): {*SERVICES}}
    assert doors(lab, host, word[name], [*tries]) == tries
    tries = {archive: {"pop3", "smtp"}, archive.title(): {"pop3", "smtp"}}
    assert doors(lab, host, word[archive], [*tries]) == tries


SERVICES = ("imap", "pop3", "smtp", "sieve")


def doors(lab: Lab, host: str, password: str, names: list[str]) -> dict[str, set[str]]:
    """The services that Dovecot opens for this password to each spelling; all asked at once."""
    shell = ["sleep 1.1"]
    for n, name in enumerate(names):
        for service in SERVICES:
            test = f"doveadm auth test -x service={service} {shlex.quote(name)} >/dev/null 2>&1"
            shell.append(f"(! printf '%s\\n' '{password}' | {test} || echo {n} {service}) &")
    found: dict[str, set[str]] = {name: set() for name in names}
    for line in ask(lab, host, "\n".join([*shell, "wait"])).splitlines():
        number, service = line.split()
        found[names[int(number)]].add(service)
    return found


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
    return pop3(lab, POP3, host, user, tmp_path)


def pop3(lab: Lab, program: str, host: str, user: str, tmp_path: Path) -> list[Any]:
    """What a program prints that reads the password from its standard input."""
    word = tmp_path / "password"
    word.write_text(PASSWORD)
    program = program.replace("CA)", f"{lab.status()['ca']!r})")
    with word.open() as typed:
        command = [sys.executable, "-c", program, host, user]
        done = lab.run(command, stdin=typed, capture_output=True)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.mark.parametrize("host", HOSTS)
def test_pop3_calls_a_message_the_same_after_a_restart_and_a_restore(
    deployed: Lab, host: str, tmp_path: Path
) -> None:
    user = f"archive@{host.removeprefix('mail.')}"
    save = f"printf 'Subject: 1\\n\\n1\\n' | doveadm save -u {user}"
    ask(deployed, host, f"{save}; {save}; {save}; doveadm expunge -u {user} mailbox INBOX 2")
    before = names(deployed, host, user, tmp_path)
    assert len(before) == 2
    ask(deployed, host, "systemctl restart dovecot")
    assert names(deployed, host, user, tmp_path) == before
    size = f"doveadm -f tab quota get -u {user}"
    full, root = ask(deployed, host, size), f"/var/vmail/{host.removeprefix('mail.')}"
    backup = f"cd {root}; tar --exclude='dovecot*index*' -cf /root/backup archive; rm -r archive"
    ask(deployed, host, backup)  # indexes are caches, so backups may leave them out
    assert names(deployed, host, user, tmp_path) == []
    ask(deployed, host, f"cd {root}; rm -r archive; tar -xf /root/backup")
    assert names(deployed, host, user, tmp_path) == before
    assert ask(deployed, host, size) == full
    ask(deployed, host, save)
    (new,) = {*names(deployed, host, user, tmp_path)} - {*before}
    assert new.partition(" ")[2][:8] > max(name.partition(" ")[2][:8] for name in before)
    ask(deployed, host, f"doveadm expunge -u {user} mailbox INBOX ALL")


SECOND = """
import json, poplib, ssl, sys
def session():
    client = poplib.POP3_SSL(sys.argv[1], context=ssl.create_default_context(cafile=CA))
    client.user(sys.argv[2])
    return client
password, said = sys.stdin.readline().strip(), "let in"
first, second = session(), session()
first.pass_(password)
try:
    second.pass_(password)
except poplib.error_proto as error:
    said = str(error)
before = first.stat()
first.quit()
third = session()
third.pass_(password)
print(json.dumps([said, before, third.stat()]))
"""


def test_a_second_pop3_session_is_told_that_the_mailbox_is_in_use(
    deployed: Lab, tmp_path: Path
) -> None:
    """RFC 1939 section 4 wants the lock, RFC 2449 the words; Dovecot waits 10 s before them."""

    def try_both(host: str) -> None:
        user = f"archive@{host.removeprefix('mail.')}"
        said, before, after = pop3(deployed, SECOND, host, user, tmp_path)
        assert "-ERR [IN-USE]" in said
        assert before == after

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(try_both, HOSTS)) == [None, None]


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


@pytest.mark.parametrize("host", HOSTS)
def test_what_was_fetched_expires_where_nobody_uses_pop3_any_more(deployed: Lab, host: str) -> None:
    """Nor must anybody log in, to a mailbox that became a shared one: a delivery does it."""
    user, conf = f"shared@{host.removeprefix('mail.')}", "/etc/dovecot/dovecot.conf"
    letter = "printf 'Subject: 1\\n\\n1\\n'"
    some = f"doveadm search -u {user} mailbox Fetched ALL | wc -l"
    ask(deployed, host, f"doveadm mailbox create -u {user} Fetched")
    ask(deployed, host, f"{letter} | doveadm save -u {user} -m Fetched")
    ask(deployed, host, f"cp -p {conf} /root/conf; sed -i '/autoexpunge/s/30d/1s/' {conf}")
    try:
        ask(deployed, host, "doveadm reload; sleep 2")
        assert ask(deployed, host, some) == "1"
        loop = f'until [ "$({some})" = 0 ]; do sleep 0.2; done'
        ask(deployed, host, f"{letter} | sendmail {user}; timeout 20 sh -c {shlex.quote(loop)}")
    finally:
        ask(deployed, host, f"cp -p /root/conf {conf}; doveadm reload")
        ask(deployed, host, f"doveadm expunge -u {user} mailbox INBOX ALL")
        ask(deployed, host, f"doveadm mailbox delete -u {user} Fetched")
