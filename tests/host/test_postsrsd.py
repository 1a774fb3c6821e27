"""PostSRSd: forwarded mail is trusted at the other side, and its bounces find their way back."""

from email.utils import parseaddr

import pytest
from testinfra.host import Host

from mailwright.host import MailHost
from mailwright.inventory import Inventory
from tests.host.letters import Account, Letters, smtp
from tests.host.state import Unit


def test_postsrsd_runs_and_starts_at_boot(units: dict[str, Unit]) -> None:
    assert units["postsrsd"].is_running
    assert units["postsrsd"].is_enabled


def test_only_root_reads_the_secret(host: Host) -> None:
    *who, size = host.check_output("stat -c '%U %a %s' /etc/postsrsd.secret").split()
    assert (who, int(size) > 0) == (["root", "600"], True)


@pytest.fixture
def forward(
    mail: MailHost,
    inventory: Inventory,
    accounts: list[Account],
    correspondent: Account,
    letters: Letters,
) -> str:
    """An address of this host whose mail goes to the correspondent; copies here are removed."""
    targets = ((a.address, inventory.ends[a.address]) for a in mail.aliases)
    found = [name for name, ends in targets if correspondent.address in ends and name[0] != "@"]
    if not found:
        pytest.skip("no alias on this host forwards to the correspondent")
    ends = inventory.ends[found[0]]
    letters.readers.update(account for account in accounts if account.address in ends)
    return found[0]


def forwarded(
    mail: MailHost, forward: str, correspondent: Account, letters: Letters, sender: str
) -> tuple[str, str]:
    """Envelope sender, and verdicts of the other side, on a stranger's letter to the alias."""
    letter = letters.write("someone@sender.invalid", correspondent)
    with smtp(mail.name) as client:
        client.send_message(letter, from_addr=sender, to_addrs=[forward])
    arrived = correspondent.wait_for(letter["Message-ID"])
    judged = " ".join(arrived.get_all("Authentication-Results", []))
    return parseaddr(arrived["Return-Path"])[1], judged


def test_forwarded_mail_passes_spf_at_the_other_side(
    mail: MailHost, forward: str, correspondent: Account, letters: Letters
) -> None:
    sender, judged = forwarded(mail, forward, correspondent, letters, "someone@sender.invalid")
    assert sender.startswith("SRS0=")
    assert sender.endswith(f"=sender.invalid=someone@{mail.name}")
    assert f"spf=pass smtp.mailfrom={mail.name}" in judged


def test_a_bounce_of_forwarded_mail_returns_to_its_sender(
    mail: MailHost, forward: str, correspondent: Account, letters: Letters
) -> None:
    sender, _ = forwarded(mail, forward, correspondent, letters, correspondent.address)
    bounce = letters.write(f"mailer-daemon@{mail.name}", correspondent)
    with smtp(mail.name) as client:
        client.send_message(bounce, from_addr="", to_addrs=[sender])
    assert correspondent.wait_for(bounce["Message-ID"])


def test_only_senders_that_we_made_are_accepted(
    mail: MailHost, forward: str, correspondent: Account, letters: Letters
) -> None:
    sender, _ = forwarded(mail, forward, correspondent, letters, "someone@sender.invalid")
    head, right, rest = sender.split("=", 2)
    wrong = right[::-1] if right[::-1].lower() != right.lower() else f"A{right[1:]}"
    with smtp(mail.name) as client:
        client.ehlo()
        client.mail("")
        assert client.rcpt(sender)[0] == 250
        assert client.rcpt(f"{head}={wrong}={rest}")[0] == 550
        assert client.rcpt(sender.replace("=someone@", "=somebody@"))[0] == 550


def test_what_our_own_users_send_keeps_its_sender(
    account: Account, forward: str, correspondent: Account, letters: Letters
) -> None:
    letter = letters.write(account.address, correspondent)
    with account.smtp() as client:
        client.send_message(letter, to_addrs=[forward])
    arrived = correspondent.wait_for(letter["Message-ID"])
    assert parseaddr(arrived["Return-Path"])[1] == account.address
    judged = " ".join(arrived.get_all("Authentication-Results", []))
    assert all(f"{check}=pass" in judged for check in ("dkim", "spf", "dmarc"))
