"""The DNS records that the mail system needs, each with the reason for it.

`mailwright.dns.host` and `mailwright.dns.domain` say which records there are; a record type whose
value takes thought has a module of its own. Whatever prints, publishes or checks reads `records`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailwright.dns import domain as domains
from mailwright.dns import host as hosts
from mailwright.dns.record import RECOMMENDED, REQUIRED, TTL, Record, strings

if TYPE_CHECKING:
    from mailwright.inventory import Inventory

__all__ = ["RECOMMENDED", "REQUIRED", "TTL", "Record", "records", "strings", "zones"]


def records(inventory: Inventory) -> Iterator[Record]:
    """Every record set of the mail system, hosts first. No id appears twice."""
    names = {domain.name for domain in inventory.domains}
    for host in inventory.hosts:
        yield from hosts.records(host, host.name in names)
    machines, offered = {host.name for host in inventory.hosts}, _offered(inventory)
    for domain in inventory.domains:
        protocols = offered.get(domain.alias_of or domain.name, set())
        yield from domains.records(domain, domain.name in machines, protocols)


def _offered(inventory: Inventory) -> dict[str, set[str]]:
    """The protocols that mailboxes may use, by domain."""
    found: dict[str, set[str]] = {}
    for mailbox in inventory.mailboxes:
        found.setdefault(mailbox.domain, set()).update(mailbox.protocols)
    return found


def zones(inventory: Inventory) -> dict[str, list[Record]]:
    """The records by the domain of ours that is nearest above their name; under "" the others."""
    found: dict[str, list[Record]] = {
        name: [] for name in ("", *(d.name for d in inventory.domains))
    }
    for record in records(inventory):
        labels = record.name.rstrip(".").split(".")
        above = (".".join(labels[start:]) for start in range(len(labels)))
        found[next((name for name in above if name in found), "")].append(record)
    return found
