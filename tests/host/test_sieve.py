"""Filters: the scripts of the inventory, and a spam folder that learns from what is moved."""

import imaplib
import socket

import pytest
from testinfra.host import Host

from mailwright.model.host import MailHost
from tests.host.letters import TIMEOUT, Account, Letters, eventually
from tests.host.logins import plain, sieve

CONTROLLER = "/run/mailwright/rspamd/controller.sock"

# What a script may ask for is the same on Dovecot 2.3 and 2.4; nothing among it runs a program, or
# for minutes (regex).
EXTENSIONS = {
    *("fileinto", "reject", "envelope", "encoded-character", "vacation", "subaddress"),
    *("comparator-i;ascii-numeric", "relational", "imap4flags", "copy", "include", "variables"),
    *("body", "enotify", "environment", "mailbox", "date", "index", "ihave", "duplicate", "mime"),
    *("foreverypart", "extracttext"),
}


def test_what_an_owner_may_ask_for_is_offered(mail: MailHost) -> None:
    with socket.create_connection((mail.name, 4190), timeout=TIMEOUT) as connection:
        greeting = connection.makefile(encoding="utf-8")
        offers = next(line for line in greeting if line.startswith('"SIEVE"'))
    assert set(offers.split('"')[3].split()) == EXTENSIONS


@pytest.mark.parametrize("name", ("regex", "vnd.dovecot.pipe", "editheader"))
def test_an_owners_script_asks_for_nothing_else(account: Account, name: str) -> None:
    script = f'require "{name}";\r\n'.encode()
    login = f'AUTHENTICATE "PLAIN" "{plain(account.address, account.password)}"'
    with sieve(account.server) as ask:
        assert ask(login.encode()).startswith("OK")
        assert ask(f"CHECKSCRIPT {{{len(script)}+}}\r\n".encode() + script).startswith("NO")


def test_every_script_of_the_inventory_is_there_and_compiled(host: Host, mail: MailHost) -> None:
    for script in mail.scripts:
        path = f"/etc/dovecot/sieve/{script.name}"
        assert host.file(f"{path}.sieve").content_string == script.text
        assert host.run(f"test {path}.svbin -nt {path}.sieve").succeeded


# What Dovecot does for a script, to its owner: envelope sender, then header fields.
SUBMIT = """
import smtplib, sys
sender, reader, header = sys.argv[1:]
with smtplib.SMTP("{loopback}", 10026) as client:
    client.ehlo("localhost")
    client.mail(sender)
    client.rcpt(reader)
    print(client.data(header.replace("|", chr(10)) + chr(10) + "Hello.")[0])
"""
REDIRECTED = "X-Sieve: a|X-Sieve-Redirected-From: b|"


def submitted(host: Host, mail: MailHost, account: Account, sender: str, header: str) -> str:
    program = SUBMIT.format(loopback=mail.loopback)
    return str(
        host.check_output("python3 -c %s %s %s %s", program, sender, account.address, header)
    )


def test_a_script_sends_as_its_owner_only(host: Host, mail: MailHost, account: Account) -> None:
    """Refused at once: what leaves would be signed, and pass SPF."""
    me, other = account.address, "someone@relay.invalid"
    wrong = (f"From: {other}", f"From: {other} <{me}>", f"From: {me}|Sender: {other}")
    tries = [(me, f"X-Sieve: a|{each}|") for each in wrong]
    tries += [(sender, f"X-Sieve: a|From: {me}|") for sender in (other, "")]
    assert {submitted(host, mail, account, *each) for each in tries} == {"554"}
    nobody = host.run(f"runuser -u nobody -- bash -c ': < /dev/tcp/{mail.loopback}/10026'")
    assert "refused" in nobody.stderr


