"""Real messages, on every path that mail takes."""

import shlex
import smtplib
from email import policy
from email.message import EmailMessage
from functools import partial

import dkim
import pytest
from testinfra.host import Host

from mailwright.model.domain import Domain
from mailwright.model.host import MailHost
from tests.host.letters import GTUBE, Account, Letters, eventually, smtp

# Twelve points on every server, wherever the letter comes from.
FAULTS = {
    "Date": "Tue, 1 Jan 2097 00:00:00 +0000",
    "Subject": "Re: YOU HAVE WON",
    "X-Mailer": "Microsoft Outlook Express 6.00.2900.2180",
    "X-PHP-Originating-Script": "0:mailer.php",
}


def test_mail_from_another_server_arrives_and_is_judged(
    mail: MailHost, account: Account, letters: Letters
) -> None:
    letter = letters.write("someone@sender.invalid", account)
    with smtp(mail.name) as client:
        client.starttls()
        client.send_message(letter)
    arrived = account.wait_anywhere(letter["Message-ID"])
    assert arrived["Authentication-Results"].startswith(mail.name)
    received = " ".join(arrived.get_all("Received", []))
    assert "using TLSv1" in received  # a reader can see that his mail came over a safe line


@pytest.mark.parametrize("port", [465, 587])
def test_mail_of_a_user_leaves_signed_and_trusted(
    mail: MailHost, account: Account, correspondent: Account, letters: Letters, port: int
) -> None:
    letter = letters.write(account.address, correspondent)
    with account.smtp(port) as client:
        client.send_message(letter)
    domain = next(d for d in mail.domains if d.name == account.address.partition("@")[2])
    assert_trusted(correspondent.wait_for(letter["Message-ID"]), domain)


def test_mail_in_the_name_of_another_hosts_domain_leaves_signed_and_trusted(
    mail: MailHost, accounts: list[Account], correspondent: Account, letters: Letters
) -> None:
    """Somebody here may send as an address of a domain whose mail is stored elsewhere."""
    known = {account.address: account for account in accounts}
    here = {domain.name for domain in mail.domains}
    senders = {
        name.rpartition("@")[2]: (name, known[login])
        for name, logins in mail.sender_logins.items()
        for login in logins
        if login in known and name[0] != "@" and name.rpartition("@")[2] not in here
    }
    if not senders:
        pytest.skip("nobody whose password is known may send as an address of another host")
    for domain in mail.sending_domains:
        if domain.name in senders:
            name, account = senders[domain.name]
            for envelope in (name, account.address):
                letter = letters.write(name, correspondent)
                with account.smtp() as client:
                    client.send_message(letter, envelope)
                assert_trusted(correspondent.wait_for(letter["Message-ID"]), domain)


def test_what_the_host_itself_writes_is_signed_and_trusted(
    host: Host, mail: MailHost, correspondent: Account, letters: Letters
) -> None:
    """Root's mail, and a bounce: DMARC of the host's own name says p=reject."""
    domain = mail.domain_around or mail.domain_lending
    if domain is None:
        pytest.skip("the host has no key to sign with")
    name = domain.name if mail.domain_around else mail.name
    wanted = {(name, key.selector) for key in domain.signing}
    reader = shlex.quote(correspondent.address)
    for command in (f"-- {reader}", f"-f {reader} -- nobody@unknown.invalid"):
        letter = letters.write(f"root@{mail.name}", correspondent)
        text = shlex.quote(letter.as_string(policy=policy.default))
        host.check_output(f"printf %s {text} | /usr/sbin/sendmail -i {command}")
        id = letter["Message-ID"]
        arrived = eventually(partial(correspondent.find_with, id), f"{id} or its bounce")
        letters.ids.add(arrived["Message-ID"])
        assert signatures(arrived) == wanted
        judged = " ".join(arrived.get_all("Authentication-Results", []))
        assert judged.count("dkim=pass") >= len(wanted)
        assert "dmarc=pass" in judged


def test_what_a_letter_lacks_is_added_before_it_is_signed(
    account: Account, correspondent: Account, letters: Letters
) -> None:
    letter = letters.write(account.address, correspondent)
    letter["References"] = mark = letter["Message-ID"]
    del letter["Date"], letter["Message-ID"]
    with account.smtp() as client:
        client.send_message(letter)
    arrived = eventually(lambda: correspondent.find_with(mark), f"a letter that refers to {mark}")
    letters.ids.add(arrived["Message-ID"])
    assert arrived["Date"]
    for signature in arrived.get_all("DKIM-Signature", []):
        signed = dkim.parse_tag_value(str(signature).encode())[b"h"].decode().lower()
        assert {"date", "message-id"} <= {*signed.split(":")}
    assert "dkim=pass" in " ".join(arrived.get_all("Authentication-Results", []))


