"""What each authoritative server says of a name (RFC 1034 section 6), without any cache between.

A change in DNS has happened when all of them show it, and has spread when no resolver can remember
what was there before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
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
from dns.rrset import RRset

_TIMEOUT = 3.0  # seconds for one question
_TRIES = 2
_PAYLOAD = 1232  # bytes of UDP that no path fragments (DNS Flag Day 2020)


@dataclass(frozen=True)
class Server:
    """An address of a name server."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} ({self.address})"


@dataclass(frozen=True)
class Answer:
    """What one server says. `values` are empty where it has none or `fault` says why not.

    A TXT value is the whole text. `alias` is the name that a CNAME leads to. `ttl` in seconds.
    """

    server: Server
    values: tuple[str, ...] = ()
    alias: str | None = None
    ttl: int = 0
    fault: str = ""


class Authority:
    """Asks servers; what it learns of zones and their servers it remembers.

    It finds the servers with a `resolver`, which is this machine's unless another is given.
    """

    def __init__(self, resolver: dns.resolver.Resolver | None = None, port: int = 53) -> None:
        self._resolver = resolver or dns.resolver.Resolver()
        self._port = port
        self._resolver.lifetime = 2 * _TIMEOUT
        self.zone = cache(self._zone)
        self.servers = cache(self._servers)
        self.negative_ttl = cache(self._negative_ttl)

    def ask(self, name: str, kind: str) -> list[Answer]:
        """The answer of each server of the zone that the name is in.

        One that this machine has no route to is left out if another of its name can be asked. No
        server at all is one answer with a fault.
        """
        zone = self.zone(name)
        servers = self.servers(zone)
        if not servers:
            return [Answer(Server(zone, "no address"), fault="has no name server that is found")]
        answers = [_answer(server, name, kind, self._port) for server in servers]
        reached = {answer.server.name for answer in answers if answer.fault != _NO_ROUTE}
        return [a for a in answers if a.fault != _NO_ROUTE or a.server.name not in reached]

    def _zone(self, name: str) -> str:
        try:
            return str(dns.resolver.zone_for_name(name, resolver=self._resolver))
        except (dns.exception.DNSException, OSError):
            return name

    def _servers(self, zone: str) -> tuple[Server, ...]:
        """Those that the zone names and those that its parent does, which may be others."""
        names = {*self._look_up(zone, "NS"), *self._delegated(zone)}
        return tuple(
            Server(name.rstrip("."), address)
            for name in sorted(names)
            for kind in ("A", "AAAA")
            for address in self._look_up(name, kind)
        )

    def _delegated(self, zone: str) -> set[str]:
        """What a server of the parent says, in its referral or, serving both zones, its answer."""
        origin = dns.name.from_text(zone)
        if origin == dns.name.root:
            return set()
        parent = self.zone(str(origin.parent()))
        for name in self._look_up(parent, "NS"):
            for address in self._look_up(name, "A"):
                reply = _query(Server(name, address), zone, "NS", self._port)
                if isinstance(reply, Message):
                    return {str(item.target) for item in _items(reply, origin, "NS")}
        return set()

    def _negative_ttl(self, zone: str) -> int:
        """How many seconds resolvers may remember that a name is not there (RFC 2308 section 5)."""
        found = [0]
        for server in self.servers(zone):
            reply = _query(server, zone, "SOA", self._port)
            if isinstance(reply, Message):
                for rrset in reply.answer:
                    if rrset.rdtype == dns.rdatatype.SOA:
                        found.append(min(rrset.ttl, rrset[0].minimum))
        return max(found)

    def _look_up(self, name: str, kind: str) -> list[str]:
        try:
            return [str(item) for item in self._resolver.resolve(f"{name.rstrip('.')}.", kind)]
        except (dns.exception.DNSException, OSError):
            return []


_NO_ROUTE = "cannot be reached from this machine"


def _answer(server: Server, name: str, kind: str, port: int) -> Answer:
    reply = _query(server, name, kind, port)
    if isinstance(reply, str):
        return Answer(server, fault=reply)
    if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Answer(server, fault=f"answers {dns.rcode.to_text(reply.rcode())}")
    if not reply.flags & dns.flags.AA:
        return Answer(server, fault="does not serve the zone")
    owner = dns.name.from_text(name)
    for rrset in reply.answer:
        if rrset.name == owner and rrset.rdtype == dns.rdatatype.CNAME:
            return Answer(server, alias=str(rrset[0].target), ttl=rrset.ttl)
        if rrset.name == owner and rrset.rdtype == dns.rdatatype.from_text(kind):
            return Answer(server, tuple(_texts(rrset)), ttl=rrset.ttl)
    return Answer(server)


def _query(server: Server, name: str, kind: str, port: int) -> Message | str:
    """The server's reply, or why there is none."""
    question = dns.message.make_query(name, kind, use_edns=0, payload=_PAYLOAD)
    question.flags &= ~dns.flags.RD
    fault = "does not answer"
    for _ in range(_TRIES):
        question.id = random.getrandbits(16)
        try:
            return dns.query.udp_with_fallback(question, server.address, _TIMEOUT, port)[0]
        except dns.exception.Timeout:
            continue
        except OSError as error:
            fault = "does not answer" if isinstance(error, ConnectionError) else _NO_ROUTE
        except dns.exception.DNSException as error:
            fault = f"answers nonsense ({type(error).__name__})"
    return fault


def _items(reply: Message, owner: Name, kind: str) -> Iterator[Any]:
    for rrset in (*reply.answer, *reply.authority):
        if rrset.name == owner and rrset.rdtype == dns.rdatatype.from_text(kind):
            yield from rrset


def _texts(rrset: RRset) -> Iterator[str]:
    for item in rrset:
        if rrset.rdtype == dns.rdatatype.TXT:
            yield b"".join(item.strings).decode("utf-8", "replace")
        else:
            yield str(item)
