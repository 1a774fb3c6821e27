"""A, AAAA and PTR: a host's name leads to its addresses, and they lead back to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from mailwright.dns.fault import alike
from mailwright.dns.purpose import Purpose, Rule, once_there
from mailwright.dns.record import Record
from mailwright.model.host import MailHost


def of_host(host: MailHost, is_domain: bool) -> Iterator[Record]:
    """One record for each address, and one for the way back."""
    name = f"{host.name}."
    if host.ipv4:
        why = "Where the host is: a name in EHLO has an address (RFC 5321 section 2.3.5)."
        yield Record("a", name, "A", (host.ipv4,), why)
    if host.ipv6:
        yield Record("aaaa", name, "AAAA", (host.ipv6,), "Where the host is over IPv6 (RFC 3596).")
    for ip in host.addresses:
        why = "Servers refuse an address whose name does not lead back to it (RFC 1912 2.1)."
        yield Record("ptr", f"{ipaddress.ip_address(ip).reverse_pointer}.", "PTR", (name,), why)


# What lies beside a host's address is where mail gets lost.
_ONLY = Rule(alike(more=None))
PURPOSE = Purpose(
    of_host=of_host, rules={"a": _ONLY, "aaaa": _ONLY, "ptr": Rule(beside=once_there)}
)
