"""The command `mailwright check`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from mailwright import dns
from mailwright.check.finding import Finding, Severity
from mailwright.check.zone import Check
from mailwright.dns.authority import Authority
from mailwright.dns.resolver import Resolver
from mailwright.inventory import Inventory
from mailwright.terminal import INVENTORY, chosen, published

WRONG, UNASKED = 1, 3  # exit codes; 2 is wrong usage


@click.command()
@INVENTORY
@click.argument("domains", metavar="[DOMAIN]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="For programs; ids stay the same.")
@click.option("--resolver", metavar="ADDRESS", help="A validating one; this machine's otherwise.")
def check(folder: Path, domains: tuple[str, ...], as_json: bool, resolver: str | None) -> None:
    """Ask the world for every DNS record, and say what to publish.

    \b
      mailwright check inventory
      mailwright check inventory example.com --json

    Every authoritative server is asked, and a resolver. Exit status: 0 nothing required is wrong,
    1 something is, 3 something could not be asked (and nothing is known to be wrong).
    """
    inventory = published(folder)
    asked = Resolver(resolver)
    senders = [ip for host in inventory.hosts for ip in host.addresses]
    world = Check(Authority(asked.stub()), asked, senders)
    found = world.findings(_records(inventory, domains))
    if as_json:
        click.echo(json.dumps({"findings": [each.to_json() for each in found]}, indent=2))
    else:
        _tell(found)
    sys.exit(_code(found))


def _records(inventory: Inventory, domains: tuple[str, ...]) -> list[dns.Record]:
    """The records of the zones that were named, or all."""
    zones = dns.zones(inventory)
    names = chosen(inventory, domains) if domains else zones
    return [record for name in names for record in zones[name]]


def _tell(found: list[Finding]) -> None:
    for each in found:
        click.echo("\n".join(each.lines()))
    wrong = sum(each.severity == Severity.ERROR for each in found)
    click.echo(f"{wrong} wrong, {len(found) - wrong} worth a look" if found else "all is right")


def _code(found: list[Finding]) -> int:
    levels = {each.severity for each in found}
    return WRONG if Severity.ERROR in levels else UNASKED if Severity.UNASKED in levels else 0
