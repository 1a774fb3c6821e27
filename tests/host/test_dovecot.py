"""Dovecot as mail programs meet it."""

import imaplib
import poplib
import socket

import pytest
from testinfra.host import Host

from mailwright.host import MailHost
from tests.host.letters import TIMEOUT, Account


def talk(server: str, port: int, *lines: str) -> list[str]:
    """The first reply line to the greeting and to each of the lines, without TLS."""
    with socket.create_connection((server, port), timeout=TIMEOUT) as connection:
        stream = connection.makefile("rw", encoding="latin-1", newline="\r\n")
        replies = [stream.readline().strip()]
        for line in lines:
            stream.write(f"{line}\r\n")
            stream.flush()
            replies.append(stream.readline().strip())
        return replies


def test_dovecot_runs_and_starts_at_boot(host: Host) -> None:
    assert host.service("dovecot").is_running
    assert host.service("dovecot").is_enabled


def test_the_effective_configuration_has_no_warning(host: Host, mail: MailHost) -> None:
    result = host.run("doveconf -n")
    assert (result.rc, result.stderr) == (0, "")
    assert f"hostname = {mail.name}" in result.stdout


def test_dovecot_is_of_the_line_that_the_configuration_is_for(host: Host, mail: MailHost) -> None:
    assert host.check_output("dovecot --version").startswith(mail.dovecot)


def test_an_upgrade_does_not_leave_the_line(host: Host, mail: MailHost) -> None:
    candidate = host.check_output("apt-cache policy dovecot-core | sed -n 's/ *Candidate: 1://p'")
    assert candidate.startswith(mail.dovecot)


def test_imap_takes_no_password_without_tls(mail: MailHost, account: Account) -> None:
    greeting, reply = talk(mail.name, 143, f'a LOGIN "{account.address}" "{account.password}"')
    assert "LOGINDISABLED" in greeting
    assert "AUTH=PLAIN" not in greeting
    assert not reply.startswith("a OK")


def test_pop3_takes_no_password_without_tls(mail: MailHost, account: Account) -> None:
    _, reply = talk(mail.name, 110, f"USER {account.address}")
    assert reply.startswith("-ERR")


def test_managesieve_takes_no_password_without_tls(mail: MailHost) -> None:
    with socket.create_connection((mail.name, 4190), timeout=TIMEOUT) as connection:
        greeting = connection.recv(4096).decode()
    assert '"SASL" ""' in greeting
    assert '"STARTTLS"' in greeting


@pytest.mark.parametrize("starttls", [False, True], ids=["993", "143"])
def test_imap_lets_the_owner_in(account: Account, starttls: bool) -> None:
    with account.imap(starttls) as client:
        assert client.select("INBOX")[0] == "OK"


@pytest.mark.parametrize("stls", [False, True], ids=["995", "110"])
def test_pop3_lets_the_owner_in(pop3_account: Account, stls: bool) -> None:
    with pop3_account.pop3(stls) as client:
        assert client.stat()[0] >= 0


def test_a_wrong_password_is_refused(account: Account) -> None:
    wrong = Account(account.address, "not the password", account.server)
    with pytest.raises(imaplib.IMAP4.error), wrong.imap():
        pass
    with pytest.raises(poplib.error_proto), wrong.pop3():
        pass


def test_the_case_of_a_user_name_does_not_matter(account: Account) -> None:
    shouting = Account(account.address.upper(), account.password, account.server)
    with shouting.imap() as client:
        assert client.select("INBOX")[0] == "OK"


def test_special_folders_are_there_and_marked(account: Account) -> None:
    with account.imap() as client:
        folders = b" ".join(client.list()[1])
    for use in (rb"\Drafts", rb"\Junk", rb"\Sent", rb"\Trash"):
        assert use in folders


def test_a_client_sees_its_quota(mail: MailHost, accounts: list[Account]) -> None:
    limits = {mailbox.address: mailbox.quota for mailbox in mail.mailboxes}
    for account in accounts:
        with account.imap() as client:
            answer = client.getquotaroot("INBOX")[1][1]
        limit = limits[account.address]
        expected = f"{limit // 1024})" if limit else ""
        assert expected in b" ".join(x for x in answer if x).decode()
