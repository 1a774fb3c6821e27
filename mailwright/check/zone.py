"""Asks for each record everywhere, and puts together what the servers say."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import dns.name
from dns.rdata import Rdata

from mailwright.check import identity, tree_walk
from mailwright.check.check_host import Unasked
from mailwright.check.identity import Sender
from mailwright.dns import meaning
from mailwright.dns.fault import CHANGED, DUPLICATE, MISSING, Fault
from mailwright.dns.purposes import dmarc
from mailwright.dns.record import REQUIRED, Record
from mailwright.model import spf
from mailwright.model.problems import shown
from mailwright.net.authority import Answer, Authority, Outcome, Server
from mailwright.net.resolver import Reply, Resolver
from mailwright.report.finding import Finding, Severity

_SIDE_BY_SIDE = 32
_NO_ALIAS = ("a", "aaaa")  # the names that MX lead to (RFC 2181 section 10.3)


@dataclass
class Check:
    """One look at the world.

    `senders` is where our mail comes from, `domains` are ours, `dane` the hosts whose keys are
    published as TLSA.
    """

    authority: Authority
    resolver: Resolver
    senders: Sequence[Sender] = ()
    domains: Collection[str] = ()
    dane: Collection[str] = ()
    _said: dict[str, list[Answer]] = field(default_factory=dict, repr=False)

    def findings(self, records: Iterable[Record]) -> list[Finding]:
        """All of them, each once, in the order of the records."""
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            found = [each for some in pool.map(self._record, records) for each in some]
        return list(dict.fromkeys(found))

    def _record(self, record: Record) -> list[Finding]:
        zone = self.authority.zone(record.name)
        answers = self.authority.ask(record.name, record.type)
        known = [answer for answer in answers if answer.outcome.is_known]
        subject = _zone(zone)
        found = [_trouble(subject, a, bool(known)) for a in answers if a not in known]
        reply = self.resolver.ask(record.name, record.type)
        if reply.outcome == Outcome.BOGUS:
            what = "its signatures do not hold, so validating resolvers see nothing of it"
            found.append(Finding(subject, "bogus", Severity.ERROR, what))
        said = {answer.server: self._faults(record, answer) for answer in known}
        found += _agreed(record, said)
        found += self._secure(record, zone, reply)
        if known and not any(said.values()):
            found += self._remembered(record, reply)
            found += self._nonterminals(record, zone)
            found += self._unanswered(record, self._evaluated(record, known))
        if record.purpose == "dmarc" and known:
            kinds = {kind for some in said.values() for kind, _, _ in some}
            found += self._unanswered(record, self._walked(record, kinds))
        return found

    def _unanswered(self, record: Record, found: Iterator[Finding]) -> Iterator[Finding]:
        try:
            yield from found
        except Unasked as error:
            what = f"cannot be evaluated: {error}"
            yield Finding(record.id, "unasked", Severity.UNASKED, what)

    def _secure(self, record: Record, zone: str, reply: Reply) -> Iterator[Finding]:
        """What DANE rests on is signed, the whole way from the root (RFC 7672 section 2.2)."""
        is_mx = record.purpose == "mx"
        host = _exchange(record) if is_mx else record.name.removeprefix("_25._tcp.")
        is_asked = is_mx or record.purpose in ("a", "aaaa", "tlsa")
        if not is_asked or host.rstrip(".") not in self.dane or not reply.outcome.is_known:
            return
        if reply.is_secure or (is_mx and self.authority.zone(host) == zone):
            return
        if not self.resolver.validates():
            where = f"resolver {self.resolver.addresses[0]}"
            what = "does not validate, so nobody can tell whether DANE works; name another one"
            yield Finding(where, "unvalidating", Severity.UNASKED, f"{what} (--resolver)")
        elif is_mx:
            what = f"not signed, so senders do not ask for the TLSA record of {host.rstrip('.')}"
            yield Finding(_zone(zone), "unsigned mx", Severity.WARNING, what)
        else:
            what = f"not signed, so the TLSA record of {host.rstrip('.')} has no effect"
            why = "DANE believes only what DNSSEC vouches for (RFC 7672 section 2.2)."
            yield Finding(_zone(zone), "unsigned", Severity.ERROR, what, why)

    def _remembered(self, record: Record, reply: Reply) -> Iterator[Finding]:
        """All servers are right, and the resolver still knows what was there before."""
        old = self._judged(record, reply.rdatas) if reply.outcome.is_known else []
        for kind, what, _ in old[:1]:
            for_ = f", for {reply.ttl} seconds at most" if reply.ttl else ""
            text = f"has not spread: the resolver still remembers{for_} that {what} ({kind})"
            yield Finding(record.id, "remembered", Severity.NOTE, text)

    def _nonterminals(self, record: Record, zone: str) -> Iterator[Finding]:
        """Every name between a record and its zone exists as well (RFC 8020)."""
        name, origin = dns.name.from_text(record.name).parent(), dns.name.from_text(zone)
        while name != origin and name.is_subdomain(origin):
            for answer in self._existing(str(name)):
                if answer.outcome == Outcome.NO_NAME:
                    what = f"{answer.server} says that {name} does not exist"
                    why = f"{what}, so resolvers look for nothing below (RFC 8020)"
                    yield _finding(record, ("nonterminal", why, None))
            name = name.parent()

    def _existing(self, name: str) -> list[Answer]:
        """What servers say of a name that other records share."""
        if name not in self._said:
            self._said[name] = self.authority.ask(name, "TXT")
        return self._said[name]

    def _walked(self, record: Record, kinds: Collection[str]) -> Iterator[Finding]:
        """What other DMARC records make of a domain's policy (RFC 9989 section 4.10)."""
        domain = record.name.removeprefix("_dmarc.").rstrip(".")
        steps = list(tree_walk.walk(domain, lambda name: self._look_up(name, "TXT")))
        if {MISSING, DUPLICATE} & {*kinds}:
            if by := tree_walk.deciding(domain, steps):
                what = f"until then _dmarc.{by.name} decides: {shown(by.text)}"
                yield Finding(record.id, "instead", Severity.NOTE, what)
            return
        if steps and steps[0].name == domain and steps[0].psd == "n":
            yield from self._cut_off(record, domain)
        organization = tree_walk.organizational(domain, steps)
        if organization != domain and organization not in self.domains and not _is_strict(record):
            what = f"_dmarc.{organization} makes it a part of {organization}"
            what += ": whoever sends for any name below that passes for this one (adkim, aspf)"
            yield Finding(record.id, "above", Severity.NOTE, what)
        yield from self._below(record, domain)

    def _cut_off(self, record: Record, domain: str) -> Iterator[Finding]:
        """`psd=n` makes a domain an organization of its own, which the highest one is anyway."""
        parent = domain.partition(".")[2]
        above = [*tree_walk.walk(parent, lambda name: self._look_up(name, "TXT"))] if parent else []
        if organization := next((step.name for step in above if step.psd != "y"), ""):
            what = (
                f"psd=n makes it no part of {organization}: neither's mail passes for the other's"
            )
            yield _finding(record, (CHANGED, what, None))

    def _below(self, record: Record, domain: str) -> Iterator[Finding]:
        """A wildcard answers for every `_dmarc` below the domain; `sp` and `np` are not asked."""
        name = f"_dmarc.{uuid.uuid4().hex[:12]}.{domain}"
        texts = [text for text in self._look_up(f"{name}.", "TXT") if dmarc.is_record(text)]
        if len(texts) == 1 and not dmarc.is_same(texts[0], record.values[0]):
            what = f"a wildcard gives names below it, such as {name}, another policy"
            why = "Receivers take the record at the name itself first (RFC 9989 section 4.10)."
            yield Finding(record.id, "below", Severity.WARNING, f"{what}: {shown(texts[0])}", why)

    def _faults(self, record: Record, answer: Answer) -> tuple[Fault, ...]:
        if answer.alias is None:
            return tuple(self._judged(record, answer.rdatas))
        if record.type == "CNAME":
            return ()
        if record.purpose in _NO_ALIAS:
            what = f"it is an alias of {answer.alias}, and what MX leads to must be none"
            return (("alias", what, None),)
        reply = self.resolver.ask(answer.alias, record.type)
        return tuple(self._judged(record, reply.rdatas))

    def _judged(self, record: Record, rdatas: Sequence[Rdata]) -> list[Fault]:
        if record.type == "CNAME" and not rdatas and self._leads_there(record):
            return []
        return meaning.faults(record, rdatas)

    def _leads_there(self, record: Record) -> bool:
        """Whether a name that is no alias has the addresses that the alias would lead to."""
        kinds = ("A", "AAAA")
        here = [self.resolver.ask(record.name, kind).values for kind in kinds]
        there = [self.resolver.ask(record.values[0], kind).values for kind in kinds]
        return any(here) and all({*a} <= {*b} for a, b in zip(here, there, strict=True))

    def _evaluated(self, record: Record, known: Sequence[Answer]) -> Iterator[Finding]:
        """What each server publishes as SPF gives everybody the verdict that it should.

        Raises Unasked where DNS does not tell.
        """
        if record.purpose == "spf":
            texts = {a.server: next(filter(spf.is_spf, a.values), None) for a in known}
            faults = {text: tuple(self._verdicts(record, text)) for text in {*texts.values()}}
            yield from _agreed(record, {server: faults[text] for server, text in texts.items()})

    def _verdicts(self, record: Record, published: str | None) -> Iterator[Fault]:
        for letter in identity.letters(record.name.rstrip("."), self.senders):
            is_ = letter.result(self._look_up, published)
            should = letter.result(self._look_up, record.values[0])
            if is_ != should or is_ == identity.PERMERROR:
                yield CHANGED, f"{letter} gets {is_}, and should get {should}", None
                return
        yield from identity.others(record, published, self.senders)

    def _look_up(self, name: str, kind: str) -> Sequence[str]:
        reply = self.resolver.ask(name, kind)
        if not reply.outcome.is_known:
            raise Unasked(f"{name} {kind}: {reply.outcome}")
        return reply.values


