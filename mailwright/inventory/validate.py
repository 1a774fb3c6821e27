"""The domains and addresses of `mail.toml` in their one form, checked against each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import MappingProxyType
from typing import TypeVar

from mailwright.inventory import policies, stores
from mailwright.inventory.places import Places, setting
from mailwright.inventory.schema import DomainTable, MailboxTable, MailTable
from mailwright.model import address, alias_domain, delivery
from mailwright.model.address_book import AddressBook, Alias
from mailwright.model.delivery import ROLES
from mailwright.model.domain import Domain
from mailwright.model.host import Machine
from mailwright.model.mailbox import Mailbox, Purge
from mailwright.model.policy import Policy
from mailwright.model.problems import Invalid, Problem, listed, nearest
from mailwright.model.services import PROTOCOLS
from mailwright.model.sharing import Member
from mailwright.model.size import UNLIMITED
from mailwright.model.use import USES

Entry = TypeVar("Entry")

_POLICY = Policy()
_HINTS_UP_TO = 1000  # addresses of a domain: comparing a word with more of them takes too long


def directory(
    table: MailTable, places: Places, machines: list[Machine], found: list[Problem]
) -> AddressBook:
    """What the table says, each address delivered somewhere; what is not goes to `found`."""
    domains = _domains(table, machines, found)
    mailboxes = _mailboxes(table, places, domains, found)
    stores.check(mailboxes, domains, places, found)
    aliases = _aliases(table, domains, mailboxes, found)
    owned = _owned(mailboxes)
    taking = {name for name, box in mailboxes.items() if box.stores} | {*aliases, *owned}
    known = _Known(domains, mailboxes, taking)
    _check_targets(aliases, owned, known, places, found)
    _check_members(mailboxes, domains, places, found)
    _check_memberships(mailboxes, places, found)
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


def _domains(table: MailTable, machines: list[Machine], found: list[Problem]) -> dict[str, Domain]:
    reported = {problem.where for problem in found}
    if not table.domains and setting("domains") not in reported:
        found.append(Problem(setting("domains"), "is missing", expected='[domains."example.com"]'))
    hosts = {name: machine.name for machine in machines for name in (machine.target, machine.name)}
    names, domains = {*hosts.values()}, {}
    for name, written, entry in _folded(setting("domains"), table.domains, address.domain, found):
        place = partial(setting, "domains", written)
        elsewhere = entry.alias_of or entry.parked
        host = "" if elsewhere else _host(entry, hosts, place, reported, found)
        for unfit in ("host", "quota", "quota_message_count") if entry.alias_of else ():
            if getattr(entry, unfit) is not None:
                what = f"has no place beside alias_of: its mail is that of {entry.alias_of}"
                found.append(Problem(place(unfit), what))
        if not entry.dkim and place("dkim") not in reported:
            found.append(Problem(place("dkim"), "is empty", None, "rsa"))
        if entry.dkim_delegated and f"{entry.dkim_delegated}.".endswith(f"{name}."):
            what, hint = "is in the domain's own zone", "that of whoever runs its mail"
            found.append(Problem(place("dkim_delegated"), what, entry.dkim_delegated, hint))
        if entry.parked:
            policies.check_parked(entry, place, found)
        said = policies.read(name, entry, names, place, found)
        domains[name] = _domain(name, host, entry, table, said)
    return settled(domains, found)


def _domain(
    name: str, host: str, entry: DomainTable, table: MailTable, said: Policy = _POLICY
) -> Domain:
    return Domain(
        name=name,
        host=host,
        algorithms=() if entry.parked else tuple(dict.fromkeys(entry.dkim)),
        policy=said,
        alias_of=entry.alias_of,
        parked=entry.parked,
        quota=_first(entry.quota, table.quota),
        quota_message_count=_first(entry.quota_message_count, table.quota_message_count),
        dkim_delegated=entry.dkim_delegated,
        dkim_days=table.dkim_days,
    )


def _first(own: int | None, general: int) -> int:
    """A setting of its own, or the general one."""
    return general if own is None else own


def _canonical(host: str) -> str:
    """A host's name as DNS has it; what is no name (`@local`) stays as it is."""
    try:
        return address.domain(host)
    except Invalid:
        return host


def _host(
    entry: DomainTable,
    hosts: Mapping[str, str],
    place: Callable[..., str],
    reported: set[str],
    found: list[Problem],
) -> str:
    """The host of a domain; `hosts` has each by its name and by its target."""
    wanted = _canonical(entry.host) if entry.host else None
    if wanted in hosts or not hosts:  # no hosts: reported where they are missing
        return hosts.get(wanted or "", "")
    known = [*dict.fromkeys(hosts.values())]
    if entry.host is not None:
        hint = nearest(entry.host, hosts)
        what = "is no mail host of hosts.py"
        found.append(Problem(place("host"), what, entry.host, listed(known), hint))
    elif len(known) > 1 and not {place(), place("host"), place("alias_of")} & reported:
        found.append(Problem(place("host"), "is missing", expected=listed(known)))
    return known[0]


