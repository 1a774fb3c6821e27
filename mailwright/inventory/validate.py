"""The domains and addresses of `mail.toml` in their one form, checked against each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from mailwright.inventory import stores
from mailwright.inventory.domains import check_domain, read_domains
from mailwright.inventory.mailboxes import owned_aliases, read_mailboxes
from mailwright.inventory.members import check_members, check_memberships
from mailwright.inventory.names import folded
from mailwright.inventory.places import Places, setting
from mailwright.inventory.schema import MailTable
from mailwright.model import address, alias_domain, delivery
from mailwright.model.address_book import AddressBook, Alias
from mailwright.model.delivery import ROLES
from mailwright.model.domain import Domain
from mailwright.model.host import Machine
from mailwright.model.mailbox import Mailbox, Purge
from mailwright.model.problems import NOBODY, Problem, listed, nearest
from mailwright.model.size import UNLIMITED

_HINTS_UP_TO = 1000  # addresses of a domain: comparing a word with more of them takes too long


def address_book(
    table: MailTable, places: Places, machines: list[Machine], found: list[Problem]
) -> AddressBook:
    """What the table says, each address delivered somewhere; what is not goes to `found`."""
    domains = read_domains(table, machines, found)
    mailboxes = read_mailboxes(table, places, domains, found)
    stores.check(mailboxes, domains, places, found)
    aliases = _aliases(table, domains, mailboxes, found)
    owned = owned_aliases(mailboxes)
    taking = {name for name, box in mailboxes.items() if box.stores} | {*aliases, *owned}
    known = _Known(domains, mailboxes, taking)
    _check_targets(aliases, owned, known, places, found)
    check_members(mailboxes, domains, places, found)
    check_memberships(mailboxes, places, found)
    postmaster = _postmaster(table, replace(known, roles=()), mailboxes, found)
    removed = _removed(table, mailboxes, places, found)
    purges = tuple(_purges(table, domains, mailboxes, removed, found))
    book = AddressBook(domains, mailboxes, aliases | owned, postmaster, purges, removed)
    _check_ends(book, aliases, found)
    return book


def _check_ends(book: AddressBook, aliases: Collection[str], found: list[Problem]) -> None:
    """What was written leads somewhere, and not to too many."""
    targets = {name: alias.targets for name, alias in book.passed.items()}
    kept = {name for name, mailbox in book.mailboxes.items() if mailbox.stores}
    circles = list(delivery.loops(targets, kept))
    for circle in circles:
        where = setting("aliases", next(filter(aliases.__contains__, circle), circle[0]))
        found.append(Problem(where, f"is a loop: {' -> '.join(circle)}", hint="mail never arrives"))
    if circles:
        return
    for name, size in delivery.oversized(targets, delivery.EXPANSION_LIMIT):
        if name in aliases:
            expected = f"{delivery.EXPANSION_LIMIT} at most"
            hint = "virtual_alias_expansion_limit, postconf(5)"
            where = setting("aliases", name)
            found.append(Problem(where, f"reaches {size} addresses", None, expected, hint))


def _removed(
    table: MailTable,
    mailboxes: Mapping[str, Mailbox],
    places: Places,
    found: list[Problem],
) -> dict[str, str]:
    """Where the mail of mailboxes that are gone lies; nobody else has it by mistake."""
    entries = folded(setting("removed"), table.removed, address.own, found)
    removed = {name: store for name, _, store in entries}
    owners = {store: name for name, store in removed.items()}
    for name, box in mailboxes.items():
        if box.stores and not box.keeps_mail and box.store in owners:
            what = f"would have the mail of {owners[box.store]}, who was removed"
            found.append(Problem(places.setting("mailboxes", name), what, hint=_KEEP))
    return removed


_KEEP = "'--keep-mail' gives it to him; 'mailwright mailbox purge' has it deleted"


def _purges(
    table: MailTable,
    domains: Mapping[str, Domain],
    mailboxes: Mapping[str, Mailbox],
    removed: Mapping[str, str],
    found: list[Problem],
) -> Iterable[Purge]:
    """Of mail that is nobody's any more; its domain may be gone as well."""
    stores = {box.store: box for box in mailboxes.values()}
    for name, written, day in sorted(folded(setting("purge"), table.purge, address.own, found)):
        where = setting("purge", written)
        if name not in removed.values() or name.rpartition("@")[2] in domains:
            check_domain(name, where, domains, found)
        if name in mailboxes:
            found.append(Problem(where, "is a mailbox", name, "one that is removed", _CANCEL))
        elif name in stores:
            what = f"is where the mail of {stores[name].address} lies"
            found.append(Problem(where, what, name, "one that is removed", _CANCEL))
        yield Purge(name, day)


