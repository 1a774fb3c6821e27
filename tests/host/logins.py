"""Logging in on every port that takes a password, and what the server says when it refuses."""

import base64
import imaplib
import poplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.host.letters import TIMEOUT, imap, pop3, submission

# protocol, port: TLS from the start, or the older port after STARTTLS.
PORTS = [
    ("imap", 993),
    ("imap", 143),
    ("pop3", 995),
    ("pop3", 110),
    ("submission", 465),
    ("submission", 587),
    ("sieve", 4190),
]


def refusal(server: str, protocol: str, port: int, user: str, password: str) -> str:
    """The words of the refusal; empty when the server lets the user in."""
    logins = {"imap": _imap, "pop3": _pop3, "submission": _submission, "sieve": _sieve}
    return logins[protocol](server, port, user, password)


def _imap(server: str, port: int, user: str, password: str) -> str:
    with imap(server, port) as client:
        try:
            client.login(user, password)
            assert client.select("INBOX", readonly=True)[0] == "OK"
        except imaplib.IMAP4.error as error:
            return str(error) or "refused"
    return ""


def _pop3(server: str, port: int, user: str, password: str) -> str:
    with pop3(server, port) as client:
        try:
            client.user(user)
            client.pass_(password)
            client.stat()
        except poplib.error_proto as error:
            return str(error.args[0].decode())
    return ""


def plain(user: str, password: str) -> str:
    """RFC 4616."""
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def _submission(server: str, port: int, user: str, password: str) -> str:
    with submission(server, port) as client:
        code, words = client.docmd("AUTH", f"PLAIN {plain(user, password)}")
    return "" if code == 235 else f"{code} {words.decode()}"


def _sieve(server: str, port: int, user: str, password: str) -> str:
    with sieve(server, port) as ask:
        answer = ask(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"'.encode())
    return "" if answer.startswith("OK") else answer


@contextmanager
def sieve(server: str, port: int = 4190) -> Iterator[Callable[[bytes], str]]:
    """Asks a command with TLS, nobody logged in yet, and returns the last line of its answer.

    That line starts with OK, NO or BYE (RFC 5804).
    """
    with socket.create_connection((server, port), timeout=TIMEOUT) as connection:
        _sieve_answer(connection)
        connection.sendall(b"STARTTLS\r\n")
        assert _sieve_answer(connection).startswith("OK")
        context = ssl.create_default_context()
        with context.wrap_socket(connection, server_hostname=server) as secured:
            _sieve_answer(secured)

            def ask(command: bytes) -> str:
                secured.sendall(command + b"\r\n")
                return _sieve_answer(secured)

            yield ask


def _sieve_answer(connection: socket.socket) -> str:
    """The line that ends an answer; words may follow it whose length it says (RFC 5804 4)."""
    received = b""
    while True:
        more = connection.recv(4096)
        assert more, received
        received += more
        line = re.search(rb"^(?:OK|NO|BYE)[^\r]*?(?:{(\d+)})?\r\n", received, re.M)
        if line and len(received) >= line.end() + (int(line[1]) + 2 if line[1] else 0):
            return line[0].decode().strip()