def test_a_line_that_is_too_long_is_refused(account: Account, letters: Letters) -> None:
    """Whoever folded it on the way would break the signature (RFC 5322 section 2.1.1)."""
    for before, after, code in (
        (b"", b"x" * 998, 250),
        (b"", b"x" * 999, 554),
        (b"X-Long: " + b"x" * 991 + b"\r\n", b"", 554),
    ):
        letter = letters.write(account.address, account)
        with account.smtp() as client:
            client.mail(account.address)
            client.rcpt(account.address)
            assert client.data(before + letter.as_bytes() + after)[0] == code


def test_mail_leaves_from_the_addresses_that_dns_names(
    mail: MailHost, account: Account, correspondent: Account, letters: Letters
) -> None:
    letter = letters.write(account.address, correspondent)
    with account.smtp() as client:
        client.send_message(letter)
    received = correspondent.wait_for(letter["Message-ID"]).get_all("Received", [])
    assert any(f"[{name}]" in " ".join(received).replace("IPv6:", "") for name in mail.addresses)


def assert_trusted(arrived: EmailMessage, domain: Domain) -> None:
    """It has every signature of the domain, and its receiver believes that it is from there."""
    keys = domain.signing
    wanted, found = {(domain.name, key.selector) for key in keys}, signatures(arrived)
    assert found == wanted, f"signed with {sorted(found)}, not with {sorted(wanted)}"
    assert all(verdicts(arrived, len(keys)))
    judged = " ".join(arrived.get_all("Authentication-Results", []))
    assert judged.count("dkim=pass") >= len(keys)
    assert "spf=pass" in judged
    assert "dmarc=pass" in judged


def test_the_clients_address_is_not_told_to_the_world(
    account: Account, correspondent: Account, letters: Letters
) -> None:
    letter = letters.write(account.address, correspondent)
    with account.smtp() as client:
        client.send_message(letter)
        assert client.sock
        mine = client.sock.getsockname()[0]
    assert mine not in " ".join(
        correspondent.wait_for(letter["Message-ID"]).get_all("Received", [])
    )


def test_mail_arrives_and_is_read_by_imap_and_by_pop3(
    pop3_account: Account, letters: Letters
) -> None:
    letter = letters.write(pop3_account.address, pop3_account)
    with pop3_account.smtp() as client:
        client.send_message(letter)
    pop3_account.wait_for(letter["Message-ID"])
    assert pop3_account.find(letter["Message-ID"], starttls=True)
    for stls in (False, True):
        with pop3_account.pop3(stls) as client:
            count = client.stat()[0]
            heads = [b"\n".join(client.top(n, 0)[1]) for n in range(1, count + 1)]
        assert any(letter["Message-ID"].encode() in head for head in heads)


def test_mail_crosses_between_our_own_hosts(
    everybody: dict[str, Account], account: Account, letters: Letters
) -> None:
    others = [other for other in everybody.values() if other.server != account.server]
    if not others:
        pytest.skip("the inventory has one host only")
    letter = letters.write(account.address, others[0])
    with account.smtp() as client:
        client.send_message(letter)
    arrived = others[0].wait_for(letter["Message-ID"])
    assert "dkim=pass" in arrived["Authentication-Results"]
    assert "spf=pass" in arrived["Authentication-Results"]
    assert "dmarc=pass" in arrived["Authentication-Results"]


def test_a_plus_address_reaches_its_owner(account: Account, letters: Letters) -> None:
    letter = letters.write(account.address, account)
    local, _, domain = account.address.partition("@")
    with account.smtp() as client:
        client.send_message(letter, to_addrs=[f"{local}+detail@{domain}"])
    account.wait_for(letter["Message-ID"])


def test_the_header_from_must_belong_to_the_sender(
    mail: MailHost, account: Account, letters: Letters
) -> None:
    me, other = account.address, "someone@relay.invalid"
    local, _, domain = me.partition("@")
    owned = [name for name, logins in mail.sender_logins.items() if me in logins]
    foreign = [name for name in mail.sender_logins if name not in owned and name[0] != "@"]
    with account.smtp() as client:
        for sender in (other, f"{me}, {other}", *foreign[:1], f"{me}\r\nSender: {other}"):
            assert submitted(client, account, letters, sender) == 554
        for sender in (me, f"{local}+detail@{domain}", f'"{other}" <{me}>'):
            assert submitted(client, account, letters, sender) == 250


def test_a_header_from_that_programs_read_differently_is_refused(
    account: Account, letters: Letters
) -> None:
    """Else one of them shows whom the letter is not from (RFC 5322 section 3.4)."""
    me, other = account.address, "someone@relay.invalid"
    with account.smtp() as client:
        for sender in (f"{other} <{me}>", f"{me} ({other})", f"us: {me};", f"<{other}> <{me}>"):
            assert submitted(client, account, letters, sender) == 554
        for sender in (
            f"{me}\r\nFrom: {other}",
            f"=?utf-8?q?=22{other}=22?= <{me}>",
            f"a\7 <{me}>",
        ):
            assert submitted(client, account, letters, sender) == 554


