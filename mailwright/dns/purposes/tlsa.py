"""TLSA: the key that a host shows at port 25, for servers that know DANE (RFC 7672)."""

from __future__ import annotations

from collections.abc import Iterator

from mailwright.dns.fault import alike
from mailwright.dns.purpose import Purpose, Rule
from mailwright.dns.record import Record
from mailwright.model.host import MailHost
from mailwright.report.finding import Severity


def of_host(host: MailHost, is_domain: bool) -> Iterator[Record]:
    """The keys that it serves with, now and next; nothing where it has no DANE."""
    if host.tlsa:
        why = "Servers that know DANE demand TLS with this key (RFC 7672); the zone must be signed."
        yield Record("tlsa", f"_25._tcp.{host.name}.", "TLSA", host.tlsa, why)


# One that matches is enough (RFC 7671 section 8).
_RULE = Rule(alike(more=Severity.NOTE), beside=lambda *_: True)
PURPOSE = Purpose(of_host=of_host, rules={"tlsa": _RULE})
