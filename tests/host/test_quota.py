"""How a mailbox fills up: what its owner is told, what is refused, and the way out."""

import imaplib
from collections.abc import Callable
from math import ceil
from uuid import uuid4

import pytest

from mailwright.model.host import MailHost
from mailwright.model.mailbox import Mailbox
from tests.host.letters import Account, Letters, eventually, literal, smtp

LINE = "x" * 70 + "\r\n"
WARNING = "<quota-warning."  # how the Message-IDs of warnings begin


def small(mail: MailHost, accounts: list[Account], kind: Callable[[Mailbox], bool]) -> Account:
    """The first mailbox of this kind."""
    wanted = {m.address for m in mail.mailboxes if kind(m)}
    found = [account for account in accounts if account.address in wanted]
    if not found:
        pytest.skip("verify.toml has no password of a mailbox on this host that is so small")
    return found[0]


@pytest.fixture
def narrow(mail: MailHost, accounts: list[Account], swept: None) -> Account:
    """A mailbox of at most 10M."""
    return unwarned(small(mail, accounts, lambda m: 0 < m.quota <= 10 << 20))


@pytest.fixture
def few(mail: MailHost, accounts: list[Account], swept: None) -> Account:
    """A mailbox of at most 100 messages."""
    return unwarned(small(mail, accounts, lambda m: 0 < m.quota_message_count <= 100))


def unwarned(account: Account) -> Account:
    """Without the warnings that came after a test had failed and ended."""
    account.remove({WARNING})
    return account


