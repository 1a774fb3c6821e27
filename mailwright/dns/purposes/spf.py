"""SPF: which servers send for a name (RFC 7208)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mailwright.dns.fault import CHANGED, Fault, counted, such
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model import spf
from mailwright.model.domain import Domain
from mailwright.model.host import MailHost
from mailwright.model.problems import Invalid, shown


def of_host(host: MailHost) -> Iterator[Record]:
    """For the name in its EHLO."""
    why = "A bounce has no sender: SPF takes the host's EHLO name (RFC 7208 section 2.4)."
    yield Record("spf", f"{host.name}.", "TXT", (spf.value(["a"]),), why)


def of_domain(domain: Domain, is_host: bool) -> Iterator[Record]:
    """`is_host`: it is the name of a host as well, whose EHLO the record is for too."""
    why = "Only the domain's own servers send for it (RFC 7208)."
    value = spf.value(domain.spf_senders(is_host), domain.policy.spf)
    yield Record("spf", f"{domain.name}.", "TXT", (value,), why)


def no_mail(name: str) -> Iterator[Record]:
    """Nobody."""
    why = "No server sends for this name (RFC 7208 section 10.1.2)."
    yield Record("spf", f"{name}.", "TXT", (spf.value([]),), why, RECOMMENDED)


def judge(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
    """Whether there is one that can be read; `check.zone` evaluates it."""
    found = such(rdatas, spf.is_spf)
    yield from counted(record, rdatas, found)
    if len(found) == 1:
        try:
            spf.parse(found[0])
        except Invalid as error:
            yield CHANGED, f"{shown(error.value)} {error.what}: permerror", None
