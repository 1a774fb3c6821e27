"""Where a zone as it is comes from: files, a server that shows it, or the world's resolvers."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import dns.exception
import dns.name
import dns.rdata
import dns.rrset
from dns.rdata import Rdata
from dns.rrset import RRset

from mailwright.dns.record import Record
from mailwright.model.problems import Problem, Problems
from mailwright.net import tsig
from mailwright.net.authority import Authority, Outcome
from mailwright.net.resolver import Reply, Resolver
from mailwright.zones import master_file, present
from mailwright.zones.present import Zone
from mailwright.zones.primary import Primary

LIVE = "live"

# Gives the zone of a domain as it is, at least as far as the records go. Raises Problems, Refused.
Source = Callable[[str, Iterable[Record]], Zone]


class Untold(dns.exception.DNSException):
    """A look-up that nobody answers."""


class Elsewhere:
    """What a resolver says of names in other zones."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def __call__(self, name: str, kind: str) -> Sequence[Rdata]:
        """The data at a name. Raises Untold."""
        return self.reply(name, kind).rdatas

    def reply(self, name: str, kind: str) -> Reply:
        """The same, with how the question ended and where aliases led. Raises Untold."""
        found = self._resolver.ask(name, kind)
        if not found.outcome.is_known:
            raise Untold(f"{name} {kind}: {found.outcome}")  # type: ignore[no-untyped-call]
        return found


def source(where: str, port: int, key_file: Path | None, resolver: Resolver) -> Source:
    """What `where` means: `live`, the address of a server, a zone file or a folder of them."""
    if where == LIVE:
        return _live(resolver)
    if _is_address(where):
        primary = Primary(where, port, tsig.read(key_file) if key_file else None)
        return lambda origin, some: primary.zone(primary.apex(dns.name.from_text(origin)), some)
    path = Path(where)
    if not path.exists():
        expected = f"a zone file, a folder of them, the address of a server, or {LIVE}"
        raise Problems([Problem(where, "is not there", expected=expected)])
    return lambda origin, some: master_file.read(
        path / f"{origin}.zone" if path.is_dir() else path, origin
    )


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _live(resolver: Resolver) -> Source:
    elsewhere, authority = Elsewhere(resolver), Authority(resolver.stub())

    def ask(name: str, kind: str) -> tuple[Outcome, list[RRset]]:
        reply = elsewhere.reply(name, kind)
        owner = dns.name.from_text(name)
        if reply.aliases:
            alias = dns.rdata.from_text("IN", "CNAME", reply.aliases[0])
            return Outcome.ALIAS, [dns.rrset.from_rdata(owner, reply.ttl, alias)]
        rrsets = [dns.rrset.from_rdata(owner, reply.ttl, *reply.rdatas)] if reply.rdatas else []
        return reply.outcome, rrsets

    def zone(origin: str, some: Iterable[Record]) -> Zone:
        apex = dns.name.from_text(authority.zone(f"{origin}."))
        try:
            return present.asked(apex, some, ask)
        except Untold as error:
            raise Problems([Problem(origin, f"cannot be looked up: {error}")]) from None

    return zone
