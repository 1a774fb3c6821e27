"""The DNS records that the mail system needs, each with the reason for it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailwright import address
from mailwright.inventory import Inventory

TTL = 3600
REQUIRED, RECOMMENDED = "required", "recommended"
_STRING = 255  # bytes, RFC 1035 section 3.3
_HOST_LABELS = {"in-addr": 1, "ip6": 16}  # below a reverse zone of the usual /24 or /64


@dataclass(frozen=True)
class Record:
    """A record set. `name` ends in a dot; `ttl` in seconds; `why` is one sentence.

    `values` are in the presentation format of RFC 1035, but a TXT value is the whole text, neither
    quoted nor split. `level` is required (mail suffers without) or recommended.
    """

    name: str
    type: str
    values: tuple[str, ...]
    why: str
    level: str = REQUIRED
    ttl: int = TTL


def records(inventory: Inventory) -> tuple[Record, ...]:
    """Every record set of the mail system, hosts first. No name and type appears twice."""
    return (*_of_hosts(inventory), *_of_domains(inventory))


def _of_hosts(inventory: Inventory) -> Iterator[Record]:
    domains = {domain.name for domain in inventory.domains}
    for host in inventory.hosts:
        name = f"{host.name}."
        if host.ipv4:
            why = "Where the host is: a name in EHLO has an address (RFC 5321 section 2.3.5)."
            yield Record(name, "A", (host.ipv4,), why)
        if host.ipv6:
            why = "Where the host is over IPv6 (RFC 3596)."
            yield Record(name, "AAAA", (host.ipv6,), why)
        for ip in host.addresses:
            why = "Servers refuse an address whose name does not lead back to it (RFC 1912 2.1)."
            yield Record(f"{ipaddress.ip_address(ip).reverse_pointer}.", "PTR", (name,), why)
        if host.name not in domains:  # else the domain's policies, below, are the host's as well
            why = "A bounce has no sender: SPF takes the host's EHLO name (RFC 7208 section 2.4)."
            yield Record(name, "TXT", ("v=spf1 a -all",), why)
            why = "Only the host itself writes from its name, and SPF covers that (RFC 9989)."
            yield Record(f"_dmarc.{name}", "TXT", ("v=DMARC1; p=reject",), why, RECOMMENDED)


def _of_domains(inventory: Inventory) -> Iterator[Record]:
    hosts = {host.name for host in inventory.hosts}
    for domain in inventory.domains:
        name = f"{domain.name}."
        why = "The host that takes the domain's mail (RFC 5321 section 5.1)."
        yield Record(name, "MX", (f"10 {domain.host}.",), why)

        own = "a " if domain.name in hosts else ""
        why = "Only the domain's own mail host sends for it (RFC 7208)."
        yield Record(name, "TXT", (f"v=spf1 {own}mx -all",), why)

        for key in domain.keys:
            why = f"The {key.algorithm} key that verifies its signatures (RFC 6376 section 3.6.2)."
            yield Record(f"{key.name}.", "TXT", (key.record,), why)

        why = "What receivers do with mail that fails SPF and DKIM, and whom they tell (RFC 9989)."
        policy = f"v=DMARC1; p={domain.dmarc}; rua=mailto:postmaster@{domain.name}"
        yield Record(f"_dmarc.{name}", "TXT", (policy,), why)


def zones(inventory: Inventory) -> dict[str, list[Record]]:
    """The records by the domain of ours that is nearest above their name; under "" the others."""
    found: dict[str, list[Record]] = {
        name: [] for name in ("", *(d.name for d in inventory.domains))
    }
    for record in records(inventory):
        labels = record.name.rstrip(".").split(".")
        above = (".".join(labels[start:]) for start in range(len(labels)))
        found[next((name for name in above if name in found), "")].append(record)
    return found


def zone(inventory: Inventory, origin: str) -> str:
    """The records that belong in the zone of a domain of ours; see `text`. Raises KeyError."""
    return text(origin, zones(inventory)[origin])


def text(origin: str, some: Sequence[Record]) -> str:
    """Records of one zone as lines of a master file (RFC 1035 section 5).

    Names are complete, so that the lines fit into any zone file. Without an origin: hosts whose
    names are in other people's zones, and PTR as comments, for whoever assigns the addresses.
    """
    head = f"; Zone {address.both(origin)}" if origin else "; Outside the zones of our domains"
    pointers = [record for record in some if record.type == "PTR"]
    sets = [_record_set(record) for record in some if record.type != "PTR"]
    return "\n\n".join([head, *sets, *([_pointers(pointers)] if pointers else [])]) + "\n"


def strings(text: str) -> list[str]:
    """A TXT value as quoted strings of 255 bytes at most; what is ASCII but special is escaped."""
    pieces = (text[start : start + _STRING] for start in range(0, len(text), _STRING))
    return ['"{}"'.format(piece.replace("\\", r"\\").replace('"', r"\"")) for piece in pieces]


def _record_set(record: Record) -> str:
    lines = [f"; {record.why} ({record.level})"]
    for value in record.values:
        pieces = strings(value) if record.type == "TXT" else [value]
        data = pieces[0] if len(pieces) == 1 else f"( {' '.join(pieces)} )"
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
