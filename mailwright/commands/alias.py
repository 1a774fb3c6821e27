"""`mailwright alias`: addresses whose mail goes to others, edited from the command line."""

from __future__ import annotations

from pathlib import Path

import click

from mailwright.commands.terminal import EVERYWHERE, INVENTORY, removing, tell_left
from mailwright.inventory.edit import edited
from mailwright.inventory.load import check
from mailwright.model.problems import listed

_ADDRESS = click.argument("address")
_TO = click.option("--to", "targets", multiple=True, metavar="ADDRESS", help="May be repeated.")


@click.group()
def alias() -> None:
    """Edit the aliases in mail.toml; comments and order stay.

    \b
      mailwright alias add info@example.com our-mail --to alice@example.com
      mailwright alias list our-mail

    A change that would break the description is not written. It reaches the hosts with the next
    deploy.
    """


def _split(targets: tuple[str, ...]) -> list[str]:
    return [each for some in targets for each in some.split(",") if each]


@alias.command()
@_ADDRESS
@INVENTORY
@_TO
def add(address: str, folder: Path, targets: tuple[str, ...]) -> None:
    """Have mail to ADDRESS go to others: an alias, or one more target of it.

    @example.com is a domain's catch-all. A mailbox that keeps a copy is among its own targets.

    \b
      mailwright alias add info@example.com our-mail --to alice@example.com --to bob@example.net
      mailwright alias add @example.com our-mail --to alice@example.com
      mailwright alias add bob@example.com our-mail --to bob@example.com,bob@elsewhere.example
    """
    if not _split(targets):
        raise click.UsageError("--to is missing: who gets the mail?")
    with edited(folder) as editor:
        reached = editor.add_alias(address, _split(targets))
    click.echo(f"mail to {address} goes to {listed(reached, 'and')}")


@alias.command()
@_ADDRESS
@INVENTORY
@_TO
@EVERYWHERE
def remove(address: str, folder: Path, targets: tuple[str, ...], everywhere: bool) -> None:
    """Take an alias out of mail.toml, or some of its targets.

    \b
      mailwright alias remove info@example.com our-mail
      mailwright alias remove info@example.com our-mail --to bob@example.net
    """
    left: list[str] = []
    if everywhere and targets:
        raise click.UsageError("--everywhere is for all of an alias, --to for some of it")
    with removing(everywhere), edited(folder) as editor:
        if targets:
            reached = editor.remove_targets(address, _split(targets))
        else:
            editor.remove_alias(address, left if everywhere else None)
    end = f"still goes to {listed(reached, 'and')}" if targets else "has no alias any more"
    click.echo(f"mail to {address} {end}")
    tell_left(left)


@alias.command("list")
@INVENTORY
def list_command(folder: Path) -> None:
    """List the aliases in mail.toml, and who gets their mail.

    \b
      mailwright alias list our-mail
    """
    for name, each in sorted(check(folder).written.items()):
        click.echo(f"{name}  {' '.join(each.targets)}")
