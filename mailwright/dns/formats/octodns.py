"""A zone as octoDNS's YamlProvider reads it: keys in order, semicolons with a backslash."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mailwright.dns.record import ODD, STRING, Record
from mailwright.model import address

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
    "DNAME": lambda data: data.target.to_text(),
    "DS": lambda data: {
        "algorithm": data.algorithm,
        "digest": data.digest.hex(),
        "digest_type": data.digest_type,
        "key_tag": data.key_tag,
    },
    "NAPTR": lambda data: {
        "flags": data.flags.decode(),
        "order": data.order,
        "preference": data.preference,
        "regexp": data.regexp.decode(),
        "replacement": data.replacement.to_text(),
        "service": data.service.decode(),
    },
    "SSHFP": lambda data: {
        "algorithm": data.algorithm,
        "fingerprint": data.fingerprint.hex(),
        "fingerprint_type": data.fp_type,
    },
    "TXT": lambda data: _text(b"".join(data.strings)),
}
_ONE = ("ALIAS", "CNAME", "DNAME")  # types of which a name has one
_ALIASES = ("ALIAS", "ANAME", "CNAME")  # the last one only at the zone's own name
_IGNORED = '- octodns: {"ignored": true, "lenient": true}'  # what is there stays as it is


def text(origin: str, some: Sequence[Record]) -> str:
    """One zone. TXT of several purposes at one name is one record set, as it is in DNS.

    octoDNS keeps out of the zone's SOA and, where they are not said, its NS.
    """
    sets: dict[str, dict[str, list[Record]]] = {}
    for record in some:
        name, kind = record.below(origin).removeprefix("@").lower(), _kind(record, origin)
        if kind and (name or kind != "NS"):
            sets.setdefault(name, {}).setdefault(kind, []).append(record)
    lines = [f"# {address.both(origin)}"]
    lines += [f"# not written: {line}" for record in some for line in _unwritten(record, origin)]
    for name in sorted(sets, key=_natural):
        lines.append(f"{json.dumps(name)}:")
        lines += [line for kind in sorted(sets[name]) for line in _set(kind, sets[name][kind])]
    return "\n".join(lines) + "\n"


def _unwritten(record: Record, origin: str) -> Iterable[str]:
    if _kind(record, origin) or record.type == "SOA":
        return ()
    if record.level == ODD:
        return record.values
    return (f"{record.name} {record.type} {data}" for data in record.data)


def lacking(origin: str, some: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """What octoDNS would not have as it is, and what becomes of it.

    It joins the strings of a TXT, and has ASCII only: such a set it is told to ignore.
    """
    for record in some:
        if not _kind(record, origin) and record.type != "SOA" and record.level != ODD:
            yield record.id, f"octoDNS is not told of {record.type}, and may delete it"
    for name in sorted({r.name for r in some if r.type == "TXT" and not all(map(holds, r.rdatas))}):
        what = (
            "octoDNS cannot write a TXT value there as it is, so it is told to ignore all of them"
        )
        yield f"txt {name.rstrip('.')}", what


def holds(data: Any) -> bool:
    """Whether octoDNS has data of a TXT as it is: ASCII, in strings that are split when full."""
    whole = b"".join(data.strings)
    is_one = [*data.strings] == [whole[n : n + STRING] for n in range(0, len(whole) or 1, STRING)]
    return is_one and whole.isascii() and not any(each in whole for each in (b'" "', b"\\;"))


def _text(whole: bytes) -> str:
    """octoDNS takes a backslash off before semicolons, and quotes off around a value."""
    value = whole.decode("utf-8", "replace").replace(";", r"\;")
    return f'"{value}"' if value.startswith('"') else value


def _kind(record: Record, origin: str) -> str:
    """The type that octoDNS has for a record; none for what is no record anywhere."""
    if record.level != ODD:
        return record.type if record.type in VALUES else ""
    is_alias = record.type in _ALIASES and (record.type != "CNAME" or record.name == f"{origin}.")
    return "ALIAS" if is_alias and record.values[0].endswith(".") else ""


def _set(kind: str, records: Sequence[Record]) -> list[str]:
    """One record set; a value is written as JSON, which is YAML as well."""
    lines = [f"# {record.why} ({record.level})" for record in records]
    if kind == "ALIAS":
        said: list[object] = [records[0].values[0].split()[-1]]
        is_exact = False
    else:
        some = [data for record in records for data in record.rdatas]
        said = [VALUES[kind](data) for data in some]
        is_exact = kind != "TXT" or all(map(holds, some))
    start = f"ttl: {records[0].ttl}"
    lines += [f"- {start}"] if is_exact else [_IGNORED, f"  {start}"]
    words = [json.dumps(value, sort_keys=True) for value in said]
    values = (
        [f"  value: {words[0]}"] if kind in _ONE else ["  values:", *(f"  - {w}" for w in words)]
    )
    return [*lines, f"  type: {kind}", *values]


def _natural(name: str) -> list[int | str]:
    """Digits as numbers, which is the order that octoDNS demands."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
