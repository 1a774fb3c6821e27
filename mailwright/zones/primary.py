"""A name server that takes dynamic updates: what it serves, and what it says to an update."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.xfr
import dns.zone
from dns.message import Message
from dns.name import Name
from dns.rcode import Rcode
from dns.rrset import RRset
from dns.tsig import Key

from mailwright.dns.record import Record
from mailwright.net.authority import Outcome
from mailwright.net.session import TIMEOUT, Session, Unsigned
from mailwright.zones import present, update
from mailwright.zones.change import Change
from mailwright.zones.present import Zone

_CHANGED = "the zone has changed meanwhile, so nothing was done there; run it again"
_CODES = {
    Rcode.REFUSED: "refuses it (REFUSED): may this key update the zone?",
    Rcode.NOTAUTH: "does not serve the zone, or not to this key (NOTAUTH)",
    Rcode.SERVFAIL: "failed (SERVFAIL): its log says why",
    Rcode.NOTIMP: "takes no dynamic updates (NOTIMP)",
    Rcode.NXRRSET: _CHANGED,
    Rcode.YXRRSET: _CHANGED,
    Rcode.NXDOMAIN: _CHANGED,
    Rcode.YXDOMAIN: _CHANGED,
}
_SIGNATURES: dict[type[Exception], str] = {
    dns.tsig.PeerBadKey: "does not know the key (BADKEY): its name and algorithm must be the same",
    dns.tsig.PeerBadSignature: "has another secret for this key (BADSIG)",
    dns.tsig.PeerBadTime: "has another time (BADTIME): one of the clocks is wrong",
    dns.tsig.PeerBadTruncation: "demands a longer signature (BADTRUNC)",
}


class Refused(Exception):  # noqa: N818
    """What a server says instead of yes, as one line; the next zone may fare better."""


class Unusable(Exception):  # noqa: N818
    """The server cannot be used at all: no other zone will fare better."""


@dataclass
class Primary:
    """The server at an address, or of a name; `key` signs what it is asked."""

    server: str
    port: int
    key: Key | None
    side_by_side: ClassVar[int] = 8  # connections, one for each thread

    def __post_init__(self) -> None:
        self._sessions = threading.local()

    @cached_property
    def address(self) -> str:
        """Raises Unusable where the name has none."""
        try:
            found = socket.getaddrinfo(self.server, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unusable(f"{self.server}: has no address") from None
        return str(found[0][4][0])

    @property
    def _session(self) -> Session:
        if not hasattr(self._sessions, "own"):
            self._sessions.own = Session(self.address, self.port)
        found: Session = self._sessions.own
        return found

    def apex(self, name: Name) -> Name:
        """Where the zone begins that a name is in. Raises Refused where none is served here."""
        codes = set()
        while name != dns.name.root:
            reply = self._ask(name, "SOA")
            codes.add(reply.rcode())
            for rrset in (*reply.answer, *reply.authority):
                is_above = rrset.rdtype == dns.rdatatype.SOA and name.is_subdomain(rrset.name)
                if is_above and reply.flags & dns.flags.AA:
                    return rrset.name
            name = name.parent()
        if Rcode.NOTAUTH in codes:
            raise Refused(self._said(Rcode.NOTAUTH))
        raise Refused(f"{self.server} serves no such zone")

    def zone(self, origin: Name, records: Iterable[Record]) -> Zone:
        """The zone as it is; asked for name by name where its transfer is refused."""
        found = dns.zone.Zone(origin, relativize=False)
        query = dns.message.make_query(origin, "AXFR")
        self._sign(query)
        try:
            with self._heard():
                dns.query.inbound_xfr(self.address, found, query, self.port, TIMEOUT)
        except dns.xfr.TransferError:
            return present.asked(origin, records, self._answer)
        except Unusable as error:
            if not isinstance(error.__cause__, dns.tsig.PeerBadKey):
                raise
            # What else was asked with this key was answered: Knot says that it may not do this.
            return present.asked(origin, records, self._answer)
        return Zone(origin, (found_set(*pair) for pair in found.iterate_rdatasets()))

    def send(self, zone: Zone, changes: list[Change]) -> None:
        """Do the changes. Raises Refused where the server does not, or the zone is another now."""
        for message in update.messages(zone, changes, self.key):
            with self._heard("whether it was done is not known; run it again"):
                reply = self._session.ask(message)
            if reply.rcode() != Rcode.NOERROR:
                raise Refused(self._said(reply.rcode()))

    def _answer(self, name: str, kind: str) -> tuple[Outcome, list[RRset]]:
        reply = self._ask(dns.name.from_text(name), kind)
        owner = dns.name.from_text(name)
        if not reply.flags & dns.flags.AA:
            cuts = [r for r in reply.authority if r.rdtype == dns.rdatatype.NS]
            if any(owner.is_subdomain(rrset.name) for rrset in cuts):
                return Outcome.NO_DATA, cuts  # another zone begins there
            raise Refused(f"{self.server}: {name} is in a zone that it does not serve")
        rrsets = [rrset for rrset in reply.answer if rrset.name == owner]
        above = [rrset for rrset in reply.answer if rrset.rdtype == dns.rdatatype.DNAME]
        if above and not any(rrset in rrsets for rrset in above):
            return Outcome.ALIAS, above  # and the alias that follows from it is made up
        missing = Outcome.NO_NAME if reply.rcode() == Rcode.NXDOMAIN else Outcome.NO_DATA
        return (Outcome.DATA if rrsets else missing), rrsets

    def _ask(self, name: Name, kind: str) -> Message:
        query = dns.message.make_query(name, kind)
        query.flags &= ~dns.flags.RD
        self._sign(query)
        with self._heard():
            reply = self._session.ask(query)
        if reply.rcode() not in (Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.REFUSED, Rcode.NOTAUTH):
            raise Refused(self._said(reply.rcode()))
        return reply

    def _sign(self, message: Message) -> None:
        if self.key:
            message.use_tsig(self.key, algorithm=self.key.algorithm)

    def _said(self, code: Rcode) -> str:
        return f"{self.server} {_CODES.get(code, f'answers {dns.rcode.to_text(code)}')}"

    @contextmanager
    def _heard(self, otherwise: str = "") -> Iterator[None]:
        """Turn what can happen on the way into one line."""
        end = f"; {otherwise}" if otherwise else ""
        try:
            yield
        except dns.xfr.TransferError:
            raise
        except tuple(_SIGNATURES) as error:
            raise Unusable(f"{self.server} {_SIGNATURES[type(error)]}") from error
        except (Unsigned, dns.tsig.BadSignature):
            what = "its answer has no signature that holds, so anybody may have written it"
            raise Unusable(f"{self.server}: {what}{end}") from None
        except (dns.exception.Timeout, TimeoutError):
            raise Unusable(f"{self.server}: no answer within {TIMEOUT:.0f} s{end}") from None
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or "closes the connection"
            raise Unusable(f"{self.server}: {reason}{end}") from None
        except dns.exception.DNSException as error:
            raise Unusable(f"{self.server}: answers nonsense ({error}){end}") from None


def found_set(name: Name, rdataset: Iterable[object]) -> RRset:
    """A set of a zone, with its name."""
    rrset = RRset(name, rdataset.rdclass, rdataset.rdtype)  # type: ignore[attr-defined]
    rrset.update(rdataset)  # type: ignore[no-untyped-call]
    return rrset
