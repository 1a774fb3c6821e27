"""What mailboxes are for, with the programs that people use: Debian's clients, from outside."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from lab.lab import Lab
from tests.host.letters import eventually
from tests.lab.clients import Curl, Fetchmail, Getmail, Mbsync, Mutt, Person, SieveConnect, Swaks
from tests.lab.test_deploy import ask

Find = Callable[[str], Person]


@pytest.fixture
def person(servers: Lab, host: str, inventory: Path, tmp_path: Path) -> Iterator[Find]:
    """Finds somebody by the local part of his address on the host; no mail is left behind."""
    domain, met = host.removeprefix("mail."), [f"shared@{host.removeprefix('mail.')}"]

    def find(localpart: str) -> Person:
        address = f"{localpart}@{domain}"
        met.extend([address] if localpart != "send-only" else [])  # which stores nothing
        return Person.of(servers, inventory, address, host, tmp_path / localpart)

    yield find
    empty = [f"doveadm expunge -u {each} mailbox '*' ALL" for each in sorted({*met})]
    gone = f"doveadm mailbox delete -u devices@{domain} Papers 2>/dev/null || :"
    ask(servers, host, "\n".join(["set -e", *empty, gone]))


@pytest.fixture
def owner(person: Find, host: str) -> Person:
    """Somebody with IMAP and POP3."""
    return person({"mail.example.com": "alice", "mail.example.org": "bob"}[host])


@pytest.fixture
def subject() -> str:
    """One that no other letter has."""
    return f"letter {uuid4()}"


def wait_for(letters: Callable[[], list[str]], *subjects: str) -> bool:
    """Until a program brings these, and nothing else."""
    seen: list[str] = []

    def look() -> bool | None:
        seen[:] = sorted(letters())
        return seen == sorted(subjects) or None

    try:
        return eventually(look, f"{subjects}")
    except AssertionError as late:
        raise AssertionError(f"{late}, but {seen}") from None


def test_mbsync_keeps_two_devices_in_step(person: Find) -> None:
    who = person("devices")
    laptop, phone = Mbsync(who, "laptop"), Mbsync(who, "phone")
    for name in ("read", "file", "delete"):
        Curl(who).send(who.address, name)
    new = {"INBOX: read": "", "INBOX: file": "", "INBOX: delete": ""}
    eventually(lambda: laptop.sync().holds() == new or None, "three letters on the laptop")
    assert phone.sync().holds() == new
    laptop.mark("INBOX", "read", "S")
    laptop.move("INBOX", "file", "Papers")
    laptop.delete("INBOX", "delete")
    laptop.sync()
    assert phone.sync().holds() == {"INBOX: read": "S", "Papers: file": ""}
    phone.mark("Papers", "file", "F")
    phone.delete("INBOX", "read")
    phone.sync()
    assert laptop.sync().holds() == {"Papers: file": "F"}


@pytest.mark.parametrize("stls", [False, True], ids=["pop3s", "stls"])
def test_fetchmail_keeps_or_deletes_what_it_fetched(person: Find, subject: str, stls: bool) -> None:
    who = person("compact")
    program = Fetchmail(who, stls)
    Curl(who).send(who.address, subject)
    wait_for(lambda: program.fetch(keep=True), subject)
    assert program.fetch(keep=True) == []
    assert Curl(who).listed() == 1
    assert program.fetch(keep=False) == [subject]
    assert Curl(who).listed() == 0


def test_getmail_empties_an_archive_and_the_server_has_a_copy_for_a_grace(
    person: Find, servers: Lab, host: str, subject: str
) -> None:
    who = person("archive")
    Curl(who).send(who.address, subject)
    wait_for(lambda: Getmail(who).fetch(keep=True), subject)
    assert Getmail(who).fetch(keep=True) == []
    assert Getmail(who).fetch(keep=False) == [subject]
    assert Getmail(who).fetch(keep=False) == []
    query = f"mailbox '*' SUBJECT '{subject}'"
    where = ask(servers, host, f"doveadm -f tab fetch -u {who.address} mailbox {query}")
    assert where.splitlines()[1:] == ["Fetched"]


def test_what_a_desktop_fetched_and_deleted_is_on_the_phone_until_it_expires(
    owner: Person, subject: str
) -> None:
    Curl(owner).send(owner.address, subject)
    desktop, phone = Fetchmail(owner, stls=False), Mbsync(owner, "phone")
    wait_for(lambda: desktop.fetch(keep=False), subject)
    assert Curl(owner).listed() == 0
    assert phone.sync().holds() == {f"Fetched: {subject}": ""}


def test_mutt_reads_and_answers(owner: Person, person: Find, subject: str) -> None:
    other = person("devices")
    Curl(other).send(owner.address, subject)
    mutt = Mutt(owner)
    assert "\nHello." in eventually(lambda: mutt.read(subject) or None, "page of mutt")
    mutt.send(other.address, f"Re: {subject}")
    wait_for(Curl(other).subjects, f"Re: {subject}")
    assert Curl(owner).subjects("Sent") == [f"Re: {subject}"]


def test_curl_sends_and_reads_on_every_port(owner: Person, host: str) -> None:
    curl = Curl(owner)
    curl.send(owner.address, "from 465", f"smtps://{host}")
    curl.send(owner.address, "from 587", f"smtp://{host}:587")
    for scheme in ("imaps", "imap"):
        wait_for(partial(curl.subjects, scheme=scheme), "from 465", "from 587")
    for scheme in ("pop3s", "pop3"):
        assert "Subject: from " in curl.pop3(2, scheme)


def test_a_scanner_sends_with_swaks_and_its_owner_gets_the_bounce(
    owner: Person, person: Find, host: str
) -> None:
    scanner = Swaks(person("send-only"))
    assert scanner.submit(owner.address, "scan").returncode == 0
    wait_for(Curl(owner).subjects, "scan")
    Curl(owner).send(scanner.who.address, "bounce")
    wait_for(Curl(owner).subjects, "scan", "bounce")


def test_a_script_that_sieve_connect_uploads_files_the_mail(person: Find, subject: str) -> None:
    who = person("devices")
    script = 'require ["fileinto", "mailbox"];\n'
    script += 'if header :contains "Subject" "bill" { fileinto :create "Papers"; }\n'
    sieve = SieveConnect(who)
    sieve.activate("bills", script)
    assert '"bills" ACTIVE' in sieve.scripts()
    try:
        Curl(who).send(who.address, f"a bill: {subject}")
        wait_for(lambda: Curl(who).subjects("Papers"), f"a bill: {subject}")
        Curl(who).send(who.address, subject)
        wait_for(Curl(who).subjects, subject)
    finally:
        sieve.remove("bills")
    assert sieve.scripts() == ""


def test_two_members_read_the_shared_mailbox_by_mbsync(
    person: Find, host: str, subject: str
) -> None:
    """Seen flags are each member's own on the first host and everybody's on the second."""
    team = f"shared@{host.removeprefix('mail.')}"
    patterns = f"INBOX Shared/{team}"
    writer = Mbsync(person("few"), "laptop", patterns)
    reader = Mbsync(person("devices"), "laptop", patterns)
    Curl(writer.who).send(team, subject)
    new = {f"Shared/{team}: {subject}": ""}
    eventually(lambda: reader.sync().holds() == new or None, "letter in the shared mailbox")
    assert writer.sync().holds() == new
    writer.mark(f"Shared/{team}", subject, "S")
    writer.sync()
    seen = "" if host == "mail.example.com" else "S"
    assert reader.sync().holds() == {f"Shared/{team}: {subject}": seen}


def test_a_full_compact_mailbox_tells_the_sender_and_its_owner(
    person: Find, servers: Lab, host: str
) -> None:
    who, other = person("compact"), person("devices")
    lines = "yes $(printf %0998d 0) | head -c 198M"
    ask(servers, host, f"{{ printf 'Subject: 1\\n\\n'; {lines}; }} | doveadm save -u {who.address}")
    eventually(lambda: Curl(who).listed() == 2 or None, "warning")
    assert "Subject: Your mailbox is 95% full" in Curl(who).pop3(2)
    assert "250 2.0.0" in Swaks(other).deliver(who.address, "the last", 4 << 20).stdout
    eventually(lambda: Curl(who).listed() == 3 or None, "last letter")
    assert "452 4.2.2" in Swaks(other).deliver(who.address, "one too many", 1 << 10).stdout
