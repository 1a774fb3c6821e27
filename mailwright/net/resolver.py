"""What a validating resolver says of a name: what the rest of the world sees (RFC 4035)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.resolver
from dns.message import Message, QueryMessage
from dns.rdata import Rdata

from mailwright.net.authority import Outcome, of_this_machine
from mailwright.net.data import text

_TIMEOUT = 8.0  # seconds: a resolver may have to try several servers
_PAYLOAD = 1232
_REMEMBERED = 1 << 16


@dataclass(frozen=True)
class Reply:
    """What the resolver found at the end of all aliases.

    `is_secure`: it has validated the whole way (RFC 4035 section 3.2.3). `aliases` are the names
    that CNAMEs lead to, the last one is where the data is. `ttl` in seconds.
    """

    outcome: Outcome
    rdatas: tuple[Rdata, ...] = ()
    is_secure: bool = False
    aliases: tuple[str, ...] = ()
    ttl: int = 0

    @property
    def values(self) -> tuple[str, ...]:
        """The data as text; of TXT the whole text."""
        return tuple(map(text, self.rdatas))


class Resolver:
    """Asks this machine's resolver, or the one at `address`, and remembers what it says.

    Several threads may ask at once.
    """

    def __init__(self, address: str | None = None, port: int = 53) -> None:
        self.addresses = [address] if address else of_this_machine().nameservers
        self.port = port
        self.ask = lru_cache(_REMEMBERED)(self._ask)

    def stub(self) -> dns.resolver.Resolver:
        """The same resolver, as dnspython asks it."""
        found = dns.resolver.Resolver(configure=False)
        found.nameservers, found.port = self.addresses, self.port
        return found

    def validates(self) -> bool:
        """Whether the resolver validates at all: the root zone is signed."""
        return self.ask(".", "SOA").is_secure

    def _ask(self, name: str, kind: str) -> Reply:
        reply = self._query(name, kind, dns.flags.AD)
        if isinstance(reply, Outcome):
            return Reply(reply)
        if reply.rcode() == dns.rcode.SERVFAIL:
            unchecked = self._query(name, kind, dns.flags.CD)
            is_there = isinstance(unchecked, Message) and unchecked.rcode() != dns.rcode.SERVFAIL
            return Reply(Outcome.BOGUS if is_there else Outcome.FAILED)
        if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return Reply(Outcome.FAILED)
        return _found(reply)

    def _query(self, name: str, kind: str, flag: int) -> QueryMessage | Outcome:
        question = dns.message.make_query(name, kind, use_edns=0, payload=_PAYLOAD)
        question.flags |= flag
        outcome = Outcome.SILENT
        for address in self.addresses:
            try:
                reply = dns.query.udp_with_fallback(
                    question, str(address), timeout=_TIMEOUT, port=self.port
                )[0]
            except dns.exception.Timeout:
                outcome = Outcome.SILENT
            except (OSError, dns.exception.DNSException):
                outcome = Outcome.FAILED
            else:
                return reply if isinstance(reply, QueryMessage) else Outcome.FAILED
        return outcome


def _found(reply: QueryMessage) -> Reply:
    try:
        chain = reply.resolve_chaining()
    except dns.exception.DNSException:
        return Reply(Outcome.FAILED)
    aliases = tuple(str(rrset[0].target) for rrset in chain.cnames)
    is_secure = bool(reply.flags & dns.flags.AD)
    if chain.answer is not None:
        data = tuple(chain.answer)
        return Reply(Outcome.DATA, data, is_secure, aliases, chain.minimum_ttl)
    missing = Outcome.NO_NAME if reply.rcode() == dns.rcode.NXDOMAIN else Outcome.NO_DATA
    return Reply(missing, is_secure=is_secure, aliases=aliases)
