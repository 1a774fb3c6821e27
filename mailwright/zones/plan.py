"""What is to be done in a zone, told before it is done."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from dns.rdatatype import to_text as type_of

from mailwright.model import address
from mailwright.model.address import zone_of
from mailwright.zones.change import Change, Verdict
from mailwright.zones.memory import Value
from mailwright.zones.present import Zone

_HANDFUL = 10  # record sets; a zone with fewer may change altogether


@dataclass(frozen=True)
class Agreement:
    """A plan that was shown: of how many changes, and for which domains; small."""

    digest: bytes
    changes: int
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The changes of one zone, for the domains `origins`; `before` we had published in it."""

    zone: Zone
    changes: Sequence[Change]
    before: frozenset[Value]
    origins: Collection[str] = ()

    @property
    def pending(self) -> list[Change]:
        """What a push does."""
        return [change for change in self.changes if change.verdict.is_done]

    @property
    def is_drastic(self) -> bool:
        """Whether more than a third of what is there, and not a handful, is changed or taken out.

        octoDNS has such a guard as well: what is so is often meant for another zone.
        """
        there = {(r.name, type_of(r.rdtype)) for r in self.zone.rrsets()} - {
            (self.zone.origin, "SOA")
        }
        touched = {(c.name, type_of(data.rdtype)) for c in self.pending for data in c.removed}
        return len(there) >= _HANDFUL and 3 * len(touched & there) > len(there)

    @property
    def conflicts(self) -> list[Change]:
        """What it does not do."""
        return [change for change in self.changes if change.verdict == Verdict.CONFLICT]

    @property
    def after(self) -> frozenset[Value]:
        """What is ours once it is done; where there is a conflict, what was ours stays so."""
        mine = {
            (c.name, data)
            for c in self.changes
            for data in c.owned
            if c.verdict != Verdict.CONFLICT
        }
        open_ = {change.name for change in self.conflicts}
        return frozenset(mine | {value for value in self.before if value[0] in open_})

    @property
    def agreement(self) -> Agreement:
        """What whoever was shown this plan has agreed to."""
        digest = hashlib.sha256("\n".join(self._details()).encode()).digest()
        return Agreement(digest, len(self.pending), tuple(self.origins))

    def lines(self) -> Iterator[str]:
        """For people; one line where nothing is to be done."""
        name = address.both(str(self.zone.origin).rstrip("."))
        if all(change.verdict == Verdict.RIGHT and not change.kept for change in self.changes):
            yield f"zone {name}: all {len(self.changes)} are right"
            return
        yield f"zone {name}"
        yield from (f"  {line}" for line in self._details())

    def _details(self) -> Iterator[str]:
        told: set[str] = set()
        for change in self.changes:
            is_shared = change.verdict == Verdict.CONFLICT and bool(change.decision)
            if not (is_shared and change.decision in told):
                yield from change.lines()
            elif is_shared:
                yield f"{'':8} as well as {change.subject}"
            told.add(change.decision)


def concerned(
    values: Collection[Value], origins: Collection[str], known: Collection[str]
) -> frozenset[Value]:
    """Those in the domains that a run is about; `known` are all that we have."""
    return frozenset(value for value in values if zone_of(str(value[0]).lower(), known) in origins)