def _mailboxes(
    table: MailTable, places: Places, domains: Mapping[str, Domain], found: list[Problem]
) -> dict[str, Mailbox]:
    mailboxes = {}
    reported = {problem.where for problem in found}
    for name, written, entry in _folded(
        setting("mailboxes"), table.mailboxes, address.own, found, places
    ):
        where = places.setting("mailboxes", written)
        if name != written and written in places:
            places[name] = places[written]
        _check_use(entry, where, reported, found)
        _check_domain(name, where, domains, found)
        domain = domains.get(name.rpartition("@")[2]) or _domain("", "", DomainTable(), table)
        mailboxes[name] = _mailbox(name, entry, domain, _members(entry, where, found))
    return mailboxes


def _members(entry: MailboxTable, where: str, found: list[Problem]) -> tuple[Member, ...]:
    """Sorted by address."""
    place, table = f"{where}.members", entry.members or {}
    read = _folded(place, table, address.own_or_all, found)
    return tuple(Member(name, right) for name, _, right in sorted(read))


def _mailbox(
    name: str, entry: MailboxTable, domain: Domain, members: tuple[Member, ...]
) -> Mailbox:
    use = USES[entry.use]
    wanted = use.protocols if entry.protocols is None else entry.protocols
    return Mailbox(
        address=name,
        quota=_first(entry.quota, use.share(domain.quota)),
        quota_message_count=_first(entry.quota_message_count, domain.quota_message_count),
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


def _owned(mailboxes: Mapping[str, Mailbox]) -> dict[str, Alias]:
    """Mailboxes that store nothing and whose mail goes to somebody else."""
    owners = {name: box.owner for name, box in mailboxes.items() if box.owner and not box.stores}
    return {name: Alias(name, (owner,)) for name, owner in owners.items()}


def _removed(
    table: MailTable,
    mailboxes: Mapping[str, Mailbox],
    places: Places,
    found: list[Problem],
) -> dict[str, str]:
    """Where the mail of mailboxes that are gone lies; nobody else has it by mistake."""
    entries = _folded(setting("removed"), table.removed, address.own, found)
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
    for name, written, day in sorted(_folded(setting("purge"), table.purge, address.own, found)):
        where = setting("purge", written)
        if name not in removed.values() or name.rpartition("@")[2] in domains:
            _check_domain(name, where, domains, found)
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
    for name, written, targets in _folded(
        setting("aliases"), table.aliases, address.own_or_all, found
    ):
        where = setting("aliases", written)
        if name in mailboxes and name not in targets:
            expected = "its own address among the targets, which keeps a copy"
            found.append(Problem(where, "is a mailbox as well", None, expected))
        if not targets and where not in reported:
            found.append(Problem(where, "has no target", None, "one address or more"))
        _check_domain(name, where, domains, found)
        aliases[name] = Alias(name, tuple(dict.fromkeys(targets)))
    return aliases


def _folded(
    place: str,
    table: Mapping[str, Entry],
    fold: Callable[[str], str],
    found: list[Problem],
    places: Mapping[str, str] = MappingProxyType({}),
) -> Iterable[tuple[str, str, Entry]]:
    """(name in its one form, name as written, entry) of each entry whose name is right and new.

    `place` is where those stand that have none in `places`.
    """
    first: dict[str, str] = {}
    for written, entry in table.items():
        try:
            name = fold(written)
        except Invalid as error:
            found.append(error.at(places.get(written, place)))
            continue
        if first.setdefault(name, written) != written:
            what = f"is the same as {first[name]!r}"
            where = places.get(written, place)
            found.append(Problem(where, what, written, "each name once"))
            continue
        yield name, written, entry


def _check_domain(
    name: str, where: str, domains: Mapping[str, Domain], found: list[Problem]
) -> None:
    local, _, domain = name.rpartition("@")
    if domain in domains and domains[domain].parked:
        found.append(Problem(where, "is a parked domain, which has no mail", domain))
    elif domain in domains and (original := domains[domain].alias_of):
        expected = f"{local}@{original}"
        found.append(Problem(where, f"is an alias domain of {original}", domain, expected))
    if domain not in domains:
        hint = nearest(domain, domains)
        found.append(Problem(where, "is no domain of ours", domain, listed(domains), hint))


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
        found.append(Problem(where, "is nobody's address", target, "a mailbox or an alias", hint))

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


def _check_members(
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


def _check_memberships(
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
        _check_domain(name, where, domains, found)
    elif name not in mailboxes:
        hint = nearest(name, mailboxes) if len(mailboxes) <= _HINTS_UP_TO else ""
        found.append(Problem(where, "is no mailbox of ours", name, "one that reads by IMAP", hint))
    elif not mailboxes[name].reads_imap:
        what, hint = "does not read by IMAP", "POP3 shows no shared mailbox"
        found.append(Problem(where, what, name, "a mailbox that does", hint))
    domain = name.rpartition("@")[2]
    if len(found) == before and {box.domain, domain} <= domains.keys():
        here, there = domains[box.domain].host, domains[domain].host
        if here != there:
            what = f"is on {there}, the shared mailbox on {here}"
            found.append(Problem(where, what, name, "both on one host"))


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
