"""All records of the mail system, one after the other or by zone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from mailwright.dns import catalogue
from mailwright.dns.purpose import Presence
from mailwright.dns.record import Record
from mailwright.inventory.load import Inventory
from mailwright.model.address import zone_of
from mailwright.model.domain import Domain
from mailwright.model.policy import TTL


def records(inventory: Inventory) -> Iterator[Record]:
    """Every record set of the mail system, hosts first. No id appears twice."""
    yield from _of_hosts(inventory)
    for _, some in _of_domains(inventory, inventory.domains):
        yield from some


def _of_hosts(inventory: Inventory) -> Iterator[Record]:
    names = {domain.name for domain in inventory.domains}
    for host in inventory.hosts:
        yield from _timed(inventory, catalogue.of_host(host, host.name in names))


def _timed(inventory: Inventory, some: Iterator[Record]) -> Iterator[Record]:
    """The records with the inventory's TTL."""
    return some if inventory.ttl == TTL else (replace(each, ttl=inventory.ttl) for each in some)


def _of_domains(
    inventory: Inventory, some: Iterable[Domain]
) -> Iterator[tuple[Domain, Iterator[Record]]]:
    addresses, offered = {h.name: h.addresses for h in inventory.hosts}, _offered(inventory)
    web = {site.domain.name: site.names for host in inventory.hosts for site in host.sites}
    for domain in some:
        protocols = offered.get(domain.alias_of or domain.name, set())
        served = web.get(domain.name, ())
        presence = Presence(domain.name in addresses, protocols, served, addresses)
        made = catalogue.of_domain(domain, presence)
        yield domain, _timed(inventory, made)


def _offered(inventory: Inventory) -> dict[str, set[str]]:
    """The protocols that mailboxes may use, by domain."""
    found: dict[str, set[str]] = {}
    for mailbox in inventory.mailboxes:
        found.setdefault(mailbox.domain, set()).update(mailbox.protocols)
    return found


def zones(inventory: Inventory) -> dict[str, list[Record]]:
    """The records by the domain of ours that is nearest above their name; under "" the others."""
    return dict(each_zone(inventory))


def each_zone(
    inventory: Inventory, wanted: Collection[str] | None = None
) -> Iterator[tuple[str, list[Record]]]:
    """The same, one zone after the other, and last what lies outside of all; or only the `wanted`.

    However many domains there are, only records that lie in another one's zone are held.
    """
    known = {domain.name for domain in inventory.domains}
    above = {zone_of(name.partition(".")[2], known) for name in known}
    away: dict[str, list[Record]] = {}
    for record in _of_hosts(inventory):
        away.setdefault(zone_of(record.name, known), []).append(record)
    reaching = (d for d in inventory.domains if d.name in above or catalogue.reaches_out(d))
    for owner, some in _of_domains(inventory, reaching):
        for record in some:
            if (origin := zone_of(record.name, known)) != owner.name:
                away.setdefault(origin, []).append(record)
    asked = (d for d in inventory.domains if wanted is None or d.name in wanted)
    for owner, some in _of_domains(inventory, asked):
        own = [record for record in some if zone_of(record.name, known) == owner.name]
        yield owner.name, [*away.pop(owner.name, ()), *own]
    if wanted is None or "" in wanted:
        yield "", away.pop("", [])
