"""The records of a mail host, once for all domains that it serves."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from mailwright.dns.purposes import caa, dmarc, tls_rpt
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model import spf
from mailwright.model.host import MailHost
from mailwright.model.policy import Dmarc


def records(host: MailHost, is_domain: bool) -> Iterator[Record]:
    """In the order of a zone file. What is a mail domain as well has that domain's policies."""
    name = f"{host.name}."
    if host.ipv4:
        why = "Where the host is: a name in EHLO has an address (RFC 5321 section 2.3.5)."
        yield Record("a", name, "A", (host.ipv4,), why)
    if host.ipv6:
        yield Record("aaaa", name, "AAAA", (host.ipv6,), "Where the host is over IPv6 (RFC 3596).")
    for ip in host.addresses:
        why = "Servers refuse an address whose name does not lead back to it (RFC 1912 2.1)."
        yield Record("ptr", f"{ipaddress.ip_address(ip).reverse_pointer}.", "PTR", (name,), why)
    if not is_domain:
        why = "A bounce has no sender: SPF takes the host's EHLO name (RFC 7208 section 2.4)."
        yield Record("spf", name, "TXT", (spf.value(["a"]),), why)
        why = "Only the host itself writes from its name, and SPF covers that (RFC 9989)."
        policy = dmarc.value(Dmarc("reject"))
        yield Record("dmarc", f"_dmarc.{name}", "TXT", (policy,), why, RECOMMENDED)
    if domain := host.domain_lending:
        why = f"What the host itself writes, bounces too, is signed with a key of {domain.name}."
        for key in domain.published:
            place = f"{key.selector}._domainkey.{name}"
            yield Record("dkim", place, "TXT", (key.record,), why, RECOMMENDED)
    if host.caa:
        why = "Only these authorities may issue certificates for the host (RFC 8659)."
        yield Record("caa", name, "CAA", caa.values(host.caa, host.postmaster), why, RECOMMENDED)
    if host.tlsa:
        why = "Servers that know DANE demand TLS with this key (RFC 7672); the zone must be signed."
        yield Record("tlsa", f"_25._tcp.{name}", "TLSA", host.tlsa, why)
        if not is_domain:
            why = "Who cannot reach the host with TLS tells us of it (RFC 8460 section 3)."
            value = tls_rpt.value((host.postmaster,))
            yield Record("tls-rpt", f"_smtp._tls.{name}", "TXT", (value,), why, RECOMMENDED)
