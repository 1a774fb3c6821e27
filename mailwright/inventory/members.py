"""Who shares a mailbox: members who read it where it is, and who may send as it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mailwright.inventory.domains import check_domain
from mailwright.inventory.places import Places, setting
from mailwright.model.domain import Domain
from mailwright.model.mailbox import Mailbox
from mailwright.model.problems import NO_MAILBOX, Problem, listed, nearest

_HINTS_UP_TO = 1000  # comparing a word with more of them takes too long


def check_members(
    mailboxes: Mapping[str, Mailbox],
    domains: Mapping[str, Domain],
    places: Places,
    found: list[Problem],
) -> None:
    """Members read with IMAP on the host where the mailbox is."""
    for box in mailboxes.values():
        if not (box.members or box.send_as):
            continue
        where = places.setting("mailboxes", box.address)
        names = [member.address for member in box.members]
        for name in names:
            _check_member(name, box, mailboxes, domains, f"{where}.members", found)
        for name in box.send_as if box.use == "shared" else ():
            if not (_is_member(name, names, mailboxes) or _only_sends(name, mailboxes)):
                expected = listed([*(names or ["one of its members"]), _PROGRAM])
                found.append(Problem(f"{where}.send_as", "is no member", name, expected))
            elif name in mailboxes and "submission" not in mailboxes[name].protocols:
                what, expected = "does not send", "a member with the protocol submission"
                found.append(Problem(f"{where}.send_as", what, name, expected))


def check_memberships(
    mailboxes: Mapping[str, Mailbox], places: Places, found: list[Problem]
) -> None:
    """Dovecot learns of each at a login and a delivery, in one line of limited length."""
    shared: dict[str, set[str]] = {}
    for box in mailboxes.values():
        for member in box.members:
            shared.setdefault(member.address, set()).add(box.address)
    for name, own in shared.items():
        all_of_them = own | shared.get(f"@{name.rpartition('@')[2]}", set())
        if sum(map(len, all_of_them)) + _SHARED * len(all_of_them) > _LINE:
            local, _, domain = name.rpartition("@")
            place = places.setting("mailboxes", name) if local else setting("domains", domain)
            what = f"is a member of {len(all_of_them)} shared mailboxes"
            found.append(Problem(place, what, None, "a hundred and fifty or so", _FOLDERS))


_LINE = 6 << 10  # bytes: it takes 8 KiB, with all that is not of shared mailboxes
_SHARED = len("namespace//disabled=no\t")
_FOLDERS = "nobody could log in or get mail; a shared mailbox may have folders"


def _is_member(name: str, names: Collection[str], mailboxes: Mapping[str, Mailbox]) -> bool:
    """By his name, or as one of a domain."""
    one_of_all = name in mailboxes and mailboxes[name].reads_imap
    return name in names or (one_of_all and f"@{mailboxes[name].domain}" in names)


_PROGRAM = "a mailbox for use 'send-only'"


def _only_sends(name: str, mailboxes: Mapping[str, Mailbox]) -> bool:
    """A program, on whichever host: it reads nothing, so it cannot be a member."""
    return name in mailboxes and mailboxes[name].use == "send-only"


def _check_member(
    name: str,
    box: Mailbox,
    mailboxes: Mapping[str, Mailbox],
    domains: Mapping[str, Domain],
    where: str,
    found: list[Problem],
) -> None:
    before = len(found)
    if name.startswith("@"):
        check_domain(name, where, domains, found)
    elif name not in mailboxes:
        hint = nearest(name, mailboxes) if len(mailboxes) <= _HINTS_UP_TO else ""
        found.append(Problem(where, NO_MAILBOX, name, "one that reads by IMAP", hint))
    elif not mailboxes[name].reads_imap:
        what, hint = "does not read by IMAP", "POP3 shows no shared mailbox"
        found.append(Problem(where, what, name, "a mailbox that does", hint))
    domain = name.rpartition("@")[2]
    if len(found) == before and {box.domain, domain} <= domains.keys():
        here, there = domains[box.domain].host, domains[domain].host
        if here != there:
            what = f"is on {there}, the shared mailbox on {here}"
            found.append(Problem(where, what, name, "both on one host"))
