"""What each authoritative server says of a name (RFC 1034 section 6), without any cache between.

A change in DNS has happened when all of them show it, and has spread when no resolver can remember
what was there before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
from dns.message import Message
from dns.name import Name
from dns.rdata import Rdata
from dns.rrset import RRset

from mailwright.model.problems import Failed, Problem
from mailwright.net.data import text

_TIMEOUT = 3.0  # seconds for one question
_TRIES = 2
_PAYLOAD = 1232  # bytes of UDP that no path fragments (DNS Flag Day 2020)
_ZONES = 1 << 16  # names whose zone is remembered
_NOWHERE = "no address"  # in place of the address of a server that cannot be found


class Outcome(StrEnum):
    """How a question ended. What is there, or surely not there, comes first."""

    DATA = "data"
    ALIAS = "alias"  # a CNAME, where something else was asked for
    NO_DATA = "no data of this type"
    NO_NAME = "no such name"  # NXDOMAIN
    LAME = "does not serve the zone"  # REFUSED, or an answer that is not authoritative
    FAILED = "answers with an error"  # SERVFAIL, FORMERR, NOTIMP, nonsense
    SILENT = "does not answer"
    NO_ROUTE = "cannot be reached from this machine"
    BOGUS = "has signatures that do not hold"  # what only a validating resolver says

    @property
    def is_known(self) -> bool:
        """Whether the question was answered at all."""
        return self in (Outcome.DATA, Outcome.ALIAS, Outcome.NO_DATA, Outcome.NO_NAME)


def of_this_machine() -> dns.resolver.Resolver:
    """The resolver that resolv.conf(5) names. Raises Failed where it names none."""
    try:
        return dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        what, hint = "names no resolver", "write one there, or name one with --resolver"
        raise Failed([Problem("/etc/resolv.conf", what, hint=hint)]) from None


@dataclass(frozen=True)
class Server:
    """An address of a name server."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} ({self.address})"


@dataclass(frozen=True)
class Answer:
    """What one server says; `rdatas` are empty where it has none, or where `fault` says why not.

    `alias` is the name that a CNAME leads to. `ttl` in seconds.
    """

    server: Server
    outcome: Outcome
    rdatas: tuple[Rdata, ...] = ()
    alias: str | None = None
    ttl: int = 0
    fault: str = ""

    @property
    def values(self) -> tuple[str, ...]:
        """The data as text; of TXT the whole text."""
        return tuple(map(text, self.rdatas))


class Authority:
    """Asks servers; what it learns of zones and their servers it remembers.

    It finds the servers with a `resolver`, which is this machine's unless another is given. Several
    threads may ask at once.
    """

    def __init__(self, resolver: dns.resolver.Resolver | None = None, port: int = 53) -> None:
        self._resolver = resolver or of_this_machine()
        self._port = port
        self._resolver.lifetime = 2 * _TIMEOUT
        # A zone that does not validate is none to a resolver, and it is one to its servers.
        self._resolver.flags = dns.flags.RD | dns.flags.CD
        self._zone = lru_cache(_ZONES)(self._above)
        self.servers = cache(self._servers)
        self.delegated = cache(self._delegated)
        self.negative_ttl = cache(self._negative_ttl)

    def ask(self, name: str, kind: str) -> list[Answer]:
        """The answer of each server of the zone that the name is in.

        One that this machine has no route to is left out if another can be asked. No server at all
        is one answer with a fault.
        """
        zone = self.zone(name)
        servers = self.servers(zone)
        if not servers:
            fault = "has no name server that is found"
            return [Answer(Server(zone, _NOWHERE), Outcome.SILENT, fault=fault)]
        answers = [_answer(server, name, kind, self._port) for server in servers]
        return [a for a in answers if a.outcome != Outcome.NO_ROUTE] or answers

    def zone(self, name: str) -> str:
        """The zone that a name is in.

        Where the resolver does not say it is the name itself, of which no server is found: those of
        a zone above could speak for it. The next question asks again.
        """
        try:
            return self._zone(name)
        except (dns.exception.DNSException, OSError):
            return name

    def _above(self, name: str) -> str:
        """The SOA record that comes with any answer tells, whether the name exists or not."""
        origin = dns.name.from_text(name)
        while origin != dns.name.root:
            for rrset in self._soa(origin):
                if origin.is_subdomain(rrset.name):
                    return str(rrset.name)
            origin = origin.parent()
        return "."

    def _soa(self, origin: Name) -> list[RRset]:
        try:
            reply = self._resolver.resolve(origin, "SOA", raise_on_no_answer=False).response
        except dns.resolver.NXDOMAIN as error:
            reply = error.response(origin)  # type: ignore[no-untyped-call]
        found = (*reply.answer, *reply.authority)
        return [rrset for rrset in found if rrset.rdtype == dns.rdatatype.SOA]

    def _servers(self, zone: str) -> tuple[Server, ...]:
        """Those that the zone names and those that its parent does, which may be others."""
        names = sorted({*self.named(zone), *self.delegated(zone)})
        return tuple(server for name in names for server in self._at(name))

    def _at(self, name: str) -> list[Server]:
        """A server at each of its addresses. One without stays among the zone's servers."""
        addresses = [*self._look_up(name, "A"), *self._look_up(name, "AAAA")] or [_NOWHERE]
        return [Server(name.rstrip("."), address) for address in addresses]

    def named(self, zone: str) -> frozenset[str]:
        """The names of its servers as the zone itself says."""
        return frozenset(name.lower() for name in self._look_up(zone, "NS"))

    def _delegated(self, zone: str) -> frozenset[str]:
        """What a server of the parent says, in its referral or, serving both zones, its answer."""
        origin = dns.name.from_text(zone)
        if origin == dns.name.root:
            return frozenset()
        parent = self.zone(str(origin.parent()))
        for name in self._look_up(parent, "NS"):
            for address in self._look_up(name, "A") or self._look_up(name, "AAAA"):
                reply = query(Server(name, address), zone, "NS", self._port)
                if isinstance(reply, Message):
                    return frozenset(str(i.target).lower() for i in _items(reply, origin, "NS"))
        return frozenset()

    def _negative_ttl(self, zone: str) -> int:
        """How many seconds resolvers may remember that a name is not there (RFC 2308 section 5)."""
        soas = [answer for answer in self.ask(zone, "SOA") if answer.rdatas]
        return max((min(a.ttl, _field(a.rdatas[0], "minimum")) for a in soas), default=0)

    def serials(self, zone: str) -> dict[Server, int]:
        """The version of the zone that each server has (SOA, RFC 1035 section 3.3.13)."""
        answers = self.ask(zone, "SOA")
        return {a.server: _field(a.rdatas[0], "serial") for a in answers if a.rdatas}

    def _look_up(self, name: str, kind: str) -> list[str]:
        for _ in range(_TRIES):
            try:
                return [str(item) for item in self._resolver.resolve(f"{name.rstrip('.')}.", kind)]
            except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                break
            except (dns.exception.DNSException, OSError):
                continue
        return []


