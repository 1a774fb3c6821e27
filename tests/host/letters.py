"""Letters and the people who send and read them, with Python's own SMTP, IMAP and POP3 clients."""

import imaplib
import poplib
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TypeVar

T = TypeVar("T")
TIMEOUT = 30
MARK = "mailwright-verification"  # in the Message-ID of every letter, to find what a run has left

# The test strings that every spam filter knows; Rspamd has one for each of its actions.
GTUBE = "JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n"


@dataclass(frozen=True)
class Account:
    """A mailbox with its password and the server that holds it."""

    address: str
    password: str = field(repr=False)
    server: str

    @contextmanager
    def imap(self, starttls: bool = False) -> Iterator[imaplib.IMAP4]:
        """A session on 993, or on 143 with STARTTLS."""
        with imap(self.server, 143 if starttls else 993) as client:
            client.login(self.address, self.password)
            yield client

    @contextmanager
    def pop3(self, stls: bool = False) -> Iterator[poplib.POP3]:
        """A session on 995, or on 110 with STLS."""
        with pop3(self.server, 110 if stls else 995) as client:
            client.user(self.address)
            client.pass_(self.password)
            yield client

    @contextmanager
    def smtp(self, port: int = 465) -> Iterator[smtplib.SMTP]:
        """An authenticated submission session on 465, or on 587 with STARTTLS."""
        with submission(self.server, port) as client:
            client.login(self.address, self.password)
            yield client

    def find(
        self, message_id: str, folder: str = "INBOX", starttls: bool = False
    ) -> EmailMessage | None:
        """The message with this Message-ID, or None."""
        return self._found(folder, starttls, "HEADER", "Message-ID", f'"{message_id}"')

    def find_with(self, words: str) -> EmailMessage | None:
        """The message in the inbox that has these words anywhere, or None."""
        return self._found("INBOX", False, "TEXT", f'"{words}"')

    def _found(self, folder: str, starttls: bool, *criteria: str) -> EmailMessage | None:
        with self.imap(starttls) as client:
            if client.select(folder)[0] != "OK":
                return None
            numbers = client.search(None, *criteria)[1][0].split()
            if not numbers:
                return None
            raw = literal(client, numbers[0].decode(), "(BODY.PEEK[])")
            return message_from_bytes(raw, policy=policy.SMTP)

    def wait_for(self, message_id: str, folder: str = "INBOX") -> EmailMessage:
        """The message, as soon as it is there.

        Raises:
            AssertionError: it did not come within 30 seconds.
        """
        return eventually(
            lambda: self.find(message_id, folder), f"{message_id} in {folder} of {self.address}"
        )

    def wait_anywhere(self, message_id: str) -> EmailMessage:
        """The message in the inbox, or in the spam folder if the filter distrusts this client."""
        return eventually(lambda: self.find_anywhere(message_id), f"{message_id} of {self.address}")

    def find_anywhere(self, message_id: str) -> EmailMessage | None:
        """The message in the inbox or the spam folder, or None."""
        return self.find(message_id) or self.find(message_id, "Junk")

    def remove(self, message_ids: set[str]) -> None:
        """Delete these messages wherever they lie."""
        with self.imap() as client:
            for folder in ("INBOX", "Junk", "Trash"):
                if client.select(folder)[0] != "OK":
                    continue
                for message_id in message_ids:
                    found = client.search(None, "HEADER", "Message-ID", f'"{message_id}"')[1][
                        0
                    ].split()
                    for number in found:
                        client.store(number.decode(), "+FLAGS", r"(\Deleted)")
                client.expunge()


@contextmanager
def imap(server: str, port: int) -> Iterator[imaplib.IMAP4]:
    """A session with TLS on 993 or 143, nobody logged in yet."""
    context = ssl.create_default_context()
    client: imaplib.IMAP4
    if port == 993:
        client = imaplib.IMAP4_SSL(server, port, ssl_context=context, timeout=TIMEOUT)
    else:
        client = imaplib.IMAP4(server, port, timeout=TIMEOUT)
        client.starttls(context)
    try:
        yield client
    finally:
        client.logout()


@contextmanager
def pop3(server: str, port: int) -> Iterator[poplib.POP3]:
    """A session with TLS on 995 or 110, nobody logged in yet."""
    context = ssl.create_default_context()
    client: poplib.POP3
    if port == 995:
        client = poplib.POP3_SSL(server, port, context=context, timeout=TIMEOUT)
    else:
        client = poplib.POP3(server, port, timeout=TIMEOUT)
        client.stls(context)
    try:
        yield client
    finally:
        client.quit()


def smtp(server: str, port: int = 25, context: ssl.SSLContext | None = None) -> smtplib.SMTP:
    """A session, with TLS from the start if there is a context for it.

    Postfix answers 421 to whom it has seen too often in a minute, which a run soon after another
    may be (postconf(5), smtpd_client_connection_rate_limit): it is asked again until that is over.
    """

    def connect() -> smtplib.SMTP | None:
        try:
            if context:
                return smtplib.SMTP_SSL(server, port, context=context, timeout=TIMEOUT)
            return smtplib.SMTP(server, port, timeout=TIMEOUT)
        except smtplib.SMTPConnectError as error:
            if error.smtp_code != 421:
                raise
        return None

    return eventually(connect, f"greeting but 421 on port {port} of {server}", 70)


@contextmanager
def submission(server: str, port: int) -> Iterator[smtplib.SMTP]:
    """A session with TLS on a submission port, nobody logged in yet."""
    context = ssl.create_default_context()
    with smtp(server, port, context if port == 465 else None) as client:
        if port != 465:
            client.starttls(context=context)
        client.ehlo()
        yield client


@dataclass
class Letters:
    """Letters written by one test, and the mailboxes to take them from again."""

    ids: set[str] = field(default_factory=set)
    readers: set[Account] = field(default_factory=set)

    def write(self, sender: str, reader: Account | str, body: str = "Hello.\n") -> EmailMessage:
        """A letter; where its reader is an Account, it is removed when the test ends."""
        letter = EmailMessage(policy=policy.SMTP)
        letter["From"] = sender
        letter["To"] = reader if isinstance(reader, str) else reader.address
        letter["Subject"] = "mailwright verification"
        letter["Date"] = formatdate()
        letter["Message-ID"] = make_msgid(MARK, sender.rpartition("@")[2])
        letter.set_content(body)
        self.ids.add(letter["Message-ID"])
        if isinstance(reader, Account):
            self.readers.add(reader)
        return letter

    def remove(self) -> None:
        """Leave nothing behind."""
        for reader in self.readers:
            reader.remove(self.ids)


def literal(client: imaplib.IMAP4, number: str, part: str) -> bytes:
    """This part of a message, which the server sends as a literal."""
    answer = client.fetch(number, part)[1][0]
    assert isinstance(answer, tuple)
    return answer[1]


def eventually(look: Callable[[], T | None], what: str, seconds: float = 30) -> T:
    """The first answer that is not None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        time.sleep(0.3)
    raise AssertionError(f"no {what} within {seconds:.0f} s")
