"""Who may log in where: each mailbox of verify.toml on each port, as the description says."""

from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from mailwright.model.host import MailHost
from mailwright.model.mailbox import Mailbox
from mailwright.model.services import LOGINS
from tests.host.letters import Account, Letters, smtp
from tests.host.logins import PORTS, refusal

Verify = dict[str, dict[str, str]]
Refusals = dict[str, dict[int, Future[str]]]  # by kind of stranger and port
AT_ONCE = 20  # logins


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
    service = LOGINS[protocol].upper()
    reason = f"{service} is not allowed for this mailbox"
    return ("this mailbox is suspended" if mailbox.suspended else reason) in words.replace("-", " ")


@pytest.mark.parametrize(("protocol", "port"), PORTS)
def test_a_mailbox_opens_on_the_ports_of_its_use_and_on_no_other(
    mail: MailHost, mailboxes: list[tuple[Mailbox, str]], protocol: str, port: int
) -> None:
    """Many at once, since each refusal takes two seconds."""
    tries = [
        (mailbox, user, password)
        for mailbox, password in mailboxes
        for user in (mailbox.address, mailbox.address.upper(), mailbox.address.title())
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(lambda t: refusal(mail.name, protocol, port, t[1], t[2]), tries))
    for (mailbox, user, _), words in zip(tries, said, strict=True):
        if protocol in mailbox.protocols and not mailbox.suspended:
            assert words == "", user
        else:
            assert is_clear(words, mailbox, protocol), (user, words)


def users(mailboxes: list[tuple[Mailbox, str]], protocol: str, allowed: bool) -> list[Mailbox]:
    """Those of verify.toml whom the protocol lets in, or whom it does not."""
    return [m for m, _ in mailboxes if (protocol in m.protocols and not m.suspended) == allowed]


@pytest.fixture(scope="session")
def refusals(mail: MailHost, mailboxes: list[tuple[Mailbox, str]]) -> Refusals:
    """What the ports say to each kind of stranger, all asked at once."""
    tries = []
    for protocol, port in PORTS:
        owner, barred = (users(mailboxes, protocol, allowed)[:1] for allowed in (True, False))
        tries += [("owner", protocol, port, m.address, "a guess") for m in owner]
        tries += [("barred", protocol, port, m.address, "a guess") for m in barred]
        tries += [
            ("nobody", protocol, port, f"nobody-at-all@{m.domain}", "a guess") for m in barred
        ]
        shared = [m for m in mail.mailboxes if not m.password][:1]
        tries += [("shared", protocol, port, m.address, "") for m in shared]
    found: Refusals = defaultdict(dict)
    with ThreadPoolExecutor(len(tries)) as pool:
        for kind, protocol, port, user, password in tries:
            found[kind][port] = pool.submit(refusal, mail.name, protocol, port, user, password)
    return found


EACH_PORT = pytest.mark.parametrize("port", [port for _, port in PORTS])


@EACH_PORT
def test_a_wrong_password_is_refused(refusals: Refusals, port: int) -> None:
    if port not in refusals["owner"]:
        pytest.skip("verify.toml has no mailbox that is let in here")
    assert refusals["owner"][port].result()


@EACH_PORT
def test_nobody_logs_in_to_a_mailbox_without_a_password(refusals: Refusals, port: int) -> None:
    if port not in refusals["shared"]:
        pytest.skip("no mailbox of this host is shared")
    assert refusals["shared"][port].result()


@EACH_PORT
def test_who_guesses_does_not_learn_which_mailboxes_there_are(
    refusals: Refusals, port: int
) -> None:
    if port not in refusals["barred"]:
        pytest.skip("verify.toml has no mailbox that is refused here")
    assert refusals["barred"][port].result() == refusals["nobody"][port].result() != ""


def test_mail_is_taken_for_every_mailbox_that_keeps_it_or_has_an_owner(mail: MailHost) -> None:
    with smtp(mail.name) as client:
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
