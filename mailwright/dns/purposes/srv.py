"""SRV: where a mail program finds the services of a domain, and which there are not (RFC 6186)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.domain import Domain
from mailwright.model.services import CLIENT

_NOT_OFFERED = "0 0 0 ."  # RFC 6186 section 3.4


def of_domain(domain: Domain, offered: Collection[str]) -> Iterator[Record]:
    """Each service at the domain's host, as far as its protocol is `offered`."""
    for service in CLIENT:
        is_here = service.protocol in offered
        here = f"{service.priority} 1 {service.port} {domain.host}."
        state = "Mail programs find" if is_here else "There is no"
        why = f"{state} {service.what} at port {service.port} ({service.source})."
        name, value = f"_{service.service}._tcp.{domain.name}.", here if is_here else _NOT_OFFERED
        yield Record("srv", name, "SRV", (value,), why, RECOMMENDED)
