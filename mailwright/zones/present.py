"""A zone as it is: transferred, read from a master file, or asked for name by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import dns.name
import dns.rdatatype
import dns.rrset
from dns.name import Name
from dns.rdata import Rdata
from dns.rrset import RRset

from mailwright.dns.record import Record
from mailwright.model.policy import TTL
from mailwright.net.authority import Outcome

# What a signer adds and takes away by itself (RFC 4034, RFC 5155, RFC 7344).
SIGNATURES = frozenset({"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY"})
_COVERED = ("A", "AAAA", "MX", "TXT", "SRV", "CNAME")  # types that a wildcard is asked for

# Gives how a question to a server of the zone ended, and the record sets of the answer.
Ask = Callable[[str, str], tuple[Outcome, list[RRset]]]


@dataclass(frozen=True)
class Odd:
    """What a file has that is no record of its zone, or can be beside none; nobody else's is lost.

    `where` is its file and line, `text` what is there. `name` and `kind` are its owner and type, as
    far as they can be told; the type may be one that only some programs know, such as ALIAS. One
    that `is_alone` leaves no room for any other record.
    """

    where: str
    name: Name | None
    kind: str
    text: str
    why: str
    ttl: int = TTL
    is_alone: bool = False

    def bars(self, kind: str) -> bool:
        """Whether a record of that type at its name would contradict it."""
        return (
            self.is_alone
            or kind in (self.kind, "CNAME")
            or (self._is_alias and kind in ("A", "AAAA"))
        )

    @property
    def _is_alias(self) -> bool:
        """Whether it stands for addresses, as ALIAS, ANAME and a CNAME beside other data do.

        Those who have them answer with addresses, and with what else is at the name.
        """
        return self.kind == "CNAME" or not is_type(self.kind)


def is_type(word: str) -> bool:
    """Whether a word is a record type of the DNS."""
    try:
        return bool(dns.rdatatype.from_text(word))
    except (dns.rdatatype.UnknownRdatatype, ValueError):
        return False


class Zone:
    """The record sets of a zone, without what its signer makes.

    `ask` tells the rest of a zone of which only some sets are known. `odd` is beside them.
    """

    def __init__(
        self,
        origin: Name,
        rrsets: Iterable[RRset],
        names: Iterable[Name] = (),
        ask: Ask | None = None,
        odd: Sequence[Odd] = (),
    ) -> None:
        self.origin, self._ask, self.odd = origin, ask, odd
        self._nodes: dict[Name, dict[str, RRset]] = {}
        for rrset in rrsets:
            kind = dns.rdatatype.to_text(rrset.rdtype)
            if rrset.name.is_subdomain(origin) and kind not in SIGNATURES:
                node = self._nodes.setdefault(rrset.name, {})
                if kind in node:
                    node[kind].update(rrset)  # type: ignore[no-untyped-call]
                else:
                    node[kind] = rrset
        self._names = {origin}
        for name in (*self._nodes, *names):
            while name not in self._names:  # what is above a name exists (RFC 8020)
                self._names.add(name)
                name = name.parent()
        cuts = [name for name, node in self._nodes.items() if "NS" in node and name != origin]
        self._cuts = frozenset(cuts)

    def rrsets(self) -> list[RRset]:
        """All of them, SOA and NS first."""
        some = [rrset for node in self._nodes.values() for rrset in node.values()]
        first = {dns.rdatatype.SOA: 0, dns.rdatatype.NS: 1}
        return sorted(some, key=lambda r: (r.name != self.origin, first.get(r.rdtype, 2)))

    def rdatas(self, name: Name, kind: str) -> tuple[Rdata, ...]:
        """The data of one set; nothing where there is none."""
        return tuple(self._nodes.get(name, {}).get(kind, ()))

    def bar(self, name: Name, kind: str) -> Odd | None:
        """What is odd at a name, if it is in the way of a record of that type."""
        return next((odd for odd in self.odd if odd.name == name and odd.bars(kind)), None)

    def look_up(self, name: Name, kind: str) -> tuple[Rdata, ...]:
        """The same, for a name that no record of ours is for."""
        there = self.rdatas(name, kind)
        if there or self._ask is None:
            return there
        type_ = dns.rdatatype.from_text(kind)
        rrsets = self._ask(str(name), kind)[1]
        return tuple(data for rrset in rrsets if rrset.rdtype == type_ for data in rrset)

    def ttl(self, name: Name, kind: str) -> int | None:
        """Of a set that is there, in seconds."""
        rrset = self._nodes.get(name, {}).get(kind)
        return None if rrset is None else rrset.ttl

    def kinds(self, name: Name) -> frozenset[str]:
        """The types that a name has, by itself."""
        return frozenset(self._nodes.get(name, ()))

    def has(self, name: Name) -> bool:
        """Whether a name exists, be it that only something below it does."""
        return name in self._names

    def wildcard(self, name: Name) -> Name | None:
        """The wildcard that answers for a name that does not exist (RFC 4592 section 3.3.1)."""
        if self.has(name) or not name.is_subdomain(self.origin):
            return None
        while not self.has(name):
            name = name.parent()
        star = dns.name.Name((b"*", *name.labels))
        return star if star in self._nodes else None

    def cut(self, name: Name) -> Name | None:
        """Where another zone begins that the name is in."""
        while self._cuts and name != self.origin:
            if name in self._cuts:
                return name
            name = name.parent()
        return None

    def redirection(self, name: Name) -> tuple[Name, Name] | None:
        """The name above that has a DNAME, and where that leads this one (RFC 6672 section 2.2)."""
        above = name
        while above != self.origin and above.is_subdomain(self.origin):
            above = above.parent()
            for data in self.rdatas(above, "DNAME"):
                target: Name = data.target  # type: ignore[attr-defined]
                return above, name.relativize(above).concatenate(target)
        return None

    def holds(self, name: Name) -> bool:
        """Whether a name, there or not, is in this zone and in none below it."""
        return name.is_subdomain(self.origin) and self.cut(name) is None


def asked(origin: Name, records: Iterable[Record], ask: Ask) -> Zone:
    """What a server says of the names that records are for, where it lets nobody have the zone.

    What only a wildcard answers is not there by itself.
    """
    found: list[RRset] = []
    names: set[Name] = set()
    stars: dict[Name, list[RRset]] = {}
    pairs = {(dns.name.from_text(r.name), kind) for r in records for kind in _wanted(r)}
    for name, kind in sorted(pairs):
        parent = name.parent()
        if name.is_subdomain(origin) and name != origin and parent not in stars:
            stars[parent] = _star(parent, origin, ask)
        outcome, rrsets = ask(str(name), kind)
        own = [rrset for rrset in rrsets if not _is_among(rrset, stars.get(parent, ()))]
        found += own
        is_above = any(rrset.name != name for rrset in own)  # where a DNAME or another zone is
        is_covered = bool(stars.get(parent))  # then no data is no proof that there is the name
        if not is_above and (own or (outcome == Outcome.NO_DATA and not is_covered)):
            names.add(name)
    covering = [rrset for some in stars.values() for rrset in some]
    return Zone(origin, [*found, *covering], names, ask)


def _wanted(record: Record) -> tuple[str, ...]:
    """An alias has nothing beside it, so that is asked for as well."""
    return ("CNAME", "A", "AAAA", "MX", "TXT") if record.type == "CNAME" else (record.type,)


def _star(parent: Name, origin: Name, ask: Ask) -> list[RRset]:
    """The wildcard that answers for names below `parent`: the last one that is none's answer."""
    found: list[RRset] = []
    for depth in range(len(origin.labels), len(parent.labels) + 1):
        name = dns.name.Name((b"*", *parent.labels[-depth:]))
        star = str(name)
        if ask(star, "TXT")[0] != Outcome.NO_NAME:
            some = [r for kind in _COVERED for r in ask(star, kind)[1] if r.name == name]
            found = found if all(_is_among(rrset, found) for rrset in some) else some
    return found


def _is_among(rrset: RRset, others: Iterable[RRset]) -> bool:
    return any(other.rdtype == rrset.rdtype and set(other) == set(rrset) for other in others)
