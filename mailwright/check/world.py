"""What the world sees of an inventory: its records, and what its hosts show."""

from __future__ import annotations

from collections.abc import Collection

from mailwright.check import hosts, issuer, mta_sts
from mailwright.check.identity import Sender
from mailwright.check.zone import Check
from mailwright.dns.records import records, zones
from mailwright.inventory.load import Inventory
from mailwright.model.host import MailHost
from mailwright.net.authority import Authority, Outcome
from mailwright.net.resolver import Resolver
from mailwright.report.finding import Finding, Severity

_NAMES = ("a", "aaaa", "ptr")


def dns_findings(
    inventory: Inventory, resolver: Resolver, names: Collection[str] | None = None
) -> list[Finding]:
    """Of every record, or of those in the zones that are named."""
    if silence := silent(resolver):
        return silence
    by_zone = zones(inventory)
    wanted = by_zone if names is None else names
    some = [record for name in wanted for record in by_zone[name]]
    found = _check(inventory, resolver).findings(some)
    for host in inventory.hosts if names is None else hosts_of(inventory, names):
        if order := issuer.by_host(host):
            found += issuer.findings(host, order, resolver)
    return found


def silent(resolver: Resolver) -> list[Finding]:
    """That the resolver says nothing at all, so that nobody else need be asked."""
    if resolver.ask(".", "SOA").outcome != Outcome.SILENT:
        return []
    subject = f"resolver {resolver.addresses[0]}"
    what = "does not answer, so nothing could be asked; name another one (--resolver)"
    return [Finding(subject, "silent", Severity.UNASKED, what)]


def name_findings(inventory: Inventory, resolver: Resolver) -> list[Finding]:
    """Of the records that make a host's name and addresses belong together."""
    some = (record for record in records(inventory) if record.purpose in _NAMES)
    return _check(inventory, resolver).findings(some)


def _check(inventory: Inventory, resolver: Resolver) -> Check:
    return Check(
        Authority(resolver.stub()),
        resolver,
        [Sender(ip, host.name) for host in inventory.hosts for ip in host.addresses],
        {domain.name for domain in inventory.domains},
        {host.name for host in inventory.hosts if host.dane},
    )


def host_findings(
    inventory: Inventory, resolver: Resolver, names: Collection[str]
) -> list[Finding]:
    """Of the hosts of the domains that are named, and of their policies."""
    if silent(resolver):
        return []
    domains = [domain for domain in inventory.domains if domain.name in names]
    some = hosts_of(inventory, names)
    return [*hosts.findings(some, resolver), *mta_sts.findings(domains, resolver)]


def hosts_of(inventory: Inventory, names: Collection[str]) -> list[MailHost]:
    """The hosts that take or send the mail of the domains that are named."""
    used = {host for d in inventory.domains if d.name in names for host in d.senders}
    return [host for host in inventory.hosts if host.name in used]
