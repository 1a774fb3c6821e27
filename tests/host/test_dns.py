"""The world sees what it should: the checks of `mailwright check`, for the verified hosts."""

import pytest

from mailwright.check import world
from mailwright.inventory.load import Inventory
from mailwright.model.host import MailHost
from mailwright.net.resolver import Resolver
from mailwright.report.finding import Finding, Severity


@pytest.fixture(scope="session")
def resolver() -> Resolver:
    """This machine's, which remembers what it has said."""
    return Resolver()


def wrong(findings: list[Finding]) -> list[str]:
    """What is wrong or could not be asked; the rest is worth a look, and no more."""
    levels = (Severity.ERROR, Severity.UNASKED)
    return [line for each in findings if each.severity in levels for line in each.lines()]


def test_every_record_is_published(inventory: Inventory, resolver: Resolver) -> None:
    assert not wrong(world.dns_findings(inventory, resolver))


def test_the_host_shows_what_is_published(
    mail: MailHost, inventory: Inventory, resolver: Resolver
) -> None:
    """Its name, its certificate and its domains' MTA-STS policies, as strangers see them."""
    names = [domain.name for domain in mail.domains]
    assert not wrong(world.host_findings(inventory, resolver, names))
