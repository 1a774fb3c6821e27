"""What a person types into the web form of a DNS provider: each part of a record for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mailwright.dns.record import Record
from mailwright.model import address

_PARTS: dict[str, Callable[[Any], dict[str, object]]] = {
    "A": lambda data: {"Value": data.address},
    "AAAA": lambda data: {"Value": data.address},
    "CNAME": lambda data: {"Target": _host(data.target)},
    "PTR": lambda data: {"Target": _host(data.target)},
    "MX": lambda data: {"Priority": data.preference, "Target": _host(data.exchange)},
    "SRV": lambda data: {
        "Priority": data.priority,
        "Weight": data.weight,
        "Port": data.port,
        "Target": _host(data.target),
    },
    "CAA": lambda data: {
        "Flags": data.flags,
        "Tag": data.tag.decode(),
        "Value": data.value.decode(),
    },
    "TLSA": lambda data: {
        "Usage": data.usage,
        "Selector": data.selector,
        "Matching": data.mtype,
        "Value": data.cert.hex(),
    },
    "TXT": lambda data: {"Value": b"".join(data.strings).decode()},
}


def text(origin: str, some: Sequence[Record]) -> str:
    """Records of one zone: names relative to it, `@` for its own, and TXT in one piece."""
    head = address.both(origin) if origin else "Outside the zones of our domains"
    return "\n".join([f"# {head}\n", *(_form(origin, record) for record in some)])


def _form(origin: str, record: Record) -> str:
    name = record.below(origin) if origin else record.name.rstrip(".")
    lines = [f"# {record.why} ({record.level})"]
    for data in record.rdatas:
        parts = {"Type": record.type, "Name": name, **_PARTS[record.type](data), "TTL": record.ttl}
        lines += [f"{part + ':':<10}{value}" for part, value in parts.items()] + [""]
    return "\n".join(lines)


def _host(name: Any) -> str:
    """Without a final dot, which most forms add; the root, which says "none", is the dot alone."""
    return str(name.to_text(omit_final_dot=True))
