"""Who may log in where: each mailbox of verify.toml on each port, as the description says."""

import smtplib
from collections.abc import Iterator

import pytest

from mailwright.host import MailHost
from mailwright.mail import Mailbox
from mailwright.use import SERVICES
from tests.host.letters import TIMEOUT, Account, Letters
from tests.host.logins import PORTS, refusal

Verify = dict[str, dict[str, str]]


@pytest.fixture(scope="session")
def mailboxes(mail: MailHost, verify: Verify) -> list[tuple[Mailbox, str]]:
    """Every mailbox of this host whose password verify.toml tells, with it."""
    known = verify.get("accounts", {})
    found = [(m, known[m.address]) for m in mail.mailboxes if m.address in known]
    if not found:
        pytest.skip("verify.toml has no password of a mailbox on this host")
    return found


def is_clear(words: str, mailbox: Mailbox, protocol: str) -> bool:
    """The refusal says what is wrong, as far as the host's Dovecot can say it with spaces."""
    service = SERVICES[protocol].upper()
    reason = f"{service} is not allowed for this mailbox"
    return ("this mailbox is suspended" if mailbox.suspended else reason) in words.replace("-", " ")


@pytest.mark.parametrize(("protocol", "port"), PORTS)
def test_a_mailbox_opens_on_the_ports_of_its_use_and_on_no_other(
    mail: MailHost, mailboxes: list[tuple[Mailbox, str]], protocol: str, port: int
) -> None:
    for mailbox, password in mailboxes:
        spellings = (mailbox.address, mailbox.address.upper(), mailbox.address.title())
        words = [refusal(mail.name, protocol, port, user, password) for user in spellings]
        if protocol in mailbox.protocols and not mailbox.suspended:
            assert words == ["", "", ""], mailbox
        else:
            assert all(is_clear(each, mailbox, protocol) for each in words), (mailbox, words)


ONE_EACH = dict(reversed(PORTS))


@pytest.fixture
def calm(mail: MailHost, mailboxes: list[tuple[Mailbox, str]]) -> Iterator[None]:
    """A login that succeeds lets Dovecot forget the wrong ones: it makes each wait longer."""
    yield
    user, password = next((m, word) for m, word in mailboxes if "smtp" in m.services)
    assert refusal(mail.name, "submission", 465, user.address, password) == ""


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("protocol", ONE_EACH)
def test_nobody_logs_in_to_a_mailbox_without_a_password(mail: MailHost, protocol: str) -> None:
    shared = [mailbox for mailbox in mail.mailboxes if not mailbox.password]
    if not shared:
        pytest.skip("no mailbox of this host is shared")
    assert refusal(mail.name, protocol, ONE_EACH[protocol], shared[0].address, "")


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("protocol", ONE_EACH)
def test_who_guesses_does_not_learn_which_mailboxes_there_are(
    mail: MailHost, mailboxes: list[tuple[Mailbox, str]], protocol: str
) -> None:
    refused = [m for m, _ in mailboxes if protocol not in m.protocols or m.suspended]
    if not refused:
        pytest.skip("verify.toml has no mailbox that is refused here")
    nobody = f"nobody-at-all@{refused[0].domain}"
    users, port = (refused[0].address, nobody), ONE_EACH[protocol]
    there, nowhere = (refusal(mail.name, protocol, port, user, "a guess") for user in users)
    assert there == nowhere


def test_mail_is_taken_for_every_mailbox_that_keeps_it_or_has_an_owner(mail: MailHost) -> None:
    with smtplib.SMTP(mail.name, 25, timeout=TIMEOUT) as client:
        client.ehlo()
        for use in {mailbox.use: mailbox for mailbox in mail.mailboxes}.values():
            client.rset()
            client.mail("")
            code = client.rcpt(use.address)[0]
            assert code in ((250, 452) if use.stores or use.owner else (550,)), use  # 452: full


def test_mail_to_a_mailbox_that_only_sends_reaches_its_owner(
    mail: MailHost, account: Account, letters: Letters
) -> None:
    owned = [m for m in mail.mailboxes if not m.stores and m.owner == account.address]
    if not owned:
        pytest.skip(f"no mailbox that only sends is owned by {account.address}")
    letter = letters.write(account.address, account)
    with account.smtp() as client:
        client.send_message(letter, to_addrs=[owned[0].address])
    account.wait_for(letter["Message-ID"])
