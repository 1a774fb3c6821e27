"""Who may send as which address, and on which host: whoever it belongs to, and nobody else.

`owners` are the addresses that each alias belongs to, which is no mailbox itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mailwright.model import delivery
from mailwright.model.delivery import ROLES
from mailwright.model.domain import Domain
from mailwright.model.mailbox import Mailbox

NOBODY = ("nobody",)  # no login, since logins are addresses

Domains = Mapping[str, Domain]
Mailboxes = Mapping[str, Mailbox]
Owners = Mapping[str, Collection[str]]
Logins = dict[str, tuple[str, ...]]


def sender_logins(domains: Domains, boxes: Mailboxes, owners: Owners) -> dict[str, Logins]:
    """By host: for each address the logins there that may send as it, in the order of addresses.

    A mailbox is its own, and its `send_as` may as well; an alias belongs to the mailboxes among
    its owners, on whichever host they are; a catch-all's owner may send as all that nobody else
    has: what has no owner on his host is kept from him.
    """
    logins = _everywhere(boxes, owners)
    here = {name: _by_host(domains, boxes, name, some) for name, some in logins.items()}
    caught = {name[1:]: some for name, some in here.items() if name[0] == "@"}
    found: dict[str, Logins] = {}
    for name in sorted(here):
        mine = here[name]
        for host in {*mine, *caught.get(name.rpartition("@")[2], ())}:
            found.setdefault(host, {})[name] = mine.get(host, NOBODY)
    return found


def sending(domains: Domains, boxes: Mailboxes, owners: Owners) -> dict[str, set[str]]:
    """By domain: the hosts with somebody who may send as an address of it."""
    found: dict[str, set[str]] = {}
    for name, logins in _everywhere(boxes, owners).items():
        hosts = _by_host(domains, boxes, name, logins)
        found.setdefault(name.rpartition("@")[2], set()).update(hosts)
    return found


def _everywhere(boxes: Mailboxes, owners: Owners) -> Logins:
    """For each mailbox and each alias with `owners` who may send as it, on all hosts together."""
    logins: Logins = {name: tuple(sorted((name, *box.send_as))) for name, box in boxes.items()}
    for alias in owners.keys() - boxes.keys():
        reached = {delivery.entry(end, boxes) for end in owners[alias]}
        mine = {login for name in reached if name in boxes for login in logins[name]}
        logins[alias] = tuple(sorted(mine))
    return logins


def _by_host(domains: Domains, boxes: Mailboxes, address: str, logins: tuple[str, ...]) -> Logins:
    """The same logins, by the host that each is on."""
    local, _, domain = address.rpartition("@")
    found: Logins = {}
    for login in logins:
        host = domains[login.rpartition("@")[2]].host
        submits = "submission" in boxes[login].protocols
        if host == domains[domain].host or (local not in ROLES and submits):
            found[host] = (*found.get(host, ()), login)
    return found
