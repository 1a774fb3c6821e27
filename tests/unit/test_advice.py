"""What would fit a mailbox better, from how it is used."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailwright.advice import usage
from mailwright.advice.fit import advice, span_words
from mailwright.advice.usage import Usage
from mailwright.model import size
from mailwright.model.mailbox import Mailbox
from mailwright.model.sharing import Member
from mailwright.model.use import USES

NAME = "carol@example.com"
MONTH = timedelta(days=30)
HOME, WORK, THIEF = "192.0.2.1/32", "2001:db8:1::/64", "203.0.113.9/32"


def box(
    use: str = "devices",
    *,
    quota: int = 100 << 20,
    quota_message_count: int = 0,
    protocols: tuple[str, ...] = (),
    members: tuple[Member, ...] = (),
    suspended: bool = False,
) -> Mailbox:
    return Mailbox(
        NAME,
        quota,
        "",
        use,
        protocols or USES[use].protocols,
        suspended,
        quota_message_count=quota_message_count,
        members=members,
    )


def came(*clients: str) -> dict[str, int]:
    return dict.fromkeys(clients, 3)


IMAP, POP3, SMTP = ({name: came(HOME)} for name in ("imap", "pop3", "submission"))


@pytest.mark.parametrize(
    ("mailbox", "used", "said"),
    [
        (box(), Usage(IMAP), ""),
        (box("archive"), Usage(POP3), ""),
        (box("compact"), Usage(POP3), ""),
        (box("both"), Usage(IMAP | POP3), ""),
        (box("send-only"), Usage(SMTP), ""),
        (box(suspended=True), Usage(), ""),
        (box(), Usage(), "nobody logged in for 30 days"),
        (box("send-only"), Usage(), "nobody logged in for 30 days"),
        (box(), Usage(SMTP), "nobody read it for 30 days, it only sends"),
        (box("both"), Usage({"pop3": came(HOME, WORK)} | SMTP), "both → archive would do: only POP3, from 2 addresses"),
        (box("both"), Usage(IMAP), "both → devices would do: only IMAP, from 1 address"),
        (box("devices", protocols=("imap", "pop3")), Usage(POP3), "devices → archive would do: only POP3, from 1 address"),
        (box("archive"), Usage({"pop3": came(*map(str, range(5)))}), "archive → devices keeps several in step: POP3 from 5 addresses"),
        (box(), Usage(IMAP, {"pop3": came(HOME)}), "devices → both would let him in: POP3 refused 3 times"),
        (box(), Usage(IMAP, {"pop3": came(THIEF)}), ""),
        (box(), Usage({}, {"pop3": {HOME: 1}}), "devices → archive would let him in: POP3 refused once"),
        (box("archive"), Usage({}, {"imap": came(HOME, WORK)}), "archive → devices would let him in: IMAP refused 6 times"),
        (box(), Usage(IMAP, {"imap": came(HOME)}), ""),
        (box(), Usage(IMAP, storage=94 << 20), ""),
        (box(), Usage(IMAP, storage=95 << 20), "95 % full (95M of 100M)"),
        (box(), Usage(IMAP, storage=100 << 20), "100 % full (100M of 100M)"),
        (box(), Usage(IMAP, storage=(150 << 20) + 1), "its quota of 100M is below what is stored, 150M"),
        (box(quota=0), Usage(IMAP, storage=1 << 40), ""),
        (box(quota_message_count=20), Usage(IMAP, messages=19), "95 % full (19 messages of 20 messages)"),
        (box(quota_message_count=20), Usage(IMAP, messages=21), "its quota of 20 messages is below what is stored, 21 messages"),
        (box(), Usage(storage=1 << 30), "nobody logged in for 30 days; its quota of 100M is below what is stored, 1G"),
        (box("shared"), Usage(), "shared with nobody: it has no members"),
        (box("shared", members=(Member("m@example.com", "read"),)), Usage(), ""),
        (box("shared", members=(Member("n@example.com", "read"),)), Usage(), "shared, and no member read by IMAP for 30 days"),
    ],
)  # fmt: skip
def test_what_would_fit_better(mailbox: Mailbox, used: Usage, said: str) -> None:
    usages = {NAME: used, "m@example.com": Usage(IMAP)}
    assert advice(mailbox, usages, MONTH) == (f"{NAME}: {said}" if said else "")


NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_what_a_host_prints_is_read() -> None:
    lines = [
        "T 1795000000.5 mail.example.com systemd[1]: started",
        "L       2 in imap 192.0.2.1 Carol@Example.com",
        "L       1 in imap 2001:db8:1::7 carol@example.com",
        "L       1 in imap 2001:db8:1::8 carol@example.com",
        "L       4 in managesieve 192.0.2.1 carol@example.com",
        "L       5 refused pop3 192.0.2.1 carol@example.com",
        "L       6 refused pop3 192.0.2.1 root",
        "L       7 refused pop3 192.0.2.1 carol@example.com and more",
        "L       8 refused pop3 nowhere carol@example.com",
        "L       9 refused pop3 192.0.2.1 ",
        "Q carol@example.com STORAGE 96",
        "Q carol@example.com MESSAGE 3",
    ]
    report = usage.read(lines, 30, NOW)
    assert report.since == datetime.fromtimestamp(1795000000.5, UTC)
    found = report.usages.pop(NAME)
    assert found.logins == {"imap": {HOME: 2, WORK: 2}, "sieve": {HOME: 4}}
    assert found.refused == {"pop3": {HOME: 5}}
    assert (found.storage, found.messages) == (96 << 10, 3)
    assert report.usages == {}


def test_an_old_journal_is_read_for_the_days_asked_for() -> None:
    assert usage.read(["T 1 x"], 7, NOW).since == NOW - timedelta(days=7)


def test_spans_and_sizes_are_said_in_short() -> None:
    spans = [MONTH, timedelta(days=2), timedelta(days=1, hours=6), timedelta(minutes=5)]
    assert [span_words(span) for span in spans] == ["30 days", "2 days", "30 hours", "1 hour"]
    assert [size.about(n) for n in (0, 5, 2048, 98 << 10, 5 << 30, 5100 << 20)] == [
        "0",
        "5",
        "2K",
        "98K",
        "5G",
        "5G",
    ]


START = 1795000000
HOSTNAME = "mail.example.com"
DOVECOT = [
    (10, "imap-login: Login: user=<carol@example.com>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.10, mpid=1, TLS, session=<a>"),
    (110, "imap-login: Login: user=<Carol@Example.com>, method=PLAIN, rip=192.0.2.9, lip=198.51.100.10, mpid=1, TLS, session=<b>"),
    (111, "imap-login: Logged in: user=<carol.b@example.com>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.10, mpid=1, TLS, session=<b>"),
    (112, "pop3-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<carol@example.com>, method=PLAIN, rip=192.0.2.9, lip=198.51.100.10, TLS, session=<c>"),
    (300, "pop3-login: Login: user=<carol@example.com>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.10, mpid=1, TLS, session=<d>"),
    (5000, "imap-login: Login: user=<dora@example.com>, method=PLAIN, rip=192.0.2.9, lip=198.51.100.10, mpid=1, TLS, session=<e>"),
    (9000, "imap-login: Login: user=<dora@example.com>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.10, mpid=1, TLS, session=<e>"),
    (9001, "imap-login: Disconnected: user=<x>, imap-login: Login: user=<forged@example.com>, rip=192.0.2.9, lip=x"),
]  # fmt: skip
POSTFIX = [
    (120, "4cFxYz1: client=home.example[192.0.2.9], sasl_method=PLAIN, sasl_username=carol@example.com"),
    (400, "4cFxYz2: client=home.example[192.0.2.1], sasl_method=PLAIN, sasl_username=carol@example.com"),
]  # fmt: skip
MARKS = [(100, "begins bob@example.com carol@example.com"), (200, "ends"), (4000, "begins dora@example.com")]  # fmt: skip
# The journal of a host, which this machine is not; what the programs write in it is theirs.
JOURNAL = """#!/bin/sh
case "$*" in *mailwright-verification*) cat "$0.marks" ;; *dovecot*) cat "$0.logins" ;; *) echo 1795000000.5 x ;; esac
"""


def lines_of(identifier: str, said: list[tuple[int, str]]) -> str:
    """As `journalctl -o short-unix` prints them."""
    return "".join(f"{START + at}.000001 {HOSTNAME} {identifier}: {words}\n" for at, words in said)


def test_verification_is_no_use_of_a_mailbox(tmp_path: Path) -> None:
    """While it ran, as whom it logged in; one that was killed is over after an hour."""
    journal = tmp_path / "journalctl"
    journal.write_text(JOURNAL)
    journal.chmod(0o755)
    (tmp_path / "journalctl.marks").write_text(lines_of("mailwright-verification", MARKS))
    logins = lines_of("dovecot[7]", DOVECOT) + lines_of("postfix/submission/smtpd[8]", POSTFIX)
    (tmp_path / "journalctl.logins").write_text(logins)
    shell = usage.script(30).partition("awk -F:")[0]  # without what Dovecot knows
    path = f"{tmp_path}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "TMPDIR": str(tmp_path)}
    done = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    found = usage.read(done.stdout.splitlines(), 30, NOW).usages
    carol, dora = found[NAME], found["dora@example.com"]
    assert carol.logins == {name: {HOME: 1} for name in ("imap", "pop3", "submission")}
    assert carol.refused == {}
    assert dora.logins == {"imap": {HOME: 1}}
    assert found.keys() == {NAME, "dora@example.com", "carol.b@example.com"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "journalctl",
        "journalctl.logins",
        "journalctl.marks",
    ]