def submitted(client: smtplib.SMTP, account: Account, letters: Letters, sender: str) -> int:
    """The answer to a letter with this header From and the account's own envelope."""
    letter = letters.write(account.address, account)
    written = f"From: {account.address}\r\n".encode()
    raw = letter.as_bytes().replace(written, f"From: {sender}\r\n".encode(), 1)
    try:
        client.sendmail(account.address, [account.address], raw)
    except smtplib.SMTPDataError as refused:
        return refused.smtp_code
    account.wait_for(letter["Message-ID"])
    return 250


def test_an_envelope_sender_needs_no_quotes(account: Account) -> None:
    """Of "alice+@tiny"@example.com Postfix asks who owns alice@example.com."""
    local, _, domain = account.address.partition("@")
    with account.smtp() as client:
        client.mail(f'"{local}+@somebody"@{domain}')
        assert client.rcpt(account.address)[0] == 553


# As this host writes its verdicts, and other ways to write the same (RFC 8601 section 2.2).
@pytest.mark.parametrize("port", [25, 465])
def test_nobody_else_says_what_this_host_has_found(
    mail: MailHost, account: Account, letters: Letters, port: int
) -> None:
    """RFC 8601 section 5; and what marks spam."""
    letter = letters.write(account.address if port == 465 else "someone@sender.invalid", account)
    names = (mail.name, f"{mail.name} 1", mail.name.upper(), f"(a) {mail.name}", f'"{mail.name}"')
    forged = "".join(f"Authentication-Results: {name}; dmarc=pass\r\n" for name in names)
    forged += f"authentication-results :\r\n {mail.name};\r\n dmarc=pass\r\nX-Spam: Yes\r\n"
    other = "Authentication-Results: relay.invalid; dmarc=pass\r\n"
    raw = f"{other}{forged}".encode() + letter.as_bytes()
    with account.smtp() if port == 465 else smtp(mail.name) as client:
        client.sendmail(str(letter["From"]), [account.address], raw)
    arrived = account.wait_anywhere(letter["Message-ID"])
    found = [str(each) for each in arrived.get_all("Authentication-Results", [])]
    if port == 465:
        assert (found, arrived["X-Spam"]) == (["relay.invalid; dmarc=pass"], None)
    else:
        assert len(found) == 1
        assert "dmarc=pass" not in found[0]


def test_nobody_else_writes_in_the_name_of_the_host(
    mail: MailHost, account: Account, letters: Letters
) -> None:
    """For what it forwards SPF vouches in that name, whoever wrote it."""
    if mail.name in {domain.name for domain in mail.sending_domains}:
        pytest.skip(f"{mail.name} is a mail domain as well, which has users who write to lists")
    letter = letters.write(f"Mail server <root@{mail.name}>", account)
    with smtp(mail.name) as client, pytest.raises(smtplib.SMTPDataError) as refused:
        client.send_message(letter, "someone@sender.invalid")
    assert refused.value.smtp_code == 554


def test_spam_goes_to_the_spam_folder(mail: MailHost, account: Account, letters: Letters) -> None:
    is_filed_as_spam(mail, account, letters.write("someone@sender.invalid", account, f"Y{GTUBE}"))


def is_filed_as_spam(mail: MailHost, account: Account, letter: EmailMessage) -> None:
    with smtp(mail.name) as client:
        client.send_message(letter)
    assert account.wait_for(letter["Message-ID"], "Junk")["X-Spam"] == "Yes"


def test_what_only_scores_as_spam_goes_there_too(
    mail: MailHost, account: Account, letters: Letters
) -> None:
    """Unlike the test string, which sets the verdict itself."""
    letter = letters.write("someone@sender.invalid", account)
    for name, value in FAULTS.items():
        del letter[name]
        letter[name] = value
    is_filed_as_spam(mail, account, letter)


def test_mail_from_outside_in_our_name_is_not_signed(
    mail: MailHost, account: Account, letters: Letters
) -> None:
    letter = letters.write(account.address, account)
    with smtp(mail.name) as client:
        client.send_message(letter)
    assert not account.wait_anywhere(letter["Message-ID"]).get_all("DKIM-Signature")


def signatures(message: EmailMessage) -> set[tuple[str, str]]:
    """Domain and selector of each DKIM signature."""
    tags = [dkim.parse_tag_value(str(s).encode()) for s in message.get_all("DKIM-Signature", [])]
    return {(tag[b"d"].decode(), tag[b"s"].decode()) for tag in tags}


def verdicts(message: EmailMessage, count: int) -> list[bool]:
    """What dkimpy, which is not our code, says of each signature."""
    judge = dkim.DKIM(message.as_bytes())
    return [judge.verify(idx=n) for n in range(count)]
