"""Asks for each record everywhere, and puts together what the servers say."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dns.rdata import Rdata

from mailwright.check import meaning
from mailwright.check.check_host import Evaluation
from mailwright.check.finding import Finding, Severity
from mailwright.dns import REQUIRED, Record, spf
from mailwright.dns.authority import Answer, Authority, Outcome, Server
from mailwright.dns.resolver import Resolver

_SIDE_BY_SIDE = 32
_NO_ALIAS = ("a", "aaaa")  # the names that MX lead to (RFC 2181 section 10.3)
_STRANGERS = ("203.0.113.77", "192.0.2.77", "2001:db8:77::77")
_PERMERROR = "permerror"


class Unasked(Exception):  # noqa: N818
    """A look-up of an SPF evaluation that nobody answers: temperror."""


@dataclass
class Check:
    """One look at the world. `senders` are the addresses that our mail comes from."""

    authority: Authority
    resolver: Resolver
    senders: Sequence[str] = ()

    def findings(self, records: Iterable[Record]) -> list[Finding]:
        """All of them, each once, in the order of the records."""
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            found = [each for some in pool.map(self._record, records) for each in some]
        return list(dict.fromkeys(found))

    def _record(self, record: Record) -> list[Finding]:
        zone = self.authority.zone(record.name)
        answers = self.authority.ask(record.name, record.type)
        known = [answer for answer in answers if answer.outcome.is_known]
        subject = f"zone {zone.rstrip('.') or '.'}"
        found = [_trouble(subject, a, bool(known)) for a in answers if a not in known]
        if self.resolver.ask(record.name, record.type).outcome == Outcome.BOGUS:
            what = "its signatures do not hold, so validating resolvers see nothing of it"
            found.append(Finding(subject, "bogus", Severity.ERROR, what))
        said = {answer.server: self._faults(record, answer) for answer in known}
        found += _agreed(record, said)
        if record.purpose == "spf" and known and not any(said.values()):
            found += self._evaluated(record, known[0])
        return found

    def _faults(self, record: Record, answer: Answer) -> tuple[meaning.Fault, ...]:
        if answer.alias is None:
            return tuple(self._judged(record, answer.rdatas))
        if record.type == "CNAME":
            return ()
        if record.purpose in _NO_ALIAS:
            what = f"it is an alias of {answer.alias}, and what MX leads to must be none"
            return (("alias", what, None),)
        reply = self.resolver.ask(answer.alias, record.type)
        return tuple(self._judged(record, reply.rdatas))

    def _judged(self, record: Record, rdatas: Sequence[Rdata]) -> list[meaning.Fault]:
        if record.type == "CNAME" and not rdatas and self._leads_there(record):
            return []
        return meaning.faults(record, rdatas)

    def _leads_there(self, record: Record) -> bool:
        """Whether a name that is no alias has the addresses that the alias would lead to."""
        kinds = ("A", "AAAA")
        here = [self.resolver.ask(record.name, kind).values for kind in kinds]
        there = [self.resolver.ask(record.values[0], kind).values for kind in kinds]
        return any(here) and all({*a} <= {*b} for a, b in zip(here, there, strict=True))

    def _evaluated(self, record: Record, answer: Answer) -> Iterator[Finding]:
        """SPF gives each sending address, and a stranger's, the verdict that it should."""
        published = next((v for v in answer.values if spf.is_spf(v)), None)
        name = record.name.rstrip(".")
        for ip in (*self.senders, *_STRANGERS):
            try:
                is_, should = (self._verdict(name, ip, t) for t in (published, record.values[0]))
            except Unasked as error:
                what = f"cannot be evaluated: {error}"
                yield Finding(record.id, "unasked", Severity.UNASKED, what)
                return
            if is_ != should or is_ == _PERMERROR:
                what = f"a message from {ip} gets {is_}, and should get {should}"
                yield _finding(record, (meaning.CHANGED, what, None))
                return

    def _verdict(self, name: str, ip: str, record: str | None) -> str:
        address = ipaddress.ip_address(ip)
        message = Evaluation(self._look_up, address, f"postmaster@{name}", name)
        return message.result(name, record)

    def _look_up(self, name: str, kind: str) -> Sequence[str]:
        reply = self.resolver.ask(name, kind)
        if not reply.outcome.is_known:
            raise Unasked(f"{name} {kind}: {reply.outcome}")
        return reply.values


def _trouble(subject: str, answer: Answer, is_known: bool) -> Finding:
    """A server that does not tell, while others do or not."""
    what = f"{answer.server} {answer.fault}"
    if answer.outcome == Outcome.LAME:
        return Finding(subject, f"lame {answer.server.name}", Severity.ERROR, what)
    level = Severity.WARNING if is_known else Severity.UNASKED
    return Finding(subject, f"silent {answer.server.name}", level, what)


def _agreed(record: Record, said: dict[Server, tuple[meaning.Fault, ...]]) -> Iterator[Finding]:
    """What all servers say is a fault of the record; what some say has not spread."""
    for fault in dict.fromkeys(fault for some in said.values() for fault in some):
        where = [server for server, some in said.items() if fault in some]
        if len(where) == len(said):
            yield _finding(record, fault)
        else:
            servers = ", ".join(map(str, where))
            kind, what, level = fault
            yield _finding(record, ("differs", f"at {servers}: {what} ({kind})", level))


def _finding(record: Record, fault: meaning.Fault) -> Finding:
    kind, what, level = fault
    own = Severity.ERROR if record.level == REQUIRED else Severity.WARNING
    lines = tuple(f"{record.name} {record.ttl} IN {record.type} {data}" for data in record.data)
    return Finding(record.id, kind, level or own, what, record.why, lines)
