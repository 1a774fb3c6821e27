"""A zone as it is once ours is in it: our records with what was merged, and everybody else's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import to_text as type_of

from mailwright.dns.record import FOREIGN, ODD, Record
from mailwright.model import spf
from mailwright.net.data import text
from mailwright.zones.change import Change, Verdict
from mailwright.zones.present import Odd, Zone

_WHY = "Somebody else's, and as it was."


def records(zone: Zone, wanted: Sequence[Record], changes: Sequence[Change]) -> list[Record]:
    """Everybody else's first, SOA and NS before all; a conflict leaves theirs and not ours.

    `changes` are what becomes of `wanted`, in their order.
    """
    removed = {(c.name, data) for c in changes if c.verdict.is_done for data in c.removed}
    ours = [_ours(zone, *pair) for pair in zip(wanted, changes, strict=False)]
    mine = removed | {(name, data) for _, name, some in ours for data in some}
    found = [*_foreign(zone, mine), *(_with(record, some) for record, _, some in ours if some)]
    return [*found, *(_odd(zone, each) for each in zone.odd)]


def _ours(zone: Zone, record: Record, change: Change) -> tuple[Record, Name, tuple[Rdata, ...]]:
    """What stands for a record in the end: nothing where there is a conflict, or an alias to it."""
    if change.verdict == Verdict.CONFLICT:
        return record, change.name, ()
    there = [d for d in zone.rdatas(change.name, record.type) if d not in change.removed]
    is_spf = record.purpose == "spf"
    stays = [d for d in there if (spf.is_spf(text(d)) if is_spf else d in change.owned)]
    return record, change.name, tuple(dict.fromkeys([*stays, *change.added]))


def _with(record: Record, some: Sequence[Rdata]) -> Record:
    return replace(record, values=tuple(map(text, some)), found=tuple(some))


def _odd(zone: Zone, odd: Odd) -> Record:
    name, why = str(odd.name or zone.origin), f"{odd.where}: {odd.why}; it was:"
    return Record(f"{ODD}-{odd.kind.lower()}", name, odd.kind, (odd.text,), why, ODD, odd.ttl)


def _foreign(zone: Zone, mine: set[tuple[Name, Rdata]]) -> Iterator[Record]:
    for rrset in zone.rrsets():
        some = tuple(data for data in rrset if (rrset.name, data) not in mine)
        if some:
            kind, origin = type_of(rrset.rdtype), zone.origin.canonicalize()
            name = str(
                rrset.name.relativize(origin).derelativize(origin)
            )  # its part as it is written
            purpose, values = f"{FOREIGN}-{kind.lower()}", tuple(map(text, some))
            yield Record(purpose, name, kind, values, _WHY, FOREIGN, rrset.ttl, some)
