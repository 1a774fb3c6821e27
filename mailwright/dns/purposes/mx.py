"""MX: the host that takes a domain's mail, or that none does (RFC 5321, RFC 7505)."""

from __future__ import annotations

from collections.abc import Iterator

from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.domain import Domain


def of_domain(domain: Domain) -> Iterator[Record]:
    """Its one host."""
    why = "The host that takes the domain's mail (RFC 5321 section 5.1)."
    yield Record("mx", f"{domain.name}.", "MX", (f"10 {domain.host}.",), why)


def no_mail(name: str) -> Iterator[Record]:
    """The null MX."""
    why = "No mail is taken here, and senders know it at once (RFC 7505)."
    yield Record("mx", f"{name}.", "MX", ("0 .",), why, RECOMMENDED)
