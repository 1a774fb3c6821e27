"""A zone as octoDNS's YamlProvider reads it: keys in order, semicolons with a backslash."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mailwright.dns.record import Record
from mailwright.model import address
from mailwright.model.problems import Problem, Problems

VALUES: dict[str, Callable[[Any], object]] = {
    "A": lambda data: data.address,
    "AAAA": lambda data: data.address,
    "CNAME": lambda data: data.target.to_text(),
    "PTR": lambda data: data.target.to_text(),
    "NS": lambda data: data.target.to_text(),
    "MX": lambda data: {"exchange": data.exchange.to_text(), "preference": data.preference},
    "SRV": lambda data: {
        "port": data.port,
        "priority": data.priority,
        "target": data.target.to_text(),
        "weight": data.weight,
    },
    "CAA": lambda data: {
        "flags": data.flags,
        "tag": data.tag.decode(),
        "value": data.value.decode(),
    },
    "TLSA": lambda data: {
        "certificate_association_data": data.cert.hex(),
        "certificate_usage": data.usage,
        "matching_type": data.mtype,
        "selector": data.selector,
    },
    "TXT": lambda data: b"".join(data.strings).decode().replace(";", r"\;"),
}


def text(origin: str, some: Sequence[Record]) -> str:
    """One zone. TXT of several purposes at one name is one record set, as it is in DNS.

    octoDNS keeps out of the zone's SOA and, where they are not said, its NS. Raises Problems for a
    type that it would delete, since it does not know it here.
    """
    sets: dict[str, dict[str, list[Record]]] = {}
    for record in some:
        name = record.below(origin).removeprefix("@")
        if record.type in VALUES and (name or record.type != "NS"):
            sets.setdefault(name, {}).setdefault(record.type, []).append(record)
    if unknown := [r for r in some if r.type not in VALUES and r.type != "SOA"]:
        raise Problems(Problem(r.name, f"has {r.type}, which is not written here") for r in unknown)
    lines = [f"# {address.both(origin)}"]
    for name in sorted(sets, key=_natural):
        lines.append(f"{json.dumps(name)}:")
        lines += [line for kind in sorted(sets[name]) for line in _set(sets[name][kind])]
    return "\n".join(lines) + "\n"


def _set(records: Iterable[Record]) -> list[str]:
    """One record set; a value is written as JSON, which is YAML as well."""
    records = list(records)
    lines = [f"# {record.why} ({record.level})" for record in records]
    lines += [f"- ttl: {records[0].ttl}", f"  type: {records[0].type}"]
    values = [VALUES[record.type](data) for record in records for data in record.rdatas]
    words = [json.dumps(value, sort_keys=True) for value in values]
    if records[0].type == "CNAME":
        return [*lines, f"  value: {words[0]}"]  # there is only ever one
    return [*lines, "  values:", *(f"  - {word}" for word in words)]


def _natural(name: str) -> list[int | str]:
    """Digits as numbers, which is the order that octoDNS demands."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