_CANCEL = "'mailwright mailbox purge --cancel' takes the date out"


def _aliases(
    table: MailTable,
    domains: Mapping[str, Domain],
    mailboxes: Mapping[str, Mailbox],
    found: list[Problem],
) -> dict[str, Alias]:
    aliases = {}
    reported = {problem.where for problem in found}
    for name, written, targets in folded(
        setting("aliases"), table.aliases, address.own_or_all, found
    ):
        where = setting("aliases", written)
        if name in mailboxes and name not in targets:
            expected = "its own address among the targets, which keeps a copy"
            found.append(Problem(where, "is a mailbox as well", None, expected))
        if not targets and where not in reported:
            found.append(Problem(where, "has no target", None, "one address or more"))
        check_domain(name, where, domains, found)
        aliases[name] = Alias(name, tuple(dict.fromkeys(targets)))
    return aliases


@dataclass(frozen=True)
class _Known:
    """Our addresses: `taking` are those that mail may be sent to, and so are the `roles`."""

    domains: Mapping[str, Domain]
    mailboxes: Mapping[str, Mailbox]
    taking: Collection[str]
    roles: Collection[str] = ROLES

    def check(self, where: str, target: str, found: list[Problem]) -> None:
        """A target in a domain of ours takes mail; the rest of the world is not ours."""
        domain = self.domains.get(target.rpartition("@")[2])
        if domain is None or self._takes(target) or self._takes(address.without_extension(target)):
            return
        if delivery.entry(target, self.mailboxes) in self.mailboxes:
            found.append(Problem(where, "takes no mail", target, "an address that does", _OWNER))
            return
        near = self._near(domain)
        hint = nearest(target, near) if len(near) <= _HINTS_UP_TO else ""
        found.append(Problem(where, NOBODY, target, "a mailbox or an alias", hint))

    def _takes(self, target: str) -> bool:
        local, _, name = target.rpartition("@")
        original = self.domains[name].alias_of or name
        is_role = local in self.roles and not self.domains[original].parked
        return is_role or alias_domain.twin(target, original) in self.taking

    def _near(self, domain: Domain) -> set[str]:
        """All of a domain."""
        original = self.domains[domain.alias_of or domain.name]
        roles = () if original.parked else self.roles
        some = (*self._by_domain.get(original.name, ()), *(f"{role}@" for role in roles))
        return {alias_domain.twin(each, domain.name) for each in some}

    @cached_property
    def _by_domain(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.taking:
            found.setdefault(name.rpartition("@")[2], []).append(name)
        return found


_OWNER = "give it an owner"


def _check_targets(
    aliases: Mapping[str, Alias],
    owned: Mapping[str, Alias],
    known: _Known,
    places: Places,
    found: list[Problem],
) -> None:
    for alias in aliases.values():
        for target in alias.targets:
            known.check(setting("aliases", alias.address), target, found)
    for name, alias in owned.items():
        known.check(places.setting("mailboxes", name, "owner"), alias.targets[0], found)


def _postmaster(
    table: MailTable, known: _Known, mailboxes: Iterable[str], found: list[Problem]
) -> str:
    """The address for the roles of every domain (RFC 5321 section 4.5.1: it must be delivered)."""
    where, target = setting("postmaster"), table.postmaster
    if target is not None:
        known.check(where, target, found)
        return target
    if where not in {problem.where for problem in found}:
        found.append(Problem(where, "is missing", expected="an address of whoever runs this"))
    return next(iter(mailboxes), "")


def warnings(found: AddressBook, message_size_limit: int) -> list[str]:
    """What is allowed and most likely not meant."""
    small = [
        mailbox.address
        for mailbox in found.mailboxes.values()
        if mailbox.stores and UNLIMITED < mailbox.quota < message_size_limit
    ]
    lines = []
    if small:
        what = "has a quota" if len(small) == 1 else "have quotas"
        lines.append(f"{listed(small, 'and')} {what} below message_size_limit")
    unread = [mailbox.address for mailbox in found.mailboxes.values() if mailbox.is_unread]
    if unread:
        what = "keeps mail that" if len(unread) == 1 else "keep mail that"
        lines.append(f"{listed(unread, 'and')} {what} nobody reads: no members, no IMAP, no POP3")
    if found.postmaster.rpartition("@")[2] not in found.domains:
        lines.append(f"postmaster {found.postmaster} is in no domain of ours")
    return lines
