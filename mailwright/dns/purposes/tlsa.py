"""TLSA: the key that a host shows at port 25, for servers that know DANE (RFC 7672)."""

from __future__ import annotations

from collections.abc import Iterator

from mailwright.dns.record import Record
from mailwright.model.host import MailHost


def of_host(host: MailHost) -> Iterator[Record]:
    """The keys that it serves with, now and next; nothing where it has no DANE."""
    if host.tlsa:
        why = "Servers that know DANE demand TLS with this key (RFC 7672); the zone must be signed."
        yield Record("tlsa", f"_25._tcp.{host.name}.", "TLSA", host.tlsa, why)
