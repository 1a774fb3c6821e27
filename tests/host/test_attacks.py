"""What somebody on the line or at the other end tries: he gets no password and no word in."""

import base64
import imaplib
import poplib
import smtplib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from email.message import EmailMessage
from threading import Event
from time import monotonic

import pytest

from mailwright.model.host import MailHost
from mailwright.model.services import LOGINS
from tests.host.letters import TIMEOUT, Account, Letters, eventually, smtp
from tests.host.logins import PORTS, refusal

# Nobody's: no true password goes over the line without TLS. The words say that TLS is missing.
PLAIN = base64.b64encode(b"\0nobody@example.invalid\0secret").decode()


def test_imap_takes_no_password_without_tls(mail: MailHost) -> None:
    client = imaplib.IMAP4(mail.name, 143, timeout=TIMEOUT)
    assert "LOGINDISABLED" in client.capabilities
    assert not [name for name in client.capabilities if name.startswith("AUTH=")]
    for command in (
        lambda: client.login("nobody@example.invalid", "secret"),
        lambda: client.authenticate("PLAIN", lambda _: b"\0nobody@example.invalid\0secret"),
    ):
        with pytest.raises(imaplib.IMAP4.error, match=r"\[PRIVACYREQUIRED\]|Unsupported"):
            command()
    client.logout()


def test_pop3_takes_no_password_without_tls(mail: MailHost) -> None:
    client = poplib.POP3(mail.name, 110, timeout=TIMEOUT)
    able = client.capa()
    assert "USER" not in able
    assert able["SASL"] == []
    with pytest.raises(poplib.error_proto, match="disallowed"):
        client.user("nobody@example.invalid")
    with pytest.raises(poplib.error_proto, match=r"not allowed|disallowed|Unsupported"):
        client._shortcmd(f"AUTH PLAIN {PLAIN}")  # type: ignore[attr-defined]  # no AUTH in poplib
    client.quit()


def test_managesieve_takes_no_password_without_tls(mail: MailHost) -> None:
    with socket.create_connection((mail.name, 4190), timeout=TIMEOUT) as connection:
        greeting = answer(connection, 4190)
        connection.sendall(f'AUTHENTICATE "PLAIN" "{PLAIN}"\r\n'.encode())
        refusal = answer(connection, 4190)[-1]
    assert {'"SASL" ""', '"STARTTLS"'} <= {*greeting}
    assert refusal.startswith("NO")
    assert "ENCRYPT-NEEDED" in refusal


@pytest.mark.parametrize(("port", "code"), [(25, 503), (587, 530)])
def test_smtp_takes_no_password_without_tls(mail: MailHost, port: int, code: int) -> None:
    with smtp(mail.name, port) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", f"PLAIN {PLAIN}")[0] == code


# First, the word for TLS, what is injected with it, what is sent in TLS, and how its answer begins.
INJECTIONS = {
    25: ("EHLO client.invalid", "STARTTLS", "NOOP", "UNKNOWN", "50"),
    587: ("EHLO client.invalid", "STARTTLS", "NOOP", "UNKNOWN", "50"),
    143: ("a NOOP", "b STARTTLS", "c NOOP", "d NOOP", "d OK"),
    110: ("UNKNOWN", "STLS", "CAPA", "UNKNOWN", "-ERR"),
    4190: ('NOOP "a"', "STARTTLS", 'NOOP "b"', 'NOOP "c"', 'OK (TAG "c")'),
}


@pytest.mark.parametrize("port", INJECTIONS)
def test_what_is_injected_before_tls_is_never_answered_in_it(mail: MailHost, port: int) -> None:
    """CVE-2011-0411, CVE-2021-33515. Dovecot hangs up, Postfix goes on without it."""
    *_, expected = INJECTIONS[port]
    try:
        said = answered_in_tls(mail.name, port)
    except (ssl.SSLError, ConnectionResetError):
        assert port not in (25, 587)
    else:
        assert said.startswith(expected)


def answered_in_tls(server: str, port: int) -> str:
    """The answer to what is sent in TLS, after something was injected before."""
    first, starttls, injected, later, _ = INJECTIONS[port]
    with socket.create_connection((server, port), timeout=TIMEOUT) as connection:
        answer(connection, port)
        connection.sendall(f"{first}\r\n".encode())
        answer(connection, port)
        connection.sendall(f"{starttls}\r\n{injected}\r\n".encode())
        assert answer(connection, port)[-1].startswith(("220", "b OK", "+OK", "OK"))
        context = ssl.create_default_context()
        with context.wrap_socket(connection, server_hostname=server) as secured:
            if port == 4190:  # tells what it can, unasked (RFC 5804 section 2.2)
                answer(secured, port)
            secured.sendall(f"{later}\r\n".encode())
            return answer(secured, port)[0]


