"""A script for nsupdate(1), which sends it to the zone's primary (RFC 2136).

It only adds, and adding what is there already changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailwright.dns.record import Record
from mailwright.model import address


def text(origin: str, some: Sequence[Record]) -> str:
    """One zone, as one update: all of it or nothing."""
    lines = [f"; {address.both(origin)}", f"zone {origin}."]
    for record in some:
        lines.append(f"; {record.why} ({record.level})")
        start = f"update add {record.name} {record.ttl} {record.type}"
        lines += [f"{start} {data}" for data in record.data]
    return "\n".join([*lines, "send"]) + "\n"
