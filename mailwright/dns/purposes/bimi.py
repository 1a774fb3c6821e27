"""BIMI: the logo that receivers show beside a domain's mail.

Sections are those of draft-brand-indicators-for-message-identification.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailwright.dns.fault import tagged
from mailwright.dns.purpose import Presence, Purpose, Rule
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.domain import Domain

_VERSION = "v=BIMI1"


def of_domain(domain: Domain, presence: Presence) -> Iterator[Record]:
    """Its logo, and the evidence for it if there is any; for mail that names no other selector."""
    if bimi := domain.policy.bimi:
        why = "Receivers may show this logo beside mail that passes DMARC (BIMI section 4.3)."
        value = f"{_VERSION}; l={bimi.logo}" + (f"; a={bimi.evidence}" if bimi.evidence else "")
        yield Record("bimi", f"default._bimi.{domain.name}.", "TXT", (value,), why, RECOMMENDED)


PURPOSE = Purpose(of_domain=of_domain, rules={"bimi": Rule(tagged(_VERSION, "l", "a"), _VERSION)})
