"""Records for DNSControl: they join a domain that your dnsconfig.js has declared with D().

require("example.com.js");
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from mailwright.dns.record import Record
from mailwright.model import address

_ARGUMENTS: dict[str, Callable[[Any], list[object]]] = {
    "A": lambda data: [data.address],
    "AAAA": lambda data: [data.address],
    "CNAME": lambda data: [data.target.to_text()],
    "PTR": lambda data: [data.target.to_text()],
    "MX": lambda data: [data.preference, data.exchange.to_text()],
    "SRV": lambda data: [data.priority, data.weight, data.port, data.target.to_text()],
    "CAA": lambda data: [data.tag.decode(), data.value.decode()],
    "TLSA": lambda data: [data.usage, data.selector, data.mtype, data.cert.hex()],
    "TXT": lambda data: [b"".join(data.strings).decode()],
}


def text(origin: str, some: Sequence[Record]) -> str:
    """One zone, as a call of D_EXTEND; DNSControl splits long TXT by itself."""
    head = f"// {address.both(origin)}\nD_EXTEND({json.dumps(origin)},\n"
    return head + ",\n".join(_call(origin, record) for record in some) + "\n);\n"


def _call(origin: str, record: Record) -> str:
    calls = []
    for data in record.rdatas:
        words = map(json.dumps, [record.below(origin), *_ARGUMENTS[record.type](data)])
        critical = ["CAA_CRITICAL"] if record.type == "CAA" and data.to_text()[0] != "0" else []
        calls.append(f"  {record.type}({', '.join([*words, *critical, f'TTL({record.ttl})'])})")
    return f"  // {record.why} ({record.level})\n" + ",\n".join(calls)
