"""Records as lines of a master file (RFC 1035 section 5), each with its reason: a zone snippet."""

from __future__ import annotations

from collections.abc import Sequence

from mailwright.dns.record import FOREIGN, ODD, Record
from mailwright.model import address

_HOST_LABELS = {"in-addr": 1, "ip6": 16}  # below a reverse zone of the usual /24 or /64


def text(origin: str, some: Sequence[Record]) -> str:
    """Records of one zone.

    Names are complete, so that the lines fit into any zone file. Without an origin: hosts whose
    names are in other people's zones, and PTR as comments, for whoever assigns the addresses.
    """
    head = f"; Zone {address.both(origin)}" if origin else "; Outside the zones of our domains"
    pointers = [r for r in some if r.type == "PTR" and r.level not in (FOREIGN, ODD)]
    away = set(map(id, pointers))
    sets = [_record_set(record) for record in some if id(record) not in away]
    return "\n\n".join([head, *sets, *([_pointers(pointers)] if pointers else [])]) + "\n"


def _record_set(record: Record) -> str:
    lines = [f"; {record.why} ({record.level})"]
    if record.level == ODD:
        return "\n".join([*lines, *(f"; {value}" for value in record.values)])
    for data in record.data:
        if record.type == "TXT" and '" "' in data:
            data = f"( {data} )"
        lines.append(f"{record.name} {record.ttl} IN {record.type} {data}")
    return "\n".join(lines)


def _pointers(records: Sequence[Record]) -> str:
    parents: dict[str, list[str]] = {}
    for record in records:
        host_part = _HOST_LABELS["ip6" if record.name.endswith(".ip6.arpa.") else "in-addr"]
        parent = record.name.split(".", host_part)[host_part]
        parents.setdefault(parent, []).append(f";   {record.name} PTR {record.values[0]}")
    lines = [f"; {records[0].why} ({records[0].level})"]
    lines.append("; The provider of the addresses sets these, or delegates the reverse zone:")
    for parent, pointers in parents.items():
        lines += [f"; {parent}", *pointers]
    return "\n".join(lines)
