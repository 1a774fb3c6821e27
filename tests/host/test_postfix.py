"""Postfix as other servers and our users meet it."""

import smtplib
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from mailwright.model.host import MailHost
from tests.host.letters import TIMEOUT, Account, smtp, submission
from tests.host.state import Unit

# How often a peer may say MAIL, and how often connect, before it is told to come back later. The
# peer is the host's own public address, so that nobody else has to wait for the minute to end.
PEER = """
python3 - {address} <<'END'
import smtplib, sys

def connect():
    client = smtplib.SMTP(timeout=30)
    return client if client.connect(sys.argv[1], 25)[0] == 220 else None

def mails(client):
    for n in range(50):  # Postfix makes a client slower that says EHLO a hundred times
        client.ehlo()
        if client.mail("")[0] != 250:
            return n
    return 50

said = 0
while said < 1000 and (client := connect()):
    said += (taken := mails(client))
    if taken < 50:
        break
connected = 0
while connected < 1000 and connect():
    connected += 1
print(said, connected)
END
"""


@pytest.fixture
def stranger(mail: MailHost) -> Iterator[smtplib.SMTP]:
    """Another server, talking to port 25."""
    with smtp(mail.name) as client:
        client.ehlo()
        yield client


def rcpt(client: smtplib.SMTP, sender: str, recipient: str) -> int:
    """The reply code to RCPT TO, or to MAIL FROM if that is refused already."""
    client.rset()
    code, _ = client.mail(sender)
    if code == 250:
        code, _ = client.rcpt(recipient)
    client.rset()
    return code


def test_postfix_runs_and_starts_at_boot(units: dict[str, Unit], mail: MailHost) -> None:
    assert units[mail.postfix_unit].is_running
    assert units["postfix"].is_enabled


def test_the_effective_configuration_has_no_warning(host: Host) -> None:
    result = host.run("postconf -n && postconf -M && postfix check")
    assert (result.rc, result.stderr) == (0, "")


def test_the_greeting_is_the_name_of_the_host(mail: MailHost) -> None:
    with smtplib.SMTP(timeout=TIMEOUT) as client:
        code, words = client.connect(mail.name, 25)
        assert (code, words.split()[0].decode()) == (220, mail.name)


def test_port_25_offers_starttls_and_never_a_login(stranger: smtplib.SMTP) -> None:
    assert stranger.has_extn("starttls")
    assert not stranger.has_extn("auth")
    stranger.starttls()
    stranger.ehlo()
    assert not stranger.has_extn("auth")


@pytest.mark.parametrize(
    "recipient",
    [
        "someone@relay.invalid",
        "someone%relay.invalid@{name}",
        "@{name}:someone@relay.invalid",
        '"someone@relay.invalid"@{name}',
        "someone@[203.0.113.9]",
    ],
)
def test_a_stranger_cannot_relay(stranger: smtplib.SMTP, mail: MailHost, recipient: str) -> None:
    assert rcpt(stranger, "a@sender.invalid", recipient.format(name=mail.name)) // 100 == 5


def test_an_unknown_recipient_is_refused_unless_there_is_a_catch_all(
    stranger: smtplib.SMTP, mail: MailHost
) -> None:
    catching = {alias.domain for alias in mail.aliases if alias.address.startswith("@")}
    for domain in mail.domains:
        expected = 250 if domain.name in catching else 550
        assert rcpt(stranger, "", f"nobody-at-all@{domain.name}") == expected


def test_postmaster_and_abuse_are_accepted_for_every_domain(
    stranger: smtplib.SMTP, mail: MailHost
) -> None:
    for domain in mail.domains:
        for role in ("postmaster", "abuse"):
            assert rcpt(stranger, "", f"{role}@{domain.name}") == 250


def test_vrfy_tells_nothing(stranger: smtplib.SMTP, account: Account) -> None:
    assert stranger.verify(account.address)[0] // 100 == 5


def test_a_message_over_the_size_limit_is_refused(stranger: smtplib.SMTP, mail: MailHost) -> None:
    code, _ = stranger.mail("a@sender.invalid", [f"SIZE={mail.message_size_limit + 1}"])
    assert code == 552


def test_who_does_not_greet_is_not_served(mail: MailHost) -> None:
    with smtp(mail.name) as client:
        assert client.mail("a@sender.invalid")[0] // 100 == 5


def test_an_envelope_is_written_as_the_standard_says(stranger: smtplib.SMTP) -> None:
    for sender in ("a@sender.invalid", "a b <a@sender.invalid>"):
        assert stranger.docmd("MAIL", f"FROM:{sender}")[0] == 501


def test_internationalised_addresses_are_not_promised(stranger: smtplib.SMTP) -> None:
    """Dovecot 2.3 does not know them (RFC 6531)."""
    assert not stranger.has_extn("smtputf8")


def test_a_submission_client_may_send_what_it_has_at_once(account: Account) -> None:
    """Who has a password is no spammer, and some programs have never waited for an answer."""
    with submission(account.server, 587) as client:
        assert client.sock
        client.sock.sendall(b"EHLO client.invalid\r\nNOOP\r\n")
        assert [client.getreply()[0] for _ in range(2)] == [250, 250]


def test_who_does_not_wait_for_an_answer_is_cut_off(mail: MailHost) -> None:
    """RFC 2920 section 3.1: EHLO ends a group of commands; who goes on is no mail server."""
    with smtp(mail.name) as client:
        assert client.sock
        client.sock.sendall(b"EHLO client.invalid\r\nMAIL FROM:<a@sender.invalid>\r\n")
        try:
            codes = {client.getreply()[0] for _ in range(2)}
        except smtplib.SMTPServerDisconnected:
            codes = {554}
    assert 554 in codes


def test_one_peer_cannot_use_up_the_server(host: Host, mail: MailHost) -> None:
    said, connected = host.check_output(PEER.format(address=mail.addresses[0])).split()
    assert int(said) < 1000
    assert int(connected) < 1000


@pytest.mark.parametrize("port", [465, 587])
def test_nobody_sends_without_a_login(mail: MailHost, account: Account, port: int) -> None:
    with submission(mail.name, port) as client:
        assert rcpt(client, account.address, "someone@relay.invalid") in (530, 553, 554)


@pytest.mark.parametrize("port", [465, 587])
def test_the_sender_must_own_the_address(account: Account, port: int) -> None:
    domain = account.address.partition("@")[2]
    with account.smtp(port) as client:
        assert rcpt(client, f"somebody-else@{domain}", account.address) == 553
        assert rcpt(client, "someone@relay.invalid", account.address) == 553
        assert rcpt(client, account.address, account.address) == 250


def test_the_owner_of_an_alias_may_send_as_it(mail: MailHost, account: Account) -> None:
    owned = [name for name, logins in mail.sender_logins.items() if account.address in logins]
    mine = [f"nobody-at-all{name}" if name.startswith("@") else name for name in owned]
    with account.smtp() as client:
        assert {
            address: rcpt(client, address, account.address) for address in mine
        } == dict.fromkeys(mine, 250)
