"""Filters: the scripts of the inventory, and a spam folder that learns from what is moved."""

import imaplib
import socket

import pytest
from testinfra.host import Host

from mailwright.host import MailHost
from tests.host.letters import TIMEOUT, Account, Letters, eventually

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


def test_every_script_of_the_inventory_is_there_and_compiled(host: Host, mail: MailHost) -> None:
    for script in mail.scripts:
        path = f"/etc/dovecot/sieve/{script.name}"
        assert host.file(f"{path}.sieve").content_string == script.text
        assert host.run(f"test {path}.svbin -nt {path}.sieve").succeeded


@pytest.mark.parametrize("user, reaches", [("vmail", True), ("nobody", False), ("postfix", False)])
def test_only_dovecot_teaches_the_filter(host: Host, user: str, reaches: bool) -> None:
    asked = host.run(f"runuser -u {user} -- rspamc -h {CONTROLLER} uptime")
    assert asked.succeeded == reaches


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
    assert client._simple_command(command, number.decode(), target)[0] == "OK"  # type: ignore[attr-defined]


def taught(host: Host, message_id: str, lessons: int) -> bool:
    """Whether this letter came up so many times in what Rspamd says of learning, and not more."""
    shell = "cat /var/log/rspamd/rspamd.log; journalctl -u rspamd -o cat --since -5min"

    def count() -> int | None:
        lines = host.check_output(shell).splitlines()
        found = sum("skip learning" in line and message_id in line for line in lines)
        return found if found >= lessons else None

    return eventually(count, f"{lessons} lessons of {message_id}") == lessons
