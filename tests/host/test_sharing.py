"""Shared mailboxes, as their members and everybody else find them."""

import imaplib
import smtplib
from collections.abc import Callable, Iterator

import pytest
from testinfra.host import Host

from mailwright.model.host import MailHost
from mailwright.model.mailbox import Mailbox
from tests.host.letters import Account, Letters, eventually, literal


def having(mail: MailHost, fits: Callable[[Mailbox], bool]) -> Mailbox:
    """The first mailbox with such members."""
    found = list(filter(fits, mail.shared))
    if not found:
        pytest.skip("no mailbox of this host has such members")
    return found[0]


@pytest.fixture
def shared(mail: MailHost) -> Mailbox:
    return having(mail, lambda box: not any(m.is_domain for m in box.members))


@pytest.fixture
def public(mail: MailHost) -> Mailbox:
    """What everybody of a domain is a member of."""
    return having(mail, lambda box: any(m.is_domain for m in box.members))


@pytest.fixture
def name(shared: Mailbox) -> str:
    """What every client calls it."""
    return f'"Shared/{shared.address}"'


def member(shared: Mailbox, accounts: list[Account], *rights: str) -> Account:
    """A member with one of these rights."""
    fitting = {m.address for m in shared.members if m.right in rights}
    found = [account for account in accounts if account.address in fitting]
    if not found:
        pytest.skip(f"verify.toml has no password of a member with the right {rights[0]}")
    return found[0]


@pytest.fixture
def reader(shared: Mailbox, accounts: list[Account]) -> Account:
    return member(shared, accounts, "read")


@pytest.fixture
def writer(shared: Mailbox, accounts: list[Account]) -> Account:
    return member(shared, accounts, "write")


@pytest.fixture
def manager(shared: Mailbox, accounts: list[Account]) -> Account:
    return member(shared, accounts, "manage")


@pytest.fixture
def stranger(mail: MailHost, shared: Mailbox, accounts: list[Account]) -> Account:
    members = {m.address for m in shared.members}
    found = [a for a in accounts if a.address not in members]
    if not found:
        pytest.skip("verify.toml has no password of a mailbox that is no member")
    return found[0]


@pytest.fixture
def message_id(host: Host, account: Account, shared: Mailbox, letters: Letters) -> Iterator[str]:
    """A letter that lies in the shared mailbox; it goes when the test ends."""
    letter = letters.write(account.address, shared.address)
    with account.smtp() as client:
        client.send_message(letter)
    mine = f"mailbox INBOX HEADER Message-ID '{letter['Message-ID']}'"
    search = f"doveadm search -u {shared.address} {mine}"
    eventually(lambda: host.check_output(search) or None, f"letter in {shared.address}")
    yield letter["Message-ID"]
    host.check_output(f"doveadm expunge -u {shared.address} {mine}")


def select(client: imaplib.IMAP4, name: str) -> None:
    """imaplib would not let a client go on that may not write."""
    client.is_readonly = True
    client._simple_command("SELECT", name)
    client.state = "SELECTED"


def number(client: imaplib.IMAP4, message_id: str) -> str:
    return str(client.search(None, "HEADER", "Message-ID", f'"{message_id}"')[1][0].decode())


def flags(account: Account, name: str, message_id: str) -> bytes:
    with account.imap() as client:
        client.select(name, readonly=True)
        found = client.fetch(number(client, message_id), "(FLAGS)")[1][0]
    assert isinstance(found, bytes)
    return found


def names(account: Account, command: str) -> str:
    with account.imap() as client:
        answers = client.list() if command == "LIST" else client.lsub()
    return b" ".join(answer for answer in answers[1] if isinstance(answer, bytes)).decode()


@pytest.mark.parametrize("command", ["LIST", "LSUB"])
def test_members_find_it_under_its_address_and_nobody_else_does(
    reader: Account, writer: Account, stranger: Account, name: str, command: str
) -> None:
    for account in (reader, writer):
        assert name.strip('"') in names(account, command)
    assert name.strip('"') not in names(stranger, command)


def test_a_stranger_can_neither_open_nor_fill_it(
    stranger: Account, name: str, letters: Letters
) -> None:
    letter = letters.write(stranger.address, stranger)
    with stranger.imap() as client:
        assert client.select(name)[0] == "NO"
        assert client.append(name, "", "", letter.as_bytes())[0] == "NO"
        assert client.create(name)[0] == "NO"


def test_who_may_read_reads_and_changes_nothing(
    reader: Account, name: str, message_id: str, letters: Letters
) -> None:
    letter = letters.write(reader.address, reader)
    with reader.imap() as client:
        select(client, name)
        found = number(client, message_id)
        assert message_id.encode() in literal(client, found, "(BODY.PEEK[HEADER])")
        client.store(found, "+FLAGS", r"(\Deleted \Flagged)")
        client.expunge()
        assert number(client, message_id) == found
        assert client.append(name, "", "", letter.as_bytes())[0] == "NO"
        assert client.create(f'{name.rstrip(chr(34))}/Mine"')[0] == "NO"
    seen = flags(reader, name, message_id)
    assert b"Deleted" not in seen
    assert b"Flagged" not in seen