@pytest.mark.parametrize(
    "before, own, signed, sender",
    [
        ("X-Sieve: a|", True, True, "<>"),  # an answer has no sender (RFC 3834 section 3.3)
        (REDIRECTED, True, False, "own"),
        (REDIRECTED, False, False, "<>"),  # SPF would pass for the domain of From
        (f"X-Other: c|{REDIRECTED}", True, True, "<>"),  # no script writes before Dovecot
    ],
)
def test_what_a_script_sends_is_signed_if_its_owner_wrote_it(
    *,
    host: Host,
    mail: MailHost,
    account: Account,
    letters: Letters,
    before: str,
    own: bool,
    signed: bool,
    sender: str,
) -> None:
    author = account.address if own else "someone@relay.invalid"
    letter = letters.write(author, account)
    header = f"{before}From: {author}|Message-ID: {letter['Message-ID']}|"
    assert submitted(host, mail, account, account.address, header) == "250"
    arrived = account.wait_anywhere(letter["Message-ID"])
    assert bool(arrived["DKIM-Signature"]) == signed
    assert arrived["Return-Path"] == (f"<{account.address}>" if sender == "own" else sender)


def test_only_root_hands_in_mail_by_sendmail(host: Host) -> None:
    """Nothing else on the host could be told apart from a script that speaks for anybody."""
    said = host.run("echo | runuser -u vmail -- /usr/sbin/sendmail -f '' postmaster")
    assert said.failed
    assert "not allowed to submit" in said.stderr


@pytest.mark.parametrize("user, reaches", [("vmail", True), ("nobody", False), ("postfix", False)])
def test_only_dovecot_teaches_the_filter(host: Host, user: str, reaches: bool) -> None:
    asked = host.run(f"runuser -u {user} -- rspamc -h {CONTROLLER} uptime")
    assert asked.succeeded == reaches


def test_scripts_cannot_fill_the_disk(account: Account) -> None:
    """No quota of a mailbox counts them."""
    size = 900_000
    script = b"#".ljust(size - 2, b"x") + b"\r\n"
    names = [f"mailwright-verification-{n}" for n in range(8)]
    login = f'AUTHENTICATE "PLAIN" "{plain(account.address, account.password)}"'
    with sieve(account.server) as ask:
        assert ask(login.encode()).startswith("OK")
        puts = [f'PUTSCRIPT "{name}" {{{size}+}}\r\n'.encode() + script for name in names]
        said = [ask(put)[:2] for put in puts]
        for name in names:
            ask(f'DELETESCRIPT "{name}"'.encode())
    assert (said[0], said[-1]) == ("OK", "NO")


@pytest.mark.parametrize("move", ["MOVE", "COPY"])
def test_what_is_moved_into_junk_or_out_of_it_is_taught(
    host: Host, account: Account, letters: Letters, move: str
) -> None:
    """The letter is too short for anything to be learned from it, which Rspamd says in its log."""
    letter = letters.write(account.address, account, "Hi.\n")
    with account.smtp() as client:
        client.send_message(letter)
    account.wait_anywhere(letter["Message-ID"])
    with account.imap() as client:
        start = "INBOX" if account.find(letter["Message-ID"]) else "Junk"
        for folder, lessons in (("Trash", 0), ("Junk", 1), ("Trash", 1), ("Junk", 2)):
            take(client, move, start, folder, letter["Message-ID"])
            start = folder
            assert taught(host, letter["Message-ID"], lessons)
        take(client, move, "Junk", "INBOX", letter["Message-ID"])
    assert taught(host, letter["Message-ID"], 3)


def take(client: imaplib.IMAP4, command: str, folder: str, target: str, message_id: str) -> None:
    client.select(folder)
    number = client.search(None, "HEADER", "Message-ID", f'"{message_id}"')[1][0].split()[-1]
    assert client._simple_command(command, number.decode(), target)[0] == "OK"


def taught(host: Host, message_id: str, lessons: int) -> bool:
    """Whether this letter came up so many times in what Rspamd says of learning, and not more."""
    shell = "cat /var/log/rspamd/rspamd.log; journalctl -u rspamd -o cat --since -5min"

    def count() -> int | None:
        lines = host.check_output(shell).splitlines()
        found = sum("skip learning" in line and message_id in line for line in lines)
        return found if found >= lessons else None

    return eventually(count, f"{lessons} lessons of {message_id}") == lessons