def _zone(origin: str) -> str:
    return f"zone {origin.rstrip('.') or '.'}"


def _exchange(record: Record) -> str:
    return str(record.rdatas[0].exchange)


def _is_strict(record: Record) -> bool:
    has = dmarc.meaning(record.values[0])
    return has.get("adkim") == has.get("aspf") == "s"


def _trouble(subject: str, answer: Answer, is_known: bool) -> Finding:
    """A server that does not tell, while others do or not."""
    what = f"{answer.server} {answer.fault}"
    if answer.outcome == Outcome.LAME:
        return Finding(subject, f"lame {answer.server.name}", Severity.ERROR, what)
    level = Severity.WARNING if is_known else Severity.UNASKED
    return Finding(subject, f"silent {answer.server.name}", level, what)


def _agreed(record: Record, said: dict[Server, tuple[Fault, ...]]) -> Iterator[Finding]:
    """What all servers say is a fault of the record; what some say has not spread."""
    for fault in dict.fromkeys(fault for some in said.values() for fault in some):
        where = [server for server, some in said.items() if fault in some]
        if len(where) == len(said):
            yield _finding(record, fault)
        else:
            servers = ", ".join(map(str, where))
            kind, what, level = fault
            yield _finding(record, ("differs", f"at {servers}: {what} ({kind})", level))


def _finding(record: Record, fault: Fault) -> Finding:
    kind, what, level = fault
    own = Severity.ERROR if record.level == REQUIRED else Severity.WARNING
    lines = tuple(f"{record.name} {record.ttl} IN {record.type} {data}" for data in record.data)
    return Finding(record.id, kind, level or own, what, record.why, lines)
