"""The command `mailwright push`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mailwright.commands.terminal import CONFLICTS, INVENTORY, chosen, published
from mailwright.model import address
from mailwright.net import tsig
from mailwright.net.authority import Authority
from mailwright.net.resolver import Resolver
from mailwright.zones.primary import Primary, Unusable
from mailwright.zones.providers import OctoDns
from mailwright.zones.push import Push, Target
from mailwright.zones.source import Elsewhere

_DRASTIC = "more than a third of it would change, so nothing was done; is that meant? Say --force"
FAILED = 1  # exit code; 2 is wrong usage


@click.command()
@INVENTORY
@click.argument("domains", metavar="[DOMAIN]...", nargs=-1)
@click.option("--server", metavar="ADDRESS", help="The primary of the zones.")
@click.option("--port", type=click.IntRange(1, 65535), default=53, show_default=True)
@click.option("--key", "key_file", metavar="FILE", type=click.Path(path_type=Path),
              help="Its TSIG key, from a file of mode 600.")  # fmt: skip
@click.option("--octodns", metavar="CONFIG", type=click.Path(path_type=Path),
              help="The targets of an octoDNS configuration instead.")  # fmt: skip
@click.option("--dry", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True,
              help="With --yes: change more than a third of a zone as well.")  # fmt: skip
@click.option("--replace", multiple=True, metavar="ID",
              help="Publish ours instead of theirs: 'mx example.com', or 'all'.")  # fmt: skip
@click.option("--reverse", is_flag=True, help="PTR as well, in zones that the server has.")
@click.option("--resolver", metavar="ADDRESS", help="Asked for what SPF includes.")
def push(
    folder: Path,
    domains: tuple[str, ...],
    server: str | None,
    port: int,
    key_file: Path | None,
    octodns: Path | None,
    dry: bool,
    yes: bool,
    force: bool,
    replace: tuple[str, ...],
    reverse: bool,
    resolver: str | None,
) -> None:
    """Publish the DNS records, by dynamic update (RFC 2136) or through octoDNS.

    \b
      mailwright push inventory --server 192.0.2.53 --key dns.key --dry
      mailwright push inventory example.com --server 192.0.2.53 --key dns.key
      mailwright push inventory --server 192.0.2.53 --key dns.key --replace 'mx example.com'
      mailwright push inventory --octodns octodns.yaml

    It shows its plan, asks, and changes each zone at once or not at all. What others have put there
    stays: SPF keeps their senders, and what is in the way of a record of ours is a conflict, which
    is shown and not touched. What an earlier push published, and is wanted no longer, is taken out;
    published/ in the inventory remembers that.

    The key file is what 'tsig-keygen mailwright' prints. Exit status: 0 all is published, 1
    something was refused, 3 there are conflicts.
    """
    inventory = published(folder, domains)
    failed: list[str] = []

    def fail(line: str) -> None:
        if line not in failed:
            failed.append(line)
            click.echo(f"error: {line}", err=True)

    def note(line: str) -> None:
        click.echo(f"note: {line}", err=True)

    names = chosen(inventory, domains)
    asked = Resolver(resolver)
    target = _target(server, port, key_file, octodns, asked)
    run = Push(
        inventory, target, Elsewhere(asked), names, fail, note, replace, not domains, reverse
    )
    try:
        conflicts = _pushed(run, dry, yes, force)
    except Unusable as error:
        raise click.ClickException(str(error)) from None
    sys.exit(FAILED if failed else CONFLICTS if conflicts else 0)


def _target(
    server: str | None, port: int, key_file: Path | None, octodns: Path | None, asked: Resolver
) -> Target:
    """Raises Problems where the key cannot be used."""
    if octodns and not (server or key_file):
        try:
            return OctoDns(octodns, Authority(asked.stub()))
        except Unusable as error:
            raise click.ClickException(str(error)) from None
    if octodns or not (server and key_file):
        raise click.UsageError("it wants --server and --key, or --octodns")
    return Primary(server, port, tsig.read(key_file))


def _pushed(run: Push, dry: bool, yes: bool, force: bool) -> int:
    """Show, ask and do; the number of conflicts. Nothing is held of a zone that is done with."""
    conflicts, done, asked = 0, [], {}
    for plan in run.plans():
        for line in plan.lines():
            click.echo(line)
        conflicts += len(plan.conflicts)
        if plan.pending and (dry or not yes):
            asked[plan.zone.origin] = plan.agreement
        elif plan.is_drastic and not (dry or force):
            name = address.both(str(plan.zone.origin).rstrip("."))
            run.fail(f"{name}: {_DRASTIC}")
        elif not dry and run.apply(plan):
            done.append(len(plan.pending))
    if asked and not dry:
        _confirm([each.changes for each in asked.values()])
        done += run.apply_agreed(asked)
    _summary([each.changes for each in asked.values()] if dry else done, conflicts, dry)
    return conflicts


def _confirm(sizes: Sequence[int]) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("it asks before it changes a zone; without a terminal say --yes")
    if not click.confirm(f"Do {_counted(sizes)}?", err=True):
        raise click.exceptions.Exit(1)


def _summary(sizes: Sequence[int], conflicts: int, dry: bool) -> None:
    what = f"{_counted(sizes)} {'to do' if dry else 'done'}" if any(sizes) else "nothing to do"
    left = f"; {conflicts} conflicts, left alone" if conflicts else ""
    click.echo(f"{what}{left}")


def _counted(sizes: Sequence[int]) -> str:
    changes, zones = sum(sizes), sum(map(bool, sizes))
    some = f"{changes} change{'s' if changes != 1 else ''}"
    return f"{some} in {zones} zone{'s' if zones != 1 else ''}"
