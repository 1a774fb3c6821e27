"""The commands that give the records to the DNS: on paper, and to a server."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from mailwright.commands.terminal import CONFLICTS, INVENTORY, chosen, published
from mailwright.dns.formats import FORMATS, Format
from mailwright.dns.record import Record
from mailwright.dns.records import each_zone
from mailwright.inventory.load import Inventory
from mailwright.keys.secret import naming

Zones = Iterable[tuple[str, list[Record]]]
DOMAINS = click.argument("domains", metavar="[DOMAIN]...", nargs=-1)


@click.command()
@INVENTORY
@DOMAINS
@click.option(
    "--format", "name", type=click.Choice(list(FORMATS)), default="bind", show_default=True,
    help="For whom.",
)  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="One file for each domain.")  # fmt: skip
@click.option("--merge", "where", metavar="WHERE", help="The zones as they are, see below.")
@click.option("--port", type=click.IntRange(1, 65535), default=53, show_default=True,
              help="Of the server to merge with.")  # fmt: skip
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE",
              help="The TSIG key that it shows its zones to.")  # fmt: skip
@click.option("--replace", multiple=True, metavar="ID",
              help="Ours instead of theirs: 'mx example.com', or 'all'.")  # fmt: skip
@click.option("--resolver", metavar="ADDRESS", help="Asked for what SPF includes.")
def dns(
    folder: Path,
    domains: tuple[str, ...],
    name: str,
    output: Path | None,
    where: str | None,
    port: int,
    key: Path | None,
    replace: tuple[str, ...],
    resolver: str | None,
) -> None:
    """Print the DNS records to publish.

    \b
      mailwright dns inventory                                     lines for a zone file
      mailwright dns inventory example.com --format values         what web forms ask for
      mailwright dns inventory --format octodns --output dns/      dns/example.com.yaml, …
      mailwright dns inventory example.com --format nsupdate | nsupdate -k mailwright.key

    Other formats: json, dnscontrol (D_EXTEND), terraform (locals, as .tf.json).

    With --merge the zone as it is comes first: a zone file, a folder of <domain>.zone files, the
    address of a server that lets this machine or a --key transfer it, or 'live'. SPF then keeps the
    senders of others, and bind, json and octodns have everybody's records. What is in the way of
    ours is named on standard error and stays as it is; exit status 3 says so.

    
      mailwright dns inventory example.com --merge example.com.zone > merged.zone
      mailwright dns inventory example.com --merge live --format values
    """
    inventory, form = published(folder, domains), FORMATS[name]
    conflicts: list[str] = []
    zones = _homeless(form, _wanted(inventory, domains))
    if where:
        if name == "nsupdate":
            raise click.UsageError("--merge writes no nsupdate; 'mailwright push' does all of it")
        from mailwright.zones.merger import Merger  # takes as long to load as all else here

        merger = Merger.of(inventory, where, port, key, resolver, replace)
        zones = merger.merged(zones, form, conflicts)
    if output:
        _write(form, zones, output)
    else:
        for piece in form.stream(zones):
            click.echo(piece, nl=False)
    sys.exit(CONFLICTS if conflicts else 0)


def _wanted(inventory: Inventory, domains: tuple[str, ...]) -> Zones:
    """The zones that were named; without names also what is outside of all."""
    wanted = {*chosen(inventory, domains)} | (set() if domains else {""})
    return each_zone(inventory, wanted)


def _homeless(form: Format, zones: Zones) -> Iterator[tuple[str, list[Record]]]:
    """The zones as they are; says which records the format has no place for."""
    for origin, some in zones:
        if origin or form.everywhere:
            yield origin, some
        elif some:
            names = ", ".join(f"{record.name} {record.type}" for record in some)
            what = "outside the zones of our domains, so not written"
            click.echo(f"note: {what}: {names} (--format bind has them)", err=True)


def _write(form: Format, zones: Zones, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for origin, some in zones:
        if some:
            path = folder / f"{origin or 'outside'}{form.suffix}"
            with naming(path):
                path.write_text(form.text(origin, some), "utf-8")
