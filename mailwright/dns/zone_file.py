"""The records of one host and of one domain, in the order of a zone file."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mailwright.dns.purposes import (
    address,
    autoconfig,
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


def of_host(host: MailHost, is_domain: bool) -> Iterator[Record]:
    """Once for all domains that it serves. A mail domain of its name has the policies."""
    yield from address.of_host(host)
    if not is_domain:
        yield from spf.of_host(host)
        yield from dmarc.of_host(host)
    yield from dkim.of_host(host)
    yield from caa.of_host(host)
    yield from tlsa.of_host(host)
    if not is_domain:
        yield from tls_rpt.of_host(host)


def of_domain(
    domain: Domain, is_host: bool, offered: Collection[str], web: Collection[str]
) -> Iterator[Record]:
    """`offered` are the protocols that its mailboxes may use, `web` the names of its site."""
    if domain.parked:
        yield from no_mail(domain.name)
        return
    yield from mx.of_domain(domain)
    yield from spf.of_domain(domain, is_host)
    yield from dkim.of_domain(domain)
    yield from dmarc.of_domain(domain)
    yield from mta_sts.of_domain(domain, web)
    yield from tls_rpt.of_domain(domain)
    yield from srv.of_domain(domain, offered)
    yield from autoconfig.of_domain(domain, web)
    for name in domain.policy.no_mail:
        yield from no_mail(name)


def no_mail(name: str) -> Iterator[Record]:
    """The complete no: nothing is sent from this name, and nothing taken."""
    yield from mx.no_mail(name)
    yield from spf.no_mail(name)
    yield from dmarc.no_mail(name)


def reaches_out(domain: Domain) -> bool:
    """Whether there are records of it that do not end in its name."""
    return bool(domain.dkim_delegated or dmarc.outside(domain))
