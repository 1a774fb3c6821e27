"""MTA-STS: that servers which can, deliver with TLS or not at all (RFC 8461)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mailwright.dns.fault import tagged
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.domain import Domain
from mailwright.model.policy import MTA_STS


def of_domain(domain: Domain, web: Collection[str]) -> Iterator[Record]:
    """A policy that none of the names in `web` serves is not announced."""
    if f"{MTA_STS}.{domain.name}" in web:
        name, host = f"{domain.name}.", f"{domain.host}."
        why = "Senders look for the policy that says: only with TLS (RFC 8461 section 3.1)."
        value = f"v=STSv1; id={domain.policy.mta_sts_id(domain.host)}"
        yield Record("mta-sts", f"_mta-sts.{name}", "TXT", (value,), why, RECOMMENDED)
        why = "Where the policy is shown, over HTTPS (RFC 8461 section 3.3)."
        yield Record("mta-sts-host", f"{MTA_STS}.{name}", "CNAME", (host,), why, RECOMMENDED)


judge = tagged("v=STSv1")
