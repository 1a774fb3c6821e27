"""Dovecot as mail programs meet it."""

import pytest
from testinfra.host import Host

from mailwright.model.host import MailHost
from tests.host.letters import Account
from tests.host.state import Unit

RESOURCES = ("STORAGE", "MESSAGE")

# The answer to each of as many recipients at once as Postfix would have; no message follows.
BURST = """
python3 - "$(postconf -h default_destination_concurrency_limit)" {address} <<'END'
import smtplib, sys
socket = "/var/spool/postfix/private/dovecot-lmtp"
sessions = [smtplib.LMTP(socket) for _ in range(int(sys.argv[1]))]
for session in sessions:
    session.ehlo()
    session.mail("")
    print(*session.rcpt(sys.argv[2]))
END
"""


def test_dovecot_runs_and_starts_at_boot(units: dict[str, Unit]) -> None:
    assert units["dovecot"].is_running
    assert units["dovecot"].is_enabled


def test_the_effective_configuration_has_no_warning(host: Host, mail: MailHost) -> None:
    result = host.run("doveconf -n")
    assert (result.rc, result.stderr) == (0, "")
    assert f"hostname = {mail.name}" in result.stdout


def test_dovecot_is_of_the_line_that_the_configuration_is_for(host: Host, mail: MailHost) -> None:
    assert host.check_output("dovecot --version").startswith(mail.dovecot)


def test_an_upgrade_does_not_leave_the_line(host: Host, mail: MailHost) -> None:
    candidate = host.check_output("apt-cache policy dovecot-core | sed -n 's/ *Candidate: 1://p'")
    assert candidate.startswith(mail.dovecot)


@pytest.mark.parametrize("starttls", [False, True], ids=["993", "143"])
def test_imap_lets_the_owner_in(account: Account, starttls: bool) -> None:
    with account.imap(starttls) as client:
        assert client.select("INBOX")[0] == "OK"


@pytest.mark.parametrize("stls", [False, True], ids=["995", "110"])
def test_pop3_lets_the_owner_in(pop3_account: Account, stls: bool) -> None:
    with pop3_account.pop3(stls) as client:
        assert client.stat()[0] >= 0


def test_the_case_of_a_user_name_does_not_matter(account: Account) -> None:
    shouting = Account(account.address.upper(), account.password, account.server)
    with shouting.imap() as client:
        assert client.select("INBOX")[0] == "OK"


def test_a_burst_of_mail_to_one_mailbox_is_taken_at_once(host: Host, account: Account) -> None:
    answers = host.check_output(BURST.format(address=account.address)).splitlines()
    assert len(answers) > 10
    assert {answer.partition(" ")[0] for answer in answers} == {"250"}, answers


def test_special_folders_are_there_and_marked(account: Account) -> None:
    with account.imap() as client:
        folders = b" ".join(line for line in client.list()[1] if isinstance(line, bytes))
    for use in (rb"\Drafts", rb"\Junk", rb"\Sent", rb"\Trash"):
        assert use in folders


def test_a_client_sees_its_quota(mail: MailHost, accounts: list[Account]) -> None:
    """RFC 9208: name, usage and limit of each resource; storage in KiB."""
    mailboxes = {mailbox.address: mailbox for mailbox in mail.mailboxes}
    for account in accounts:
        with account.imap() as client:
            answer = b" ".join(x for x in client.getquotaroot("INBOX")[1][1] if x)
        words = answer.decode().replace("(", " ").replace(")", " ").split()
        shown = {name: int(words[words.index(name) + 2]) for name in RESOURCES if name in words}
        mailbox = mailboxes[account.address]
        limits = (mailbox.quota // 1024, mailbox.quota_message_count)
        assert shown == {name: n for name, n in zip(RESOURCES, limits, strict=True) if n}
