"""The mailboxes of `mail.toml` and the sheets: what a use leaves out, and what it allows."""

from __future__ import annotations

from collections.abc import Mapping

from mailwright.inventory.domains import check_domain, new_domain, own_or
from mailwright.inventory.names import folded
from mailwright.inventory.places import Places, setting
from mailwright.inventory.schema import DomainTable, MailboxTable, MailTable
from mailwright.model import address
from mailwright.model.address_book import Alias
from mailwright.model.domain import Domain
from mailwright.model.mailbox import Mailbox
from mailwright.model.problems import Problem, listed
from mailwright.model.services import PROTOCOLS
from mailwright.model.sharing import Member
from mailwright.model.use import USES


def read_mailboxes(
    table: MailTable, places: Places, domains: Mapping[str, Domain], found: list[Problem]
) -> dict[str, Mailbox]:
    """Those of the table, by address; what is wrong with them goes to `found`."""
    mailboxes = {}
    reported = {problem.where for problem in found}
    for name, written, entry in folded(
        setting("mailboxes"), table.mailboxes, address.own, found, places
    ):
        where = places.setting("mailboxes", written)
        if name != written and written in places:
            places[name] = places[written]
        _check_use(entry, where, reported, found)
        check_domain(name, where, domains, found)
        domain = domains.get(name.rpartition("@")[2]) or new_domain("", "", DomainTable(), table)
        mailboxes[name] = _mailbox(name, entry, domain, _members(entry, where, found))
    return mailboxes


def _members(entry: MailboxTable, where: str, found: list[Problem]) -> tuple[Member, ...]:
    """Sorted by address."""
    place, table = f"{where}.members", entry.members or {}
    read = folded(place, table, address.own_or_all, found)
    return tuple(Member(name, right) for name, _, right in sorted(read))


def _mailbox(
    name: str, entry: MailboxTable, domain: Domain, members: tuple[Member, ...]
) -> Mailbox:
    use = USES[entry.use]
    wanted = use.protocols if entry.protocols is None else entry.protocols
    return Mailbox(
        address=name,
        quota=own_or(entry.quota, use.share(domain.quota)),
        quota_message_count=own_or(entry.quota_message_count, domain.quota_message_count),
        password=entry.password or "",
        use=entry.use,
        protocols=tuple(protocol for protocol in PROTOCOLS if protocol in wanted),
        suspended=entry.suspended or False,
        owner=entry.owner,
        members=members,
        send_as=tuple(sorted({*(entry.send_as or ())})),
        private_seen=entry.private_seen or False,
        stored_as=None if entry.stored_as == name else entry.stored_as,
        keeps_mail=entry.stored_as is not None,
    )


def _check_use(entry: MailboxTable, where: str, reported: set[str], found: list[Problem]) -> None:
    if f"{where}.use" in reported:
        return
    use, unfit = USES[entry.use], f"has no place in a mailbox for use {entry.use!r}"
    for name, why in use.without.items():
        if getattr(entry, name) is not None:
            found.append(Problem(f"{where}.{name}", unfit, hint=why))
    if entry.owner is not None and use.stores:
        found.append(Problem(f"{where}.owner", unfit, hint="it keeps its mail itself"))
    for name in () if entry.use == "shared" else ("members", "send_as", "private_seen"):
        if getattr(entry, name) is not None:
            found.append(Problem(f"{where}.{name}", unfit, hint="use = 'shared' has members"))
    missing = entry.password is None and "password" not in use.without
    if missing and not {where, f"{where}.password"} & reported:
        hint = "make one with 'mailwright password'"
        found.append(Problem(f"{where}.password", "is missing", None, "a hash", hint))
    if entry.protocols == [] and f"{where}.protocols" not in reported:
        hint = "suspended = true keeps its owner out"
        found.append(Problem(f"{where}.protocols", "is empty", None, listed(PROTOCOLS), hint))


def owned_aliases(mailboxes: Mapping[str, Mailbox]) -> dict[str, Alias]:
    """Mailboxes that store nothing and whose mail goes to somebody else."""
    owners = {name: box.owner for name, box in mailboxes.items() if box.owner and not box.stores}
    return {name: Alias(name, (owner,)) for name, owner in owners.items()}