def answer(connection: socket.socket, port: int) -> list[str]:
    """The lines of one answer, read no further."""
    lines: list[str] = []
    while True:
        line = b""
        while not line.endswith(b"\n"):
            byte = connection.recv(1)
            assert byte, "the server has hung up"
            line += byte
        lines.append(line.decode().strip())
        is_last = {4190: lines[-1].startswith(("OK", "NO", "BYE")), 110: True, 143: True}
        if is_last.get(port, lines[-1][3:4] == " "):
            return lines


GUESSES = 2  # on each port at least, before somebody else logs in
TRIES = 3  # of his: a busy machine, too, makes one of them wait, but a penalty all


def test_who_guesses_passwords_waits_and_nobody_else_at_his_address_does(
    mail: MailHost, verify: dict[str, dict[str, str]]
) -> None:
    """Each wrong one takes two seconds. Dovecot's own penalty would be fifteen for all of them."""
    known = verify.get("accounts", {})
    people = {
        protocol: [m for m in mail.mailboxes if m.address in known and service in m.services]
        for protocol, service in LOGINS.items()
    }
    ports = [(protocol, port) for protocol, port in PORTS if people[protocol]]
    if not ports:
        pytest.skip("verify.toml has no password of a mailbox on this host")
    waited: dict[int, list[float]] = {port: [] for _, port in ports}
    done = Event()

    def guess(protocol: str, port: int) -> None:
        while not done.is_set():
            before, word = monotonic(), f"guess {len(waited[port])} at {port}"
            assert refusal(mail.name, protocol, port, people[protocol][0].address, word)
            waited[port].append(monotonic() - before)

    def login(protocol: str, port: int) -> float:
        user, before = people[protocol][-1].address, monotonic()
        assert refusal(mail.name, protocol, port, user, known[user]) == "", port
        return monotonic() - before

    with ThreadPoolExecutor(len(ports)) as pool:
        guessing = [pool.submit(guess, *each) for each in ports]
        try:
            eventually(
                lambda: min(map(len, waited.values())) >= GUESSES or None,
                "guesses on each port",
                90,
            )
            took = {each: min(login(*each) for _ in range(TRIES)) for each in ports}
        finally:
            done.set()
    assert [each.result() for each in guessing] == [None] * len(ports)
    assert min(map(min, waited.values())) > 1.5
    assert max(took.values()) < 2, took


def test_as_many_programs_as_an_office_has_read_one_mailbox_at_once(account: Account) -> None:
    with ExitStack() as all:
        clients = [all.enter_context(account.imap()) for _ in range(30)]
        assert {client.select("INBOX", readonly=True)[0] for client in clients} == {"OK"}


# What some servers take for the end of a message (SMTP smuggling, CVE-2023-51764).
ENDINGS = ("\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n")


@pytest.mark.parametrize("port", [25, 587])
def test_a_message_ends_in_one_way_only(account: Account, letters: Letters, port: int) -> None:
    """What follows any other ending is text of the same message, not a second one in its name."""
    sender = account.address if port == 587 else "someone@sender.invalid"
    outer = {ending: letters.write(sender, account) for ending in ENDINGS}
    inner = {ending: letters.write(sender, account) for ending in ENDINGS}
    found = {each: taken(account, port, each, outer[each], inner[each]) for each in ENDINGS}
    assert found == {ending: [250, 221] for ending in ENDINGS}
    for letter in outer.values():
        account.wait_anywhere(letter["Message-ID"])
    assert not [each for each in inner.values() if account.find_anywhere(each["Message-ID"])]


def taken(
    account: Account, port: int, ending: str, outer: EmailMessage, inner: EmailMessage
) -> list[int]:
    """The answers to a letter with another after that ending, and to QUIT."""
    sender = outer["From"]
    envelope = f"MAIL FROM:<{sender}>\r\nRCPT TO:<{account.address}>\r\nDATA\r\n"
    begins = outer.as_bytes().rstrip(b"\r\n") + f"{ending}{envelope}".encode()
    raw = begins + inner.as_bytes() + b"\r\n.\r\nQUIT\r\n"
    with smtp(account.server, port) as client:
        if port == 587:
            client.starttls(context=ssl.create_default_context())
            client.login(account.address, account.password)
        client.ehlo()
        for command in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{account.address}>"):
            assert client.docmd(command)[0] == 250
        assert client.docmd("DATA")[0] == 354
        client.send(raw)
        codes: list[int] = []
        while not codes or codes[-1] not in (-1, 221, 421):
            try:
                codes.append(client.getreply()[0])
            except smtplib.SMTPServerDisconnected:
                codes.append(-1)
    return codes
