"""A zone as it is once ours is in it: our records with what was merged, and everybody else's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dns.rdata
from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import to_text as type_of

from mailwright.dns.record import FOREIGN, Record, strings
from mailwright.model import spf
from mailwright.model.problems import Problem, Problems
from mailwright.net.data import text
from mailwright.zones.change import Change, Verdict
from mailwright.zones.present import Zone

_WHY = "Somebody else's, and as it was."


def records(zone: Zone, wanted: Sequence[Record], changes: Sequence[Change]) -> list[Record]:
    """Everybody else's first, SOA and NS before all; a conflict leaves theirs and not ours.

    `changes` are what becomes of `wanted`, in their order. Raises Problems for what no format has.
    """
    removed = {(c.name, data) for c in changes if c.verdict.is_done for data in c.removed}
    ours = [_ours(zone, *pair) for pair in zip(wanted, changes, strict=False)]
    mine = removed | {(name, data) for _, name, some in ours for data in some}
    return [*_foreign(zone, mine), *(_with(record, some) for record, _, some in ours if some)]


def _ours(zone: Zone, record: Record, change: Change) -> tuple[Record, Name, tuple[Rdata, ...]]:
    """What stands for a record in the end: nothing where there is a conflict, or an alias to it."""
    if change.verdict == Verdict.CONFLICT:
        return record, change.name, ()
    there = [d for d in zone.rdatas(change.name, record.type) if d not in change.removed]
    is_spf = record.purpose == "spf"
    stays = [d for d in there if (spf.is_spf(text(d)) if is_spf else d in change.owned)]
    return record, change.name, tuple(dict.fromkeys([*stays, *change.added]))


def _with(record: Record, some: Sequence[Rdata]) -> Record:
    values = tuple(text(d) if record.type == "TXT" else d.to_text() for d in some)
    return Record(
        record.purpose, record.name, record.type, values, record.why, record.level, record.ttl
    )


def _foreign(zone: Zone, mine: set[tuple[Name, Rdata]]) -> Iterator[Record]:
    for rrset in zone.rrsets():
        kind, name = type_of(rrset.rdtype), str(rrset.name).lower()
        some = [data for data in rrset if (rrset.name, data) not in mine]
        values = tuple(_text(name, data) if kind == "TXT" else data.to_text() for data in some)
        if values:
            purpose = f"{FOREIGN}-{kind.lower()}"
            yield Record(purpose, name, kind, values, _WHY, FOREIGN, rrset.ttl)


def _text(name: str, data: Rdata) -> str:
    """Raises Problems where the bytes are no text that can be written again."""
    found = text(data)
    again = dns.rdata.from_text("IN", "TXT", " ".join(strings(found)))
    if text(again) != found or "\N{REPLACEMENT CHARACTER}" in found:
        what = "has a TXT value that is no text, so it cannot be written"
        raise Problems([Problem(name, what, hint="mailwright push leaves it as it is")])
    return found