def _field(item: Rdata, name: str) -> int:
    return int(getattr(item, name))


def _answer(server: Server, name: str, kind: str, port: int) -> Answer:
    if server.address == _NOWHERE:
        return Answer(server, Outcome.SILENT, fault="is not found by its name")
    reply = query(server, name, kind, port)
    if isinstance(reply, Outcome):
        return Answer(server, reply, fault=str(reply))
    if reply.rcode() == dns.rcode.REFUSED:
        return Answer(server, Outcome.LAME, fault=f"{Outcome.LAME} (REFUSED)")
    if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        fault = f"answers {dns.rcode.to_text(reply.rcode())}"
        return Answer(server, Outcome.FAILED, fault=fault)
    if not reply.flags & dns.flags.AA:
        return Answer(server, Outcome.LAME, fault=str(Outcome.LAME))
    return _said(server, reply, dns.name.from_text(name), kind)


def _said(server: Server, reply: Message, owner: Name, kind: str) -> Answer:
    for rrset in reply.answer:
        if rrset.name == owner and rrset.rdtype == dns.rdatatype.from_text(kind):
            return Answer(server, Outcome.DATA, tuple(rrset), ttl=rrset.ttl)
        if rrset.name == owner and rrset.rdtype == dns.rdatatype.CNAME:
            alias = str(rrset[0].target)
            return Answer(server, Outcome.ALIAS, alias=alias, ttl=rrset.ttl)
    is_missing = reply.rcode() == dns.rcode.NXDOMAIN
    return Answer(server, Outcome.NO_NAME if is_missing else Outcome.NO_DATA)


def query(server: Server, name: str, kind: str, port: int = 53) -> Message | Outcome:
    """The server's reply as it is, or why there is none."""
    question = dns.message.make_query(name, kind, use_edns=0, payload=_PAYLOAD)
    question.flags &= ~dns.flags.RD
    outcome = Outcome.SILENT
    for _ in range(_TRIES):
        question.id = random.getrandbits(16)
        try:
            where = {"where": server.address, "timeout": _TIMEOUT, "port": port}
            return dns.query.udp_with_fallback(question, **where)[0]  # type: ignore[arg-type]
        except dns.exception.Timeout:
            continue
        except OSError as error:
            is_refused = isinstance(error, ConnectionError)
            outcome = Outcome.SILENT if is_refused else Outcome.NO_ROUTE
        except dns.exception.DNSException:
            outcome = Outcome.FAILED
    return outcome


def _items(reply: Message, owner: Name, kind: str) -> Iterator[Any]:
    for rrset in (*reply.answer, *reply.authority):
        if rrset.name == owner and rrset.rdtype == dns.rdatatype.from_text(kind):
            yield from rrset
