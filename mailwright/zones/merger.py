"""Zones for hand and file: what is there already, and ours in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from mailwright.dns.formats import Format
from mailwright.dns.record import FOREIGN, ODD, Record
from mailwright.inventory.load import Inventory
from mailwright.model.problems import Problem, Problems
from mailwright.net.resolver import Resolver
from mailwright.zones import whole
from mailwright.zones.change import Verdict
from mailwright.zones.memory import Memory
from mailwright.zones.merge import LookUp, Merging
from mailwright.zones.plan import concerned
from mailwright.zones.primary import Refused, Unusable
from mailwright.zones.source import Elsewhere, Source, source


@dataclass
class Merger:
    """What is merged with what is there already."""

    inventory: Inventory
    source: Source
    look_up: LookUp
    replace: tuple[str, ...]

    @classmethod
    def of(
        cls,
        inventory: Inventory,
        where: str,
        port: int,
        key: Path | None,
        resolver: str | None,
        replace: tuple[str, ...],
    ) -> Merger:
        """As the options of a command say."""
        asked = Resolver(resolver)
        return cls(inventory, source(where, port, key, asked), Elsewhere(asked), replace)

    def merged(
        self, zones: Iterable[tuple[str, list[Record]]], form: Format, conflicts: list[str]
    ) -> Iterator[tuple[str, list[Record]]]:
        """The zones as they would be; what is in the way of ours goes to `conflicts`."""
        for origin, wanted in zones:
            some = self._zone(origin, wanted, conflicts) if origin else wanted
            if not form.whole:
                some = [each for each in some if each.level not in (FOREIGN, ODD)]
            for subject, what in form.lacking(origin, some) if origin else ():
                conflicts.append(subject)
                click.echo(f"conflict {subject}: {what}", err=True)
            yield origin, some

    def _zone(self, origin: str, wanted: list[Record], conflicts: list[str]) -> list[Record]:
        try:
            zone = self.source(origin, wanted)
        except (Refused, Unusable) as error:
            raise Problems([Problem(origin, str(error))]) from None
        known = {domain.name for domain in self.inventory.domains}
        before = Memory(self.inventory.folder).read(zone.origin)
        before = concerned(before, [origin], known)
        for odd in zone.odd:
            conflicts.append(odd.where)
            click.echo(f"conflict {odd.where}: {odd.why}\n{'':8} there  {odd.text}", err=True)
        changes = Merging(zone, wanted, before, self.look_up, self.replace).changes()
        for change in changes:
            if change.verdict == Verdict.CONFLICT:
                conflicts.append(change.subject)
                click.echo("\n".join(change.lines()), err=True)
        return whole.records(zone, wanted, changes)
