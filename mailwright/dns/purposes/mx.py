"""MX: the host that takes a domain's mail, or that none does (RFC 5321, RFC 7505)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mailwright.dns.fault import CHANGED, DUPLICATE, MISSING, MORE, Fault
from mailwright.dns.purpose import Presence, Purpose, Rule
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.domain import Domain
from mailwright.model.problems import listed
from mailwright.report.finding import Severity


def of_domain(domain: Domain, presence: Presence) -> Iterator[Record]:
    """Its one host."""
    why = "The host that takes the domain's mail (RFC 5321 section 5.1)."
    yield Record("mx", f"{domain.name}.", "MX", (f"10 {domain.host}.",), why)


def no_mail(name: str) -> Iterator[Record]:
    """The null MX."""
    why = "No mail is taken here, and senders know it at once (RFC 7505)."
    yield Record("mx", f"{name}.", "MX", ("0 .",), why, RECOMMENDED)


def judge(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
    """Whether mail goes to our host, and to it first."""
    (wanted,) = record.rdatas
    found = [i for i in rdatas if i.exchange == wanted.exchange]
    others = [i for i in rdatas if i.exchange != wanted.exchange]
    is_null = wanted.exchange.labels == (b"",)
    if not rdatas:
        yield MISSING, "there is no MX record", None
    elif not found:
        yield CHANGED, f"mail goes to {listed(map(str, others), 'and')}, not {wanted}", None
    elif any(i.exchange.labels == (b"",) for i in rdatas) and len(rdatas) > 1:
        yield DUPLICATE, "the null MX must be the only one (RFC 7505 section 3)", Severity.ERROR
    elif is_null and found[0].preference:
        yield CHANGED, "the null MX has preference 0 (RFC 7505 section 3)", Severity.WARNING
    elif others:
        first = min(i.preference for i in others) <= min(i.preference for i in found)
        what = "comes before our host" if first else "is a backup"
        level = Severity.WARNING if first else Severity.NOTE
        yield MORE, f"{listed(map(str, others), 'and')} {what}", level


def beside(record: Record, foreign: Sequence[Any], is_missing: bool) -> bool:
    """Others may take mail where ours does; a null MX stands alone (RFC 7505 section 3)."""
    both = (*record.rdatas, *foreign)
    return not is_missing and all(len(data.exchange.labels) > 1 for data in both)


PURPOSE = Purpose(of_domain=of_domain, no_mail=no_mail, rules={"mx": Rule(judge, beside=beside)})