@pytest.mark.parametrize("kind", ["shared", "public"])
def test_who_takes_it_out_of_his_folders_does_so_for_himself_alone(
    request: pytest.FixtureRequest, accounts: list[Account], kind: str
) -> None:
    box = request.getfixturevalue(kind)
    name, own = f"Shared/{box.address}", {m.address for m in box.members if m.right != "read"}
    members = [a for a in accounts if name in names(a, "LSUB")]
    readers = [a for a in members if a.address not in own]
    if not readers or len(members) < 2:
        pytest.skip("verify.toml has no passwords of a member who only reads and of another")
    with readers[0].imap() as client:
        assert client.unsubscribe(f'"{name}"')[0] == "OK"
        try:
            listed = [a for a in members if name in names(a, "LSUB")]
        finally:
            assert client.subscribe(f'"{name}"')[0] == "OK"
    assert listed == [a for a in members if a != readers[0]]
    assert name in names(readers[0], "LSUB")


def test_who_may_read_can_neither_move_it_nor_say_who_may_do_what(
    manager: Account, reader: Account, writer: Account, name: str
) -> None:
    folder, other = (f'{name.rstrip(chr(34))}/{each}"' for each in ("verification", "Other"))
    commands = [
        ("DELETE", name),
        ("DELETE", folder),
        ("RENAME", folder, other),
        ("RENAME", name, '"Mine"'),
        ("SETACL", name, reader.address, "lrwstiekxa"),
        ("DELETEACL", name, manager.address),
        ("SETMETADATA", name, '(/shared/comment "Hello.")'),
        ("SETMETADATA", '""', '(/shared/comment "Hello.")'),
    ]
    with manager.imap() as client:
        assert client.create(folder)[0] == "OK"
        try:
            for account in (reader, writer):
                assert [answers(account, each) for each in commands] == [False] * len(commands)
            assert folder.strip('"') in names(reader, "LIST")
        finally:
            assert client.delete(folder)[0] == "OK"


def answers(account: Account, command: tuple[str, ...]) -> bool:
    """Whether the server does what a command says that imaplib may not know."""
    with account.imap() as client:
        client.send(f"X1 {' '.join(command)}\r\n".encode())
        while not (line := client.readline()).startswith(b"X1 "):
            assert line
        return line.startswith(b"X1 OK")


def test_who_may_write_marks_and_deletes(writer: Account, name: str, message_id: str) -> None:
    with writer.imap() as client:
        client.select(name)
        client.store(number(client, message_id), "+FLAGS", r"(\Deleted)")
        client.expunge()
        assert number(client, message_id) == ""
        assert client.create(f'{name.rstrip(chr(34))}/Mine"')[0] == "NO"


def test_who_may_manage_makes_folders(manager: Account, reader: Account, name: str) -> None:
    folder = f'{name.rstrip(chr(34))}/verification"'
    with manager.imap() as client:
        assert client.create(folder)[0] == "OK"
        try:
            assert folder.strip('"') in names(reader, "LIST")
        finally:
            assert client.delete(folder)[0] == "OK"


def test_seen_flags_are_everybodys_or_each_members_own(
    shared: Mailbox, writer: Account, reader: Account, name: str, message_id: str
) -> None:
    with writer.imap() as client:
        client.select(name)
        client.store(number(client, message_id), "+FLAGS", r"(\Seen)")
    assert b"Seen" in flags(writer, name, message_id)
    assert (b"Seen" in flags(reader, name, message_id)) != shared.private_seen


def test_it_is_sent_as_by_those_who_may(
    shared: Mailbox, manager: Account, reader: Account, letters: Letters
) -> None:
    """With its address in the envelope and in the header, or not at all."""
    for account in (manager, reader):
        letter = letters.write(shared.address, manager)
        with account.smtp() as client:
            if account.address in shared.send_as:
                client.send_message(letter)
                assert manager.wait_for(letter["Message-ID"])["From"] == shared.address
                continue
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                client.send_message(letter)
            assert refused.value.recipients[manager.address][0] == 553
            with pytest.raises(smtplib.SMTPDataError):
                client.send_message(letter, from_addr=account.address)


def is_of(account: Account, public: Mailbox) -> bool:
    """Whether his domain is a member."""
    return f"@{account.address.rpartition('@')[2]}" in {m.address for m in public.members}


def test_everybody_of_a_domain_finds_what_is_everybodys_and_nobody_else_does(
    public: Mailbox, accounts: list[Account]
) -> None:
    assert any(is_of(account, public) for account in accounts)
    for account in accounts:
        belongs = is_of(account, public)
        assert (f"Shared/{public.address}" in names(account, "LSUB")) == belongs, account
        with account.imap() as client:
            opened = client.select(f'"Shared/{public.address}"', readonly=True)[0]
        assert opened == ("OK" if belongs else "NO"), account


def test_who_is_named_has_his_own_right_and_the_others_that_of_the_domain(
    public: Mailbox, accounts: list[Account], letters: Letters
) -> None:
    name, named = f'"Shared/{public.address}"', {m.address for m in public.members}
    manager = member(public, accounts, "manage")
    reader = next(a for a in accounts if is_of(a, public) and a.address not in named)
    letter = letters.write(manager.address, manager)
    with reader.imap() as client:
        assert client.append(name, "", "", letter.as_bytes())[0] == "NO"
    with manager.imap() as client:
        assert client.append(name, "", "", letter.as_bytes())[0] == "OK"
    with reader.imap() as client:
        select(client, name)
        assert number(client, letter["Message-ID"])
    with manager.imap() as client:
        client.select(name)
        client.store(number(client, letter["Message-ID"]), "+FLAGS", r"(\Deleted)")
        client.expunge()
        assert number(client, letter["Message-ID"]) == ""
