"""Who may send as which address, and on which host: whoever it belongs to, and nobody else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from mailwright.model import delivery
from mailwright.model.delivery import ROLES

if TYPE_CHECKING:
    from mailwright.model.address_book import AddressBook

NOBODY = ("nobody",)  # no login, since logins are addresses

Logins = dict[str, tuple[str, ...]]


def sender_logins(book: AddressBook) -> dict[str, Logins]:
    """By host: for each address the logins there that may send as it, in the order of addresses.

    A mailbox is its own, and its `send_as` may as well; an alias belongs to the mailboxes among
    its owners, on whichever host they are; a catch-all's owner may send as all that nobody else
    has: what has no owner on his host is kept from him.
    """
    logins = _everywhere(book, book.owners)
    caught = {name[1:]: _by_host(book, name, logins[name]) for name in logins if name[0] == "@"}
    found: dict[str, Logins] = {}
    for name in sorted(logins):
        mine = _by_host(book, name, logins[name])
        for host in {*mine, *caught.get(name.rpartition("@")[2], ())}:
            found.setdefault(host, {})[name] = mine.get(host, NOBODY)
    return found


def _everywhere(book: AddressBook, owners: Mapping[str, Collection[str]]) -> Logins:
    """For each mailbox and each alias with `owners` who may send as it, on all hosts together."""
    boxes = book.mailboxes
    logins: Logins = {name: tuple(sorted((name, *box.send_as))) for name, box in boxes.items()}
    for alias in owners.keys() - boxes.keys():
        reached = {delivery.entry(end, boxes) for end in owners[alias]}
        mine = {login for name in reached if name in boxes for login in logins[name]}
        logins[alias] = tuple(sorted(mine))
    return logins


def _by_host(book: AddressBook, address: str, logins: tuple[str, ...]) -> Logins:
    """The same logins, by the host that each is on."""
    local, _, domain = address.rpartition("@")
    found: Logins = {}
    for login in logins:
        host = book.domains[login.rpartition("@")[2]].host
        if host == book.domains[domain].host or (local not in ROLES and _submits(book, login)):
            found[host] = (*found.get(host, ()), login)
    return found


def _submits(book: AddressBook, login: str) -> bool:
    return "submission" in book.mailboxes[login].protocols


def sending(book: AddressBook) -> dict[str, set[str]]:
    """By domain: the hosts with somebody who may send as an address of it.

    Nobody sends as a role from another host, so only what was written is looked at, and its twins.
    """
    found: dict[str, set[str]] = {}
    for name, logins in _everywhere(book, book.owners_of(book.reached)).items():
        found.setdefault(name.rpartition("@")[2], set()).update(_by_host(book, name, logins))
    return found
