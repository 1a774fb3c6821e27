"""`mailwright domain`: mail domains, with what follows from them: keys, and what to publish."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from mailwright.commands.keys import keys
from mailwright.commands.terminal import EVERYWHERE, INVENTORY, removing, tell_left
from mailwright.dns.formats import FORMATS
from mailwright.dns.record import Record
from mailwright.dns.records import zones
from mailwright.inventory.edit import edited
from mailwright.inventory.load import load

_DOMAIN = click.argument("name", metavar="DOMAIN")


@click.group()
def domain() -> None:
    """Add mail domains to mail.toml, and remove them; comments and order stay.

    \b
      mailwright domain add example.net our-mail
      mailwright domain remove example.net our-mail

    A change that would break the description is not written.
    """


@domain.command()
@_DOMAIN
@INVENTORY
@click.option("--host", help="The host that stores its mail, where there are several.")
@click.option("--alias-of", metavar="DOMAIN", help="It has the addresses of that domain.")
@click.option("--parked", is_flag=True, help="It neither sends nor takes mail.")
@click.option("--dkim", metavar="ALGORITHMS", help="Some of rsa,ed25519, with commas.")
@click.option("--dmarc", metavar="POLICY", help="none, quarantine or reject.")
@click.pass_context
def add(
    context: click.Context,
    name: str,
    folder: Path,
    host: str | None,
    alias_of: str | None,
    parked: bool,
    dkim: str | None,
    dmarc: str | None,
) -> None:
    """Add a mail domain, make its DKIM keys, and print what to publish.

    The records are on standard output, everything else is not. The next deploy brings the domain to
    its host; publish then.

    \b
      mailwright domain add example.net our-mail > example.net.records
      mailwright domain add example.biz our-mail --alias-of example.com
      mailwright domain add example.info our-mail --parked
    """
    algorithms = dkim.split(",") if dkim else None
    said = {"host": host, "alias_of": alias_of, "parked": parked or None, "dkim": algorithms}
    settings = {key: value for key, value in {**said, "dmarc": dmarc}.items() if value is not None}
    before = _published(folder)
    with edited(folder) as editor:
        editor.add_domain(name, settings)
    with redirect_stdout(sys.stderr):
        click.echo(f"{name} is in {folder / 'mail.toml'}; deploy, then publish:")
        context.invoke(keys, folder=folder, domain=name, encrypt=False, roll=None)
    _tell_those_of(_published(folder), before)


@domain.command()
@_DOMAIN
@INVENTORY
@EVERYWHERE
def remove(name: str, folder: Path, everywhere: bool) -> None:
    """Take a mail domain out of mail.toml, and print what is to be published no more.

    Its mailboxes and aliases are in the way. With --everywhere they go too, out of other aliases as
    well; mail stays on the host, keys stay in keys/, and other files of the domain get a dot before
    their name. A domain that stays yours and has no mail says so best: 'domain add --parked'.

    \b
      mailwright domain remove example.net our-mail
      mailwright domain remove example.net our-mail --everywhere
    """
    left: list[str] = []
    before = _published(folder)
    with removing(everywhere), edited(folder) as editor:
        aside = editor.remove_domain(name, left if everywhere else None)
    with redirect_stdout(sys.stderr):
        click.echo(f"{name} is no longer in {folder / 'mail.toml'}")
        tell_left(left)
        for file in aside:
            click.echo(f"  {file} has a dot before its name now")
        click.echo("deploy; a week later, when mail under way has arrived, take out of DNS:")
    _tell_those_of(before, _published(folder))


def _published(folder: Path) -> dict[str, list[Record]]:
    """The records of an inventory by zone, as far as it has the keys for them."""
    return zones(load(folder, require_keys=False, require_tls=False, public=True))


def _tell_those_of(here: dict[str, list[Record]], there: dict[str, list[Record]]) -> None:
    """Print the records that are only `here`."""
    known = {(record.id, record.values) for some in there.values() for record in some}
    lacking = (
        (zone, [record for record in some if (record.id, record.values) not in known])
        for zone, some in here.items()
    )
    for piece in FORMATS["bind"].stream(lacking):
        click.echo(piece, nl=False)
