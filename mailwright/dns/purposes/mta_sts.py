"""MTA-STS: that servers which can, deliver with TLS or not at all (RFC 8461)."""

from __future__ import annotations

from collections.abc import Iterator

from mailwright.dns.fault import tagged
from mailwright.dns.purpose import Presence, Purpose, Rule
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.domain import Domain
from mailwright.model.policy import MTA_STS

_VERSION = "v=STSv1"


def of_domain(domain: Domain, presence: Presence) -> Iterator[Record]:
    """A policy that no web name serves is not announced."""
    if f"{MTA_STS}.{domain.name}" in presence.web:
        name, host = f"{domain.name}.", f"{domain.host}."
        why = "Senders look for the policy that says: only with TLS (RFC 8461 section 3.1)."
        value = f"{_VERSION}; id={domain.policy.mta_sts_id(domain.host)}"
        yield Record("mta-sts", f"_mta-sts.{name}", "TXT", (value,), why, RECOMMENDED)
        why = "Where the policy is shown, over HTTPS (RFC 8461 section 3.3)."
        yield Record("mta-sts-host", f"{MTA_STS}.{name}", "CNAME", (host,), why, RECOMMENDED)


PURPOSE = Purpose(of_domain=of_domain, rules={"mta-sts": Rule(tagged(_VERSION, "id"), _VERSION)})
