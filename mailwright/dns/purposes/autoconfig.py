"""Autoconfig and Autodiscover: where mail programs are told how to reach a mailbox."""

from __future__ import annotations

from collections.abc import Iterator

from mailwright.dns.purpose import Presence, Purpose
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.domain import Domain
from mailwright.model.policy import AUTOCONFIG, AUTODISCOVER


def of_domain(domain: Domain, presence: Presence) -> Iterator[Record]:
    """Those of its web names that are served."""
    host = f"{domain.host}."
    if (name := f"{AUTOCONFIG}.{domain.name}") in presence.web:
        why = "Thunderbird and others find their settings here (draft-ietf-mailmaint-autoconfig)."
        yield Record("autoconfig", f"{name}.", "CNAME", (host,), why, RECOMMENDED)
    if (name := f"{AUTODISCOVER}.{domain.name}") in presence.web:
        why = "Outlook and others find their settings here (MS-OXDSCLI)."
        yield Record("autodiscover", f"{name}.", "CNAME", (host,), why, RECOMMENDED)


PURPOSE = Purpose(of_domain=of_domain)
