"""SPF: which servers send for a name (RFC 7208)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mailwright.dns.fault import CHANGED, Fault, counted, such
from mailwright.dns.purpose import Presence, Purpose, Rule
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model import spf
from mailwright.model.domain import Domain
from mailwright.model.host import MailHost
from mailwright.model.problems import Invalid, shown
from mailwright.report.finding import Severity


def of_host(host: MailHost, is_domain: bool) -> Iterator[Record]:
    """For the name in its EHLO."""
    if not is_domain:
        why = "A bounce has no sender: SPF takes the host's EHLO name (RFC 7208 section 2.4)."
        yield Record("spf", f"{host.name}.", "TXT", (spf.value(["a"]),), why)


def of_domain(domain: Domain, presence: Presence) -> Iterator[Record]:
    """Where it is the name of a host as well, it is for its EHLO too."""
    why = "Only the domain's own servers send for it (RFC 7208)."
    senders = domain.spf_senders(presence.is_host, presence.addresses)
    value = spf.value(senders, domain.policy.spf)
    yield Record("spf", f"{domain.name}.", "TXT", (value,), why)


def no_mail(name: str) -> Iterator[Record]:
    """Nobody."""
    why = "No server sends for this name (RFC 7208 section 10.1.2)."
    yield Record("spf", f"{name}.", "TXT", (spf.value([]),), why, RECOMMENDED)


def judge(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
    """Whether there is one that can be read; `check.zone` evaluates it."""
    found = such(rdatas, spf.is_spf)
    yield from counted(record, rdatas, found)
    for value in such(rdatas, spf.is_meant):
        level = Severity.WARNING if found else None
        yield "meant", f"{shown(value)} is meant as SPF, and none", level
    if len(found) == 1:
        try:
            spf.parse(found[0])
        except Invalid as error:
            yield CHANGED, f"{shown(error.value)} {error.what}: permerror", None


PURPOSE = Purpose(of_host=of_host, of_domain=of_domain, no_mail=no_mail, rules={"spf": Rule(judge)})
