"""Records as JSON (RFC 8259), for programs of one's own."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailwright.dns.record import ODD, Record


def text(origin: str, some: Sequence[Record]) -> str:
    """One zone as an object; `zone` is null for records outside the zones of our domains.

    `values` are those of a master file, but a TXT value is whole, neither quoted nor split; `data`
    has them exactly, string for string. What is odd has only its line as value, and no data.
    """
    found = {"zone": origin or None, "records": [_object(record) for record in some]}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _object(record: Record) -> dict[str, object]:
    return {
        "id": record.id,
        "purpose": record.purpose,
        "name": record.name,
        "type": record.type,
        "ttl": record.ttl,
        "values": list(record.values),
        "data": list(record.data if record.level != ODD else ()),
        "level": record.level,
        "why": record.why,
    }
