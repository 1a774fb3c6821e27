"""The command `mailwright check`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mailwright.check import dnsbl, message, preflight, watch, world
from mailwright.commands.terminal import INVENTORY, chosen, published
from mailwright.dns.records import records
from mailwright.inventory import verification
from mailwright.inventory.load import Inventory
from mailwright.model.problems import Invalid, Problems
from mailwright.net.resolver import Resolver
from mailwright.order import directory
from mailwright.report.finding import Finding, Severity

_PEER = "gmail.com"
WRONG, UNASKED = 1, 3  # exit codes; 2 is wrong usage


@click.command()
@INVENTORY
@click.argument("domains", metavar="[DOMAIN]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="For programs; ids stay the same.")
@click.option("--resolver", metavar="ADDRESS", help="A validating one; this machine's otherwise.")
@click.option("--dns", "only_dns", is_flag=True, help="DNS only; nothing connects to the hosts.")
@click.option("--watch", "is_watched", is_flag=True, help="DNS, until a change has spread.")
@click.option("--timeout", metavar="SECONDS", type=float, help="Watch no longer than that.")
@click.option("--dnsbl", "has_lists", is_flag=True, help="Ask block lists as well.")
@click.option("--preflight", "is_before", is_flag=True, help="The machines, before a deploy.")
@click.option("--peer", metavar="DOMAIN", help="Whose MX they must reach. [default: gmail.com]")
@click.option("--message", "path", metavar="FILE", type=Path, help="Verify a delivered message.")
def check(
    folder: Path,
    domains: tuple[str, ...],
    as_json: bool,
    resolver: str | None,
    only_dns: bool,
    is_watched: bool,
    timeout: float | None,
    has_lists: bool,
    is_before: bool,
    peer: str | None,
    path: Path | None,
) -> None:
    """Ask the world for every DNS record and look at the hosts; say what to publish.

    \b
      mailwright check inventory
      mailwright check inventory example.com --json
      mailwright check inventory --preflight           whether the machines are ready for a deploy
      mailwright check inventory --dns                 no connection to the hosts
      mailwright check inventory --watch               until what was published is everywhere
      mailwright check inventory --message letter.eml  as its receiver has stored it

    Every authoritative server is asked, and a resolver; port 25 of each host must show its name
    and a certificate that fits what is published, and MTA-STS policies what they should. Exit
    status: 0 nothing required is wrong, 1 something is, 3 something could not be asked (and
    nothing is known to be wrong).
    """
    if timeout is not None and not is_watched:
        raise click.UsageError("--timeout is for --watch")
    if peer is not None and not is_before:
        raise click.UsageError("--peer is for --preflight")
    inventory = published(folder)
    names = chosen(inventory, domains)
    if is_before:
        _end(_before(inventory, names, Resolver(resolver), peer), as_json)
    if path:
        letter, found = _message(path, inventory, Resolver(resolver))
        _end(found, as_json, letter.lines(), {"message": letter.to_json()})

    def look(asked: Resolver) -> list[Finding]:
        return world.dns_findings(inventory, asked, names if domains else None)

    asked = Resolver(resolver)
    if is_watched:  # what resolvers have said before is not remembered
        found = watch.until_spread(lambda: look(Resolver(resolver)), timeout)
    else:
        found = look(asked)
    if not (only_dns or is_watched):
        found += world.host_findings(inventory, asked, names)
    if has_lists and not world.silent(asked):
        addresses = [ip for host in world.hosts_of(inventory, names) for ip in host.addresses]
        found += dnsbl.findings(addresses, names, asked)
    _end(found, as_json)


def _before(
    inventory: Inventory, names: list[str], resolver: Resolver, peer: str | None
) -> list[Finding]:
    some = replace(inventory, hosts=tuple(world.hosts_of(inventory, names)))
    found = world.name_findings(some, resolver)
    found += directory.findings(inventory)
    return preflight.findings(some, resolver, peer or _correspondent(inventory)) + found


def _correspondent(inventory: Inventory) -> str:
    """The domain of the mailbox elsewhere that verification writes to, or one that has many."""
    known = verification.read(inventory.folder).get("correspondent", {})
    text = str(known.get("address", "")) if isinstance(known, dict) else ""
    return text.rpartition("@")[2] or _PEER


def _message(
    path: Path, inventory: Inventory, resolver: Resolver
) -> tuple[message.Message, list[Finding]]:
    try:
        letter = message.Message.read(path, resolver)
    except Invalid as error:
        raise Problems([error.at(str(path))]) from None
    ours = {record.name: record for record in records(inventory) if record.purpose == "dkim"}
    return letter, list(message.findings(letter, ours, resolver))


def _end(
    found: list[Finding], as_json: bool, head: list[str] | None = None, more: Any = None
) -> None:
    """Say what was found, for people or for programs, and exit."""
    if as_json:
        told = {**(more or {}), "findings": [each.to_json() for each in found]}
        click.echo(json.dumps(told, indent=2))
    else:
        _tell(head or [], found)
    sys.exit(_code(found))


def _tell(head: list[str], found: list[Finding]) -> None:
    for line in head:
        click.echo(line)
    for each in found:
        click.echo("\n".join(each.lines()))
    wrong = sum(each.severity == Severity.ERROR for each in found)
    click.echo(f"{wrong} wrong, {len(found) - wrong} worth a look" if found else "all is right")


def _code(found: list[Finding]) -> int:
    levels = {each.severity for each in found}
    return WRONG if Severity.ERROR in levels else UNASKED if Severity.UNASKED in levels else 0
