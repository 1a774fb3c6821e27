"""Autoconfig and Autodiscover: where mail programs are told how to reach a mailbox."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.domain import Domain
from mailwright.model.policy import AUTOCONFIG, AUTODISCOVER


def of_domain(domain: Domain, web: Collection[str]) -> Iterator[Record]:
    """Those of the names in `web`, which are served."""
    host = f"{domain.host}."
    if (name := f"{AUTOCONFIG}.{domain.name}") in web:
        why = "Thunderbird and others find their settings here (draft-ietf-mailmaint-autoconfig)."
        yield Record("autoconfig", f"{name}.", "CNAME", (host,), why, RECOMMENDED)
    if (name := f"{AUTODISCOVER}.{domain.name}") in web:
        why = "Outlook and others find their settings here (MS-OXDSCLI)."
        yield Record("autodiscover", f"{name}.", "CNAME", (host,), why, RECOMMENDED)
