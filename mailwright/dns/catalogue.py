"""All purposes: the records of one host and of one domain, in the order of a zone file."""

from __future__ import annotations

from collections.abc import Iterator

from mailwright.dns.purpose import Presence
from mailwright.dns.purposes import (
    address,
    autoconfig,
    bimi,
    caa,
    dkim,
    dmarc,
    mta_sts,
    mx,
    spf,
    srv,
    tls_rpt,
    tlsa,
)
from mailwright.dns.record import Record
from mailwright.model.domain import Domain
from mailwright.model.host import MailHost

OF_HOSTS = (
    address.PURPOSE,
    spf.PURPOSE,
    dmarc.PURPOSE,
    dkim.PURPOSE,
    caa.PURPOSE,
    tlsa.PURPOSE,
    tls_rpt.PURPOSE,
)
OF_DOMAINS = (
    mx.PURPOSE,
    spf.PURPOSE,
    dkim.PURPOSE,
    dmarc.PURPOSE,
    bimi.PURPOSE,
    mta_sts.PURPOSE,
    tls_rpt.PURPOSE,
    srv.PURPOSE,
    autoconfig.PURPOSE,
)
PURPOSES = (*OF_HOSTS, *OF_DOMAINS)


def of_host(host: MailHost, is_domain: bool) -> Iterator[Record]:
    """Once for all domains that it serves. A mail domain of its name has the policies."""
    for each in OF_HOSTS:
        yield from each.of_host(host, is_domain)


def of_domain(domain: Domain, presence: Presence) -> Iterator[Record]:
    """With those of the names below it that have no mail."""
    if domain.parked:
        yield from no_mail(domain.name)
        return
    for each in OF_DOMAINS:
        yield from each.of_domain(domain, presence)
    for name in domain.policy.no_mail:
        yield from no_mail(name)


def no_mail(name: str) -> Iterator[Record]:
    """The complete no: nothing is sent from this name, and nothing taken."""
    for each in OF_DOMAINS:
        yield from each.no_mail(name)


def reaches_out(domain: Domain) -> bool:
    """Whether there are records of it that do not end in its name."""
    return any(each.reaches_out(domain) for each in OF_DOMAINS)
