"""The commands that give the records to the DNS: on paper, and to a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from mailwright.dns import Record, each_zone
from mailwright.dns.formats import FORMATS, Format
from mailwright.inventory import Inventory
from mailwright.terminal import INVENTORY, chosen, published

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
def dns(folder: Path, domains: tuple[str, ...], name: str, output: Path | None) -> None:
    """Print the DNS records to publish.

    \b
      mailwright dns inventory                                     lines for a zone file
      mailwright dns inventory example.com --format values         what web forms ask for
      mailwright dns inventory --format octodns --output dns/      dns/example.com.yaml, …
      mailwright dns inventory example.com --format nsupdate | nsupdate -k mailwright.key

    Other formats: json, dnscontrol (D_EXTEND), terraform (locals, as .tf.json).
    """
    inventory, form = published(folder), FORMATS[name]
    zones = _homeless(form, _wanted(inventory, domains))
    if output:
        _write(form, zones, output)
    else:
        for piece in form.stream(zones):
            click.echo(piece, nl=False)


def _wanted(inventory: Inventory, domains: tuple[str, ...]) -> Zones:
    """The zones that were named; without names also what is outside of all."""
    wanted = {*chosen(inventory, domains)} | (set() if domains else {""})
    return (zone for zone in each_zone(inventory) if zone[0] in wanted)


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
            (folder / f"{origin or 'outside'}{form.suffix}").write_text(
                form.text(origin, some), "utf-8"
            )
