"""Alias domains: every address of another domain under a second name.

Each address gets a twin of its own. A rewrite of the whole domain (`@example.biz @example.com`)
would accept every recipient, and return to innocent people what it cannot deliver.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from mailwright.model.domain import Domain


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
