"""Alias domains: every address of another domain under a second name.

Each address gets a twin of its own. A rewrite of the whole domain (`@example.biz @example.com`)
would accept every recipient, and return to innocent people what it cannot deliver.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from mailwright.inventory.schema import Domain, setting
from mailwright.model.problems import Problem, nearest


def settled(domains: Mapping[str, Domain], found: list[Problem]) -> dict[str, Domain]:
    """The domains, alias domains on the host of what they stand for; mistakes go to `found`."""
    return {name: _settled(domain, domains, found) for name, domain in domains.items()}


def _settled(domain: Domain, domains: Mapping[str, Domain], found: list[Problem]) -> Domain:
    if domain.alias_of is None:
        return domain
    where, original = f"{setting('domains', domain.name)}.alias_of", domains.get(domain.alias_of)
    if original and original.alias_of is None and not original.parked:
        return replace(domain, host=original.host)
    expected, hint = "a domain of ours with addresses of its own", ""
    if domain.alias_of == domain.name:
        what = "is the domain itself"
    elif original and original.parked:
        what = "is a parked domain"
    elif original:
        what = f"is an alias domain itself, of {original.alias_of}"
    else:
        what, hint = "is no domain of ours", nearest(domain.alias_of, domains)
    found.append(Problem(where, what, domain.alias_of, expected, hint))
    return replace(domain, alias_of=None)


def twin(address: str, domain: str) -> str:
    """The same local part in the other domain."""
    return f"{address.rpartition('@')[0]}@{domain}"


def twins(domains: Mapping[str, Domain], addresses: Collection[str]) -> Iterator[str]:
    """The twins of the addresses, in each alias domain."""
    names: dict[str, list[str]] = {}
    for domain in domains.values():
        if domain.alias_of:
            names.setdefault(domain.alias_of, []).append(domain.name)
    for address in addresses:
        yield from (twin(address, name) for name in names.get(address.rpartition("@")[2], ()))
