"""Catch-alls, alias domains and forwarding, with real messages."""

from email.message import EmailMessage

import pytest

from mailwright.inventory.load import Inventory
from mailwright.model.host import MailHost
from tests.host.letters import Account, Letters, smtp


def deliver(mail: MailHost, letters: Letters, reader: Account, recipient: str) -> EmailMessage:
    """A stranger's letter to `recipient` arrives in the mailbox of `reader`."""
    letter = letters.write("someone@sender.invalid", reader)
    with smtp(mail.name) as client:
        client.send_message(letter, to_addrs=[recipient])
    return reader.wait_anywhere(letter["Message-ID"])


@pytest.fixture
def reached(
    mail: MailHost, inventory: Inventory, everybody: dict[str, Account]
) -> dict[str, list[Account]]:
    """The aliases of this host and who gets their mail, where his password is known."""
    names = [alias.address for alias in mail.aliases if alias.address[0] != "@"]
    ends = {name: inventory.ends[name] for name in names}
    return {
        name: [everybody[e] for e in ends[name]] for name in names if ends[name] <= {*everybody}
    }


def test_an_alias_reaches_everybody_behind_it(
    mail: MailHost, reached: dict[str, list[Account]], letters: Letters
) -> None:
    if not reached:
        pytest.skip("no alias of this host leads to mailboxes whose passwords are known")
    name = max(reached, key=lambda each: len(reached[each]))
    first, *others = reached[name]
    letter = deliver(mail, letters, first, name)
    letters.readers.update(others)
    assert [other for other in others if not other.wait_anywhere(letter["Message-ID"])] == []


def test_mail_for_abuse_of_every_domain_reaches_the_postmaster(
    mail: MailHost, reached: dict[str, list[Account]], letters: Letters
) -> None:
    roles = {f"abuse@{domain.name}" for domain in mail.domains} & {*reached}
    if not roles:
        pytest.skip("the password of the postmaster is not known")
    for role in roles:
        for reader in reached[role]:
            deliver(mail, letters, reader, role)


def test_a_catch_all_takes_what_is_nobodys(
    mail: MailHost, inventory: Inventory, accounts: list[Account], letters: Letters
) -> None:
    caught = [
        (alias.domain, account)
        for alias in mail.aliases
        for account in accounts
        if alias.address[0] == "@" and account.address in inventory.ends[alias.address]
    ]
    if not caught:
        pytest.skip("no catch-all leads to a mailbox on this host whose password is known")
    domain, account = caught[0]
    deliver(mail, letters, account, f"nobody-at-all@{domain}")


def test_a_catch_all_swallows_no_mailbox_of_its_domain(
    mail: MailHost, accounts: list[Account], letters: Letters
) -> None:
    catching = {alias.domain for alias in mail.aliases if alias.address[0] == "@"}
    inside = [each for each in accounts if each.address.partition("@")[2] in catching]
    if not inside:
        pytest.skip("no domain of this host has a catch-all and a mailbox whose password is known")
    local, _, domain = inside[0].address.partition("@")
    deliver(mail, letters, inside[0], inside[0].address)
    deliver(mail, letters, inside[0], f"{local}+detail@{domain}")


@pytest.fixture
def other_name(mail: MailHost, account: Account) -> str:
    """The account's address in an alias domain."""
    local, _, domain = account.address.partition("@")
    names = [each.name for each in mail.domains if each.alias_of == domain]
    if not names:
        pytest.skip(f"{domain} has no alias domain")
    return f"{local}@{names[0]}"


def test_mail_for_the_alias_domain_arrives(
    mail: MailHost, account: Account, other_name: str, letters: Letters
) -> None:
    local, _, domain = other_name.partition("@")
    deliver(mail, letters, account, other_name)
    deliver(mail, letters, account, f"{local}+detail@{domain}")


def test_mail_from_the_alias_domain_is_trusted(
    account: Account, other_name: str, correspondent: Account, letters: Letters
) -> None:
    letter = letters.write(other_name, correspondent)
    with account.smtp() as client:
        client.send_message(letter)
    arrived = correspondent.wait_for(letter["Message-ID"])
    judged = " ".join(arrived.get_all("Authentication-Results", []))
    assert all(f"{check}=pass" in judged for check in ("dkim", "spf", "dmarc"))


def test_a_mailbox_that_forwards_keeps_a_copy(
    mail: MailHost, accounts: list[Account], letters: Letters
) -> None:
    forwarding = {alias.address for alias in mail.aliases if alias.address in alias.targets}
    mine = [account for account in accounts if account.address in forwarding]
    if not mine:
        pytest.skip("no mailbox of this host whose password is known forwards its mail")
    copy = deliver(mail, letters, mine[0], mine[0].address)
    assert copy["Return-Path"] == "<someone@sender.invalid>"
