"""One push: every zone read, compared and, once that is allowed, changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

import dns.name
from dns.name import Name

from mailwright.dns.record import Record
from mailwright.dns.records import each_zone
from mailwright.inventory.load import Inventory
from mailwright.model import address
from mailwright.zones.ahead import Answer, Item, ahead
from mailwright.zones.change import Change
from mailwright.zones.memory import Memory
from mailwright.zones.merge import LookUp, Merging
from mailwright.zones.plan import Agreement, Plan, concerned
from mailwright.zones.present import Zone
from mailwright.zones.primary import Refused

_CHANGED = "is not as it was when its plan was shown, so nothing was done there; run it again"


class Target(Protocol):
    """Where zones are. All raise Refused for one zone, and Unusable for all of them.

    So many of them may be read `side_by_side`.
    """

    side_by_side: ClassVar[int]

    def apex(self, name: Name) -> Name:
        """Where the zone begins that a name is in."""

    def zone(self, origin: Name, records: Iterable[Record]) -> Zone:
        """The zone as it is, at least as far as these records go."""

    def send(self, zone: Zone, changes: list[Change]) -> None:
        """Do the changes, all or none."""


@dataclass
class Push:
    """`names` are the domains that it is about; `fail` is told of each zone that is refused,
    `note` of what lies in somebody else's.

    `with_outside` takes what lies in no zone of our domains as well, and with `reverse` PTR.
    """

    inventory: Inventory
    target: Target
    look_up: LookUp
    names: Collection[str]
    fail: Callable[[str], None]
    note: Callable[[str], None]
    replaced: Collection[str] = ()
    with_outside: bool = True
    reverse: bool = False
    _memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        self._memory = Memory(self.inventory.folder)
        self._known = {domain.name for domain in self.inventory.domains}

    def plans(self) -> Iterator[Plan]:
        """What is to be done, one zone after the other; the next ones are read meanwhile."""
        for zone, told in self._ahead(lambda zone: [*self._planned(*zone)], self._zones()):
            try:
                yield from told.result()
            except Refused as error:
                self._refused(zone[0], error)

    def apply(self, plan: Plan) -> bool:
        """Do it, and remember what is ours then; whether it was done.

        What may become ours is remembered before: an interrupted run leaves nothing that nobody
        knows.
        """
        if not plan.pending and plan.after == plan.before:
            return True
        origin = plan.zone.origin
        if plan.pending:
            self._memory.change(origin, (), plan.after)
            try:
                self.target.send(plan.zone, plan.pending)
            except Refused as error:
                self._refused(origin, error)
                return False
        self._memory.change(origin, plan.before, plan.after)
        return True

    def apply_agreed(self, agreed: Mapping[Name, Agreement]) -> Iterator[int]:
        """Read these zones again, and do what was shown; yields how much that was, for each."""
        origins = {origin for each in agreed.values() for origin in each.origins}
        again = replace(self, names=origins - {""}, with_outside="" in origins)
        for plan in again.plans():
            shown = agreed.get(plan.zone.origin)
            if shown and shown.digest != plan.agreement.digest:
                self.fail(f"{_shown(plan.zone.origin)} {_CHANGED}")
            elif shown and self.apply(plan):
                yield len(plan.pending)

    def _planned(
        self, origin: Name, origins: Collection[str], records: list[Record]
    ) -> Iterator[Plan]:
        zone = self.target.zone(origin, records)
        by_cut: dict[Name | None, list[Record]] = {}
        for record in records:
            by_cut.setdefault(zone.cut(dns.name.from_text(record.name)), []).append(record)
        below = {cut: some for cut, some in by_cut.items() if cut and self._serves(cut)}
        # What is in a zone that is served elsewhere is a conflict of this one.
        mine = [record for cut, some in by_cut.items() if cut not in below for record in some]
        before = concerned(self._memory.read(origin), origins, self._known)
        merging = Merging(zone, mine, before, self.look_up, self.replaced)
        yield Plan(zone, merging.changes(), before, origins)
        for cut, some in below.items():
            yield from self._planned(cut, origins, some)

    def _serves(self, cut: Name) -> bool:
        """Whether a zone below another one is at the target too."""
        try:
            return bool(self.target.apex(cut) == cut)
        except Refused:
            return False

    def _zones(self) -> Iterator[tuple[Name, Collection[str], list[Record]]]:
        """Each zone with our domains in it and their records; few zones have several of them."""
        apexes = dict(self._apexes())
        waiting = Counter(apexes.values())
        gathered: dict[Name, tuple[set[str], list[Record]]] = {}
        for name, records in each_zone(self.inventory, {*apexes, ""}):
            if not name:
                yield from self._outside(records)
            elif apex := apexes.get(name):
                origins, some = gathered.setdefault(apex, (set(), []))
                origins.add(name)
                some += records
                if len(origins) == waiting[apex]:
                    yield apex, *gathered.pop(apex)

    def _outside(self, records: Iterable[Record]) -> Iterator[tuple[Name, list[str], list[Record]]]:
        found: dict[Name, list[Record]] = {}
        for record in records if self.with_outside else ():
            if record.type != "PTR" or self.reverse:
                try:
                    apex = self.target.apex(dns.name.from_text(record.name))
                except Refused as error:
                    self.note(f"{record.name} {record.type} is left out: {error}")
                else:
                    found.setdefault(apex, []).append(record)
        for apex, some in found.items():
            yield apex, [""], some

    def _apexes(self) -> Iterator[tuple[str, Name]]:
        """Where the zone of each name begins, as far as it is served."""
        for name, told in self._ahead(self.target.apex, map(dns.name.from_text, self.names)):
            try:
                yield str(name).rstrip("."), told.result()
            except Refused as error:
                self._refused(name, error)

    def _ahead(
        self, ask: Callable[[Item], Answer], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Future[Answer]]]:
        return ahead(ask, items, self.target.side_by_side)

    def _refused(self, origin: Name, error: Refused) -> None:
        self.fail(f"{_shown(origin)}: {error}")


def _shown(origin: Name) -> str:
    return address.both(str(origin).rstrip("."))
