"""What POP3 shows, and what becomes of the messages that it deletes."""

from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest
from testinfra.host import Host

from mailwright.model.host import MailHost
from mailwright.model.mailbox import Mailbox
from tests.host.letters import GTUBE, Account, Letters, eventually, smtp

Choose = Callable[[Callable[[Mailbox], bool]], Account]


@pytest.fixture
def choose(mail: MailHost, verify: dict[str, dict[str, str]]) -> Choose:
    """The first POP3 mailbox of this kind whose password verify.toml tells."""
    known = verify.get("accounts", {})

    def first(kind: Callable[[Mailbox], bool]) -> Account:
        for m in mail.mailboxes:
            if m.address in known and {"pop3", "smtp"} <= {*m.services} and kind(m):
                return Account(m.address, known[m.address], mail.name)
        pytest.skip("verify.toml has no password of such a POP3 mailbox on this host")

    return first


def is_kept(mailbox: Mailbox) -> bool:
    return bool(mailbox.fetched_days)


@pytest.fixture
def found(host: Host) -> Iterator[Callable[[Account, EmailMessage], list[str]]]:
    """The folders where the host has a letter, which is removed when the test ends."""
    seen = set()

    def folders(account: Account, letter: EmailMessage) -> list[str]:
        seen.add((account.address, letter["Message-ID"]))
        query = f"mailbox '*' HEADER Message-ID '{letter['Message-ID']}'"
        fetch = f"doveadm -f tab fetch -u {account.address} mailbox {query}"
        return str(host.check_output(fetch)).splitlines()[1:]

    yield folders
    for address, message_id in seen:
        host.run(f"doveadm expunge -u {address} mailbox '*' HEADER Message-ID '{message_id}'")


def number(account: Account, letter: EmailMessage) -> int | None:
    """The message number that POP3 has for the letter."""
    with account.pop3() as client:
        for n in range(1, client.stat()[0] + 1):
            if letter["Message-ID"].encode() in b"\n".join(client.top(n, 0)[1]):
                return n
    return None


def send(account: Account, letter: EmailMessage) -> int:
    """Let the owner send himself the letter; its number in POP3."""
    with account.smtp() as client:
        client.send_message(letter, to_addrs=[account.address])
    return arrived(account, letter)


def arrived(account: Account, letter: EmailMessage) -> int:
    return eventually(lambda: number(account, letter), f"{letter['Message-ID']} by POP3")


def delete(account: Account, message: int) -> None:
    with account.pop3() as client:
        client.dele(message)


def test_the_names_of_messages_last(pop3_account: Account, letters: Letters) -> None:
    """UID and UIDVALIDITY live with the mail, so a restart or the next Debian changes nothing."""
    letter = letters.write(pop3_account.address, pop3_account)
    message = send(pop3_account, letter)
    with pop3_account.pop3() as client:
        name = client.uidl(message).split()[-1].decode()
    with pop3_account.imap() as client:
        client.select("INBOX", readonly=True)
        query = ("HEADER", "Message-ID", f'"{letter["Message-ID"]}"')
        uid = int(client.uid("SEARCH", *query)[1][0])
        validity = int(client.response("UIDVALIDITY")[1][0])
    assert name == f"{uid:08x}{validity:08x}"


def test_what_pop3_deletes_stays_readable_by_imap(
    choose: Choose, letters: Letters, found: Callable[..., list[str]]
) -> None:
    account = choose(lambda m: is_kept(m) and m.sees_folders)
    letter = letters.write(account.address, account)
    delete(account, send(account, letter))
    assert found(account, letter) == ["Fetched"]
    assert account.find(letter["Message-ID"], "Fetched")
    assert number(account, letter) is None


def test_what_an_archive_has_fetched_has_left_and_is_there_for_a_grace(
    choose: Choose, letters: Letters, found: Callable[..., list[str]]
) -> None:
    account = choose(lambda m: is_kept(m) and not m.sees_folders)
    letter = letters.write(account.address, account.address)
    delete(account, send(account, letter))
    assert number(account, letter) is None
    assert found(account, letter) == ["Fetched"]


def test_what_other_mailboxes_delete_is_gone(
    choose: Choose, letters: Letters, found: Callable[..., list[str]]
) -> None:
    account = choose(lambda m: not is_kept(m))
    letter = letters.write(account.address, account.address)
    delete(account, send(account, letter))
    assert found(account, letter) == []


def test_spam_stays_where_pop3_sees_it(
    mail: MailHost, choose: Choose, letters: Letters, found: Callable[..., list[str]]
) -> None:
    account = choose(lambda m: not m.sees_folders)
    letter = letters.write("someone@sender.invalid", account.address, f"Y{GTUBE}")
    with smtp(mail.name) as client:
        client.send_message(letter)
    message = arrived(account, letter)
    with account.pop3() as client:
        assert b"X-Spam: Yes" in client.top(message, 0)[1]
    assert found(account, letter) == ["INBOX"]
