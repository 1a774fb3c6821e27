"""The command `mailwright check`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from mailwright.check import world
from mailwright.check.finding import Finding, Severity
from mailwright.dns.resolver import Resolver
from mailwright.terminal import INVENTORY, chosen, published

WRONG, UNASKED = 1, 3  # exit codes; 2 is wrong usage


@click.command()
@INVENTORY
@click.argument("domains", metavar="[DOMAIN]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="For programs; ids stay the same.")
@click.option("--resolver", metavar="ADDRESS", help="A validating one; this machine's otherwise.")
@click.option("--dns", "only_dns", is_flag=True, help="DNS only; nothing connects to the hosts.")
def check(
    folder: Path,
    domains: tuple[str, ...],
    as_json: bool,
    resolver: str | None,
    only_dns: bool,
) -> None:
    """Ask the world for every DNS record and look at the hosts; say what to publish.

    \b
      mailwright check inventory
      mailwright check inventory example.com --json
      mailwright check inventory --dns          before the hosts are deployed

    Every authoritative server is asked, and a resolver; port 25 of each host must show its name
    and a certificate that fits what is published, and MTA-STS policies what they should. Exit
    status: 0 nothing required is wrong, 1 something is, 3 something could not be asked (and
    nothing is known to be wrong).
    """
    inventory = published(folder)
    asked = Resolver(resolver)
    names = chosen(inventory, domains)
    found = world.dns_findings(inventory, asked, names if domains else None)
    found += [] if only_dns else world.host_findings(inventory, asked, names)
    if as_json:
        click.echo(json.dumps({"findings": [each.to_json() for each in found]}, indent=2))
    else:
        _tell(found)
    sys.exit(_code(found))


def _tell(found: list[Finding]) -> None:
    for each in found:
        click.echo("\n".join(each.lines()))
    wrong = sum(each.severity == Severity.ERROR for each in found)
    click.echo(f"{wrong} wrong, {len(found) - wrong} worth a look" if found else "all is right")


def _code(found: list[Finding]) -> int:
    levels = {each.severity for each in found}
    return WRONG if Severity.ERROR in levels else UNASKED if Severity.UNASKED in levels else 0
