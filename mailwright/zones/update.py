"""Dynamic updates (RFC 2136): each says what must be there before it, so it is all or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dns.exception
import dns.rdatatype
from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import to_text as type_of
from dns.tsig import Key
from dns.update import UpdateMessage

from mailwright.zones.change import Change
from mailwright.zones.present import Zone

_LARGEST = 65535 - 512  # bytes of a message over TCP (RFC 1035 section 4.2.2), and the signature's


def messages(zone: Zone, changes: Sequence[Change], key: Key | None) -> Iterator[UpdateMessage]:
    """One, unless it were too large, or nothing changes; what belongs to a name is never split."""
    by_name: dict[Name, list[Change]] = {}
    for change in changes:
        by_name.setdefault(change.name, []).append(change)
    if by_name:
        yield from _fitting(zone, list(by_name.values()), key)


def _fitting(zone: Zone, parts: list[list[Change]], key: Key | None) -> Iterator[UpdateMessage]:
    message = _message(zone, [change for part in parts for change in part], key)
    try:
        message.to_wire(max_size=_LARGEST)
    except dns.exception.TooBig:
        if len(parts) == 1:
            raise
        half = len(parts) // 2
        yield from _fitting(zone, parts[:half], key)
        yield from _fitting(zone, parts[half:], key)
    else:
        yield message


def _message(zone: Zone, changes: Sequence[Change], key: Key | None) -> UpdateMessage:
    message = UpdateMessage(zone.origin)
    if key:
        message.use_tsig(key, algorithm=key.algorithm)
    touched = {(c.name, kind): None for c in changes for kind in _kinds(c)}
    for name, kind in touched:
        there = zone.rdatas(name, kind)
        if there:
            message.present(name, *there)  # exactly these (section 2.4.2)
        else:
            message.absent(name, kind)
    removed = {(c.name, data): None for c in changes for data in c.removed}
    for name, data in removed:
        message.delete(name, data)
    for change in changes:
        for data in change.added:
            message.add(change.name, change.ttl, data)
    return message


def _kinds(change: Change) -> list[str]:
    """The types that a change touches; a new name must not have become an alias meanwhile."""
    data: tuple[Rdata, ...] = (*change.removed, *change.added)
    return [*dict.fromkeys([*(type_of(each.rdtype) for each in data), "CNAME"])]