def append(account: Account, letters: Letters, size: int = 70) -> bool:
    """Put a message of about this many bytes into the mailbox; whether it had room."""
    letter = letters.write(account.address, account, LINE * (size // len(LINE)))
    with account.imap() as client:
        kind, words = client.append("INBOX", "", "", letter.as_bytes())
    assert kind == "OK" or b"OVERQUOTA" in words[0], words  # RFC 9208 section 4.1.2
    return kind == "OK"


def fill(mail: MailHost, account: Account, letters: Letters, size: int = 70) -> None:
    """Until there is no room; every warning goes with the letters when the test ends.

    Each is waited for: what arrives at the same moment may bring the next one twice.
    """
    letters.ids.add(WARNING)
    for _ in range(120):
        if not append(account, letters, size):
            return
        eventually(lambda: warnings(account) == due(mail, account) or None, "the warnings due")
    raise AssertionError(f"{account.address} does not fill up")


def due(mail: MailHost, account: Account) -> list[str]:
    """The subjects of the warnings that an owner must have got, by what the mailbox has now."""
    with account.imap() as client:
        sizes = [size for folder in folders(client) for size in sizes_in(client, folder)]
    box = mailbox(mail, account)
    filled = {"storage": (sum(sizes), box.quota), "messages": (len(sizes), box.quota_message_count)}
    reached = []
    for warning in mail.quota_warnings:
        used, limit = filled[warning.resource]
        reached += [warning.level] if limit and used >= limit * warning.level // 100 else []
    return sorted(f"Subject: Your mailbox is {level}% full" for level in reached)


def warnings(account: Account) -> list[str]:
    """The subjects of the warnings that the owner got."""
    with account.imap() as client:
        client.select("INBOX", readonly=True)
        numbers = client.search(None, "HEADER", "Message-ID", f'"{WARNING}"')[1][0].split()
        fetched = [literal(client, n, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])") for n in numbers]
    return sorted(answer.decode().strip() for answer in fetched)


def warned(mail: MailHost, account: Account, resource: str) -> bool:
    """Wait for a warning of every level, which also keeps them from arriving after the test."""
    levels = [w.level for w in mail.quota_warnings if w.resource == resource]
    expected = sorted(f"Subject: Your mailbox is {level}% full" for level in levels)
    eventually(lambda: warnings(account) == expected or None, f"{expected}")
    return True


def answers_at_rcpt(mail: MailHost, account: Account, size: int = 70) -> set[int]:
    """The codes for every name of a mailbox, of a message whose size is declared (RFC 1870)."""
    leading = [name for name, box in mail.alias_mailboxes.items() if box == mailbox(mail, account)]
    found = set()
    for name in [account.address, *leading]:
        localpart, _, domain = name.rpartition("@")
        for recipient in (name, f"{localpart or uuid4()}+detail@{domain}"):
            found.add(answer_at_rcpt(mail.name, recipient, size))
    return found


def mailbox(mail: MailHost, account: Account) -> Mailbox:
    return next(m for m in mail.mailboxes if m.address == account.address)


def answer_at_rcpt(server: str, recipient: str, size: int = 70) -> int:
    """The code for one recipient; any local part stands for a catch-all."""
    with smtp(server) as client:
        client.ehlo()
        client.mail("someone@sender.invalid", [f"SIZE={size}"])
        return client.rcpt(f"{uuid4()}{recipient}" if recipient[0] == "@" else recipient)[0]


def test_a_mailbox_that_fills_up_warns_its_owner_and_then_refuses_at_rcpt(
    mail: MailHost, narrow: Account, letters: Letters
) -> None:
    quota = mailbox(mail, narrow).quota
    assert answers_at_rcpt(mail, narrow, quota // 5) == {250}
    fill(mail, narrow, letters, quota // 20)
    assert warned(mail, narrow, "storage")
    assert answers_at_rcpt(mail, narrow, quota // 5) == {452}


def test_a_message_that_is_larger_than_the_mailbox_is_refused_at_rcpt(
    mail: MailHost, narrow: Account
) -> None:
    assert answers_at_rcpt(mail, narrow, 2 * mailbox(mail, narrow).quota) == {452}


def test_a_mailbox_of_few_messages_warns_its_owner_and_then_refuses_at_rcpt(
    mail: MailHost, few: Account, letters: Letters
) -> None:
    assert answers_at_rcpt(mail, few) == {250}
    fill(mail, few, letters)
    assert warned(mail, few, "messages")
    assert answers_at_rcpt(mail, few) == {452}


def test_a_warning_that_fills_the_mailbox_up_to_the_next_level_is_followed_by_the_next(
    mail: MailHost, few: Account, letters: Letters
) -> None:
    """One command brings it to one message below the second level; the first warning is that."""
    levels = sorted(w.level for w in mail.quota_warnings if w.resource == "messages")
    if len(levels) < 2:
        pytest.skip("there are no two levels for the number of messages")
    first, second = (mailbox(mail, few).quota_message_count * n // 100 for n in levels[:2])
    letters.ids.add(WARNING)
    with few.imap() as client:
        stored = sum(len(sizes_in(client, folder)) for folder in folders(client))
    for _ in range(stored, first - 1):
        assert append(few, letters)
    with few.imap() as client:
        client.select("INBOX")
        assert client.copy(f"1:{second - first}", "INBOX")[0] == "OK"
    assert warned(mail, few, "messages")


@pytest.mark.parametrize("kind", ["narrow", "few"])
def test_a_full_mailbox_still_lets_its_owner_delete(
    mail: MailHost, kind: str, letters: Letters, request: pytest.FixtureRequest
) -> None:
    """Clients without MOVE (RFC 6851) copy a message to Trash before they delete it."""
    account: Account = request.getfixturevalue(kind)
    if not mail.quota_trash:
        pytest.skip("Trash has no allowance")
    quota = mailbox(mail, account).quota
    fill(mail, account, letters, quota // 20 if kind == "narrow" else 70)
    warned(mail, account, "storage" if kind == "narrow" else "messages")
    with account.imap() as client:
        client.select("INBOX")
        assert client.copy("1", "Drafts")[0] == "NO"
        assert client.copy("1", "Trash")[0] == "OK"


def test_the_quota_is_the_sum_of_what_lies_there(account: Account, letters: Letters) -> None:
    """Nothing is kept that could drift: Dovecot's count driver adds up the messages."""
    assert append(account, letters, 5000)
    with account.imap() as client:
        sizes = [size for folder in folders(client) for size in sizes_in(client, folder)]
        answer = b" ".join(client.getquotaroot("INBOX")[1][1])
    words = answer.replace(b"(", b"").split()
    assert int(words[words.index(b"STORAGE") + 1]) == ceil(sum(sizes) / 1024)


def folders(client: imaplib.IMAP4) -> list[str]:
    """The folders that count."""
    lines = [line for line in client.list()[1] if isinstance(line, bytes)]
    names = [line.rpartition(b" ")[2].decode() for line in lines]
    return [name for name in names if name != "Fetched" and not name.startswith("Shared")]


def sizes_in(client: imaplib.IMAP4, folder: str) -> list[int]:
    if client.select(folder, readonly=True)[1] == [b"0"]:
        return []
    fetched = client.fetch("1:*", "(RFC822.SIZE)")[1]
    return [int(line.rstrip(b")").split()[-1]) for line in fetched if isinstance(line, bytes)]
