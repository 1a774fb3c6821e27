"""The records of a mail domain, and of names that have nothing to do with mail."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mailwright.dns.purposes import dkim, dmarc, srv, tls_rpt
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model import spf
from mailwright.model.domain import Domain
from mailwright.model.policy import AUTOCONFIG, AUTODISCOVER, MTA_STS, Dmarc


def records(
    domain: Domain, is_host: bool, offered: Collection[str], web: Collection[str]
) -> Iterator[Record]:
    """In the order of a zone file.

    `offered` are the protocols that its mailboxes may use, `web` the names of its site.
    """
    if domain.parked:
        yield from no_mail(domain.name)
        return
    name, policy = f"{domain.name}.", domain.policy
    why = "The host that takes the domain's mail (RFC 5321 section 5.1)."
    yield Record("mx", name, "MX", (f"10 {domain.host}.",), why)

    why = "Only the domain's own servers send for it (RFC 7208)."
    yield Record("spf", name, "TXT", (spf.value(domain.spf_senders(is_host), policy.spf),), why)

    yield from dkim.records(domain)

    why = "What receivers do with mail that fails SPF and DKIM, and whom they tell (RFC 9989)."
    yield Record("dmarc", f"_dmarc.{name}", "TXT", (dmarc.value(policy.dmarc),), why)
    for other in dmarc.outside(domain.name, policy.dmarc):
        why = f"{other} agrees to get the DMARC reports of {domain.name} (RFC 9990 section 4)."
        there = f"{domain.name}._report._dmarc.{other}."
        yield Record("dmarc-report", there, "TXT", ("v=DMARC1",), why)

    yield from _transport(domain, web)
    for service, value in srv.values(offered, domain.host):
        state = "There is no" if value == srv.NOT_OFFERED else "Mail programs find"
        why = f"{state} {service.what} at port {service.port} ({service.source})."
        yield Record("srv", f"_{service.service}._tcp.{name}", "SRV", (value,), why, RECOMMENDED)
    yield from _settings(domain, web)
    for without in policy.no_mail:
        yield from no_mail(without)


def reaches_out(domain: Domain) -> bool:
    """Whether there are records of it that do not end in its name."""
    return bool(domain.dkim_delegated or dmarc.outside(domain.name, domain.policy.dmarc))


def _transport(domain: Domain, web: Collection[str]) -> Iterator[Record]:
    """How other servers reach the domain: with TLS, and whom they tell when it fails.

    A policy that nothing serves is not announced.
    """
    name, policy = f"{domain.name}.", domain.policy
    if f"{MTA_STS}.{domain.name}" in web:
        why = "Senders look for the policy that says: only with TLS (RFC 8461 section 3.1)."
        value = f"v=STSv1; id={policy.mta_sts_id(domain.host)}"
        yield Record("mta-sts", f"_mta-sts.{name}", "TXT", (value,), why, RECOMMENDED)
        why = "Where the policy is shown, over HTTPS (RFC 8461 section 3.3)."
        host = f"{domain.host}."
        yield Record("mta-sts-host", f"{MTA_STS}.{name}", "CNAME", (host,), why, RECOMMENDED)
    if policy.tls_rpt:
        why = "Who cannot reach the domain with TLS tells us of it (RFC 8460 section 3)."
        value = tls_rpt.value(policy.tls_rpt)
        yield Record("tls-rpt", f"_smtp._tls.{name}", "TXT", (value,), why, RECOMMENDED)


def _settings(domain: Domain, web: Collection[str]) -> Iterator[Record]:
    """Where mail programs are told how to reach a mailbox."""
    host = f"{domain.host}."
    if (name := f"{AUTOCONFIG}.{domain.name}") in web:
        why = "Thunderbird and others find their settings here (draft-ietf-mailmaint-autoconfig)."
        yield Record("autoconfig", f"{name}.", "CNAME", (host,), why, RECOMMENDED)
    if (name := f"{AUTODISCOVER}.{domain.name}") in web:
        why = "Outlook and others find their settings here (MS-OXDSCLI)."
        yield Record("autodiscover", f"{name}.", "CNAME", (host,), why, RECOMMENDED)


def no_mail(name: str) -> Iterator[Record]:
    """The complete no: nothing is sent from this name, and nothing taken."""
    why = "No mail is taken here, and senders know it at once (RFC 7505)."
    yield Record("mx", f"{name}.", "MX", ("0 .",), why, RECOMMENDED)
    why = "No server sends for this name (RFC 7208 section 10.1.2)."
    yield Record("spf", f"{name}.", "TXT", (spf.value([]),), why, RECOMMENDED)
    why = "What claims to be from this name is a forgery (RFC 9989)."
    value = dmarc.value(Dmarc("reject"))
    yield Record("dmarc", f"_dmarc.{name}.", "TXT", (value,), why, RECOMMENDED)
