"""What the world sees of an inventory: its records, and what its hosts show."""

from __future__ import annotations

from collections.abc import Collection

from mailwright import dns
from mailwright.check import hosts, mta_sts
from mailwright.check.finding import Finding
from mailwright.check.identity import Sender
from mailwright.check.zone import Check
from mailwright.dns.authority import Authority
from mailwright.dns.resolver import Resolver
from mailwright.host import MailHost
from mailwright.inventory import Inventory

_NAMES = ("a", "aaaa", "ptr")


def dns_findings(
    inventory: Inventory, resolver: Resolver, names: Collection[str] | None = None
) -> list[Finding]:
    """Of every record, or of those in the zones that are named."""
    zones = dns.zones(inventory)
    records = [record for name in (zones if names is None else names) for record in zones[name]]
    return _check(inventory, resolver).findings(records)


def name_findings(inventory: Inventory, resolver: Resolver) -> list[Finding]:
    """Of the records that make a host's name and addresses belong together."""
    records = (record for record in dns.records(inventory) if record.purpose in _NAMES)
    return _check(inventory, resolver).findings(records)


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
    domains = [domain for domain in inventory.domains if domain.name in names]
    some = hosts_of(inventory, names)
    return [*hosts.findings(some, resolver), *mta_sts.findings(domains, resolver)]


def hosts_of(inventory: Inventory, names: Collection[str]) -> list[MailHost]:
    """The hosts that take or send the mail of the domains that are named."""
    used = {host for d in inventory.domains if d.name in names for host in d.senders}
    return [host for host in inventory.hosts if host.name in used]
