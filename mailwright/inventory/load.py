"""The whole description, read from a folder and checked, or everything that is wrong with it."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from mailwright.inventory import hosts_file, schema, sieve, sites
from mailwright.inventory.hosts_file import Group
from mailwright.inventory.machine import machine
from mailwright.inventory.machine import warnings as private
from mailwright.inventory.places import setting
from mailwright.inventory.schema import MailTable
from mailwright.inventory.validate import address_book, warnings
from mailwright.keys import dkim_files, eab, of_domain
from mailwright.model import quotas, spf
from mailwright.model.acme import Acme
from mailwright.model.address import zone_of
from mailwright.model.address_book import AddressBook, Alias
from mailwright.model.dkim import State
from mailwright.model.domain import Domain
from mailwright.model.host import Machine, MailHost
from mailwright.model.mailbox import Mailbox
from mailwright.model.policy import TTL
from mailwright.model.problems import Invalid, Problem, Problems, nearest
from mailwright.model.script import Script
from mailwright.model.site import Site

GROUP = "mail"
Named = TypeVar("Named")


@dataclass(frozen=True)
class Inventory:
    """One mail system. Tuples are sorted by name; `groups` is what pyinfra makes of `hosts.py`.

    `sites` are the web sites that there could be; a host's are those that it serves.
    `ttl` is how many seconds resolvers may remember its DNS records.
    """

    folder: Path
    hosts: tuple[MailHost, ...]
    domains: tuple[Domain, ...]
    mailboxes: tuple[Mailbox, ...] = field(repr=False)
    book: AddressBook = field(repr=False)
    groups: dict[str, Group] = field(repr=False)
    sites: tuple[Site, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = ()
    ttl: int = TTL
    acme: Acme | None = None

    @cached_property
    def aliases(self) -> tuple[Alias, ...]:
        """All that there are, also those of every domain."""
        return _sorted(self.book.aliases)

    @property
    def ends(self) -> dict[str, frozenset[str]]:
        """For each alias the addresses that its mail reaches."""
        return self.book.ends


@contextmanager
def _kept() -> Iterator[None]:
    """What is read stays to the end, so looking for garbage in it again and again is in vain.

    With 10,000 domains that is a quarter of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@_kept()
def load(
    folder: Path,
    *,
    require_keys: bool = True,
    require_tls: bool = True,
    passphrase: Callable[[], str | None] = dkim_files.environment,
    public: bool = False,
    zones: Collection[str] | None = None,
) -> Inventory:
    """The description in a folder (`hosts.py`, `mail.toml`, `sieve/`, `keys/`, `tls/`).

    Without `require_keys` a domain may lack a DKIM key; without `require_tls` a certificate or its
    key may be missing or wrong, and is empty then. `passphrase` is called for encrypted keys.
    Who only wants what is `public` has keys without their private parts, and of some `zones` only
    the keys whose records are there; of TLS keys, unless `require_tls`, those for TLSA records.
    Raises Problems with everything that is wrong.
    """
    found: list[Problem] = []
    all_groups, machines, table, book = _described(folder, None, found)
    wanted = _keyed(book.domains, zones)
    domains = _with_keys(folder, book.domains, wanted, require_keys, passphrase, found, public)
    scripts = sieve.read(folder, book.domains, book.mailboxes, found)
    wrong: list[Problem] = []
    acme = _acme(folder, table, book.postmaster, wrong)
    web = sites.read(folder, book.domains, book.mailboxes.values(), bool(acme), wrong)
    without_tls = zones is not None and not require_tls
    served: dict[str, dict[str, Any]] = {
        m.name: {"tls_chain": ""}
        if without_tls and not m.dane
        else _certificate(folder, m, acme, wrong)
        for m in machines
    }
    found += wrong if require_tls else []
    if found:
        raise Problems(found)
    orders = {site.domain.host for site in web if site.is_ordered}
    for m in machines:
        served[m.name] |= {"acme": acme} if m.name in orders else {}
        served[m.name]["caa"] = tuple(_issuers(folder, m, table, acme))
    domains = _with_senders(domains, book.sending())
    _check_senders(domains, {m.name: m.addresses for m in machines})
    hosts = [_host(m, table, domains, book, scripts, web, served[m.name]) for m in machines]
    return Inventory(
        folder=folder,
        hosts=tuple(hosts),
        domains=domains,
        mailboxes=_sorted(book.mailboxes),
        book=book,
        groups=all_groups,
        sites=tuple(web),
        warnings=(
            *private(machines),
            *warnings(book, table.message_size_limit),
            *sieve.warnings(scripts, _sorted(book.mailboxes)),
            *sites.warnings(web),
        ),
        ttl=table.ttl,
        acme=acme,
    )


_INIT = "make one with 'mailwright init'"


@_kept()
def check(
    folder: Path,
    texts: Mapping[str, str] | None = None,
    renamed: Sequence[tuple[str, str]] = (),
    without: Collection[str] = (),
) -> AddressBook:
    """What the mailboxes are, or would be with these texts for the files of these names.

    Default scripts follow who is `renamed`, from one address to another. Sheets and scripts
    `without` which it shall be are not looked at. No key or certificate is read.

    Raises Problems with everything that is wrong.
    """
    found: list[Problem] = []
    book = _described(folder, texts, found, without)[-1]
    sieve.read(folder, book.domains, book.mailboxes, found, renamed, without)
    if found:
        raise Problems(found)
    return book


def _described(
    folder: Path,
    texts: Mapping[str, str] | None,
    found: list[Problem],
    without: Collection[str] = (),
) -> tuple[dict[str, Group], list[Machine], MailTable, AddressBook]:
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "is missing"
        raise Problems([Problem(str(folder), what, expected="an inventory folder", hint=_INIT)])
    all_groups = hosts_file.read(folder / hosts_file.FILE, found)
    machines = _machines(all_groups, found)
    read = schema.read(folder, found, texts, without)
    if read is None:
        raise Problems(found)
    table, places = read
    book = address_book(table, places, machines, found)
    _check_memory(machines, book, found)
    return all_groups, machines, table, book


def _sorted(by_name: Mapping[str, Named]) -> tuple[Named, ...]:
    return tuple(by_name[name] for name in sorted(by_name))


def _machines(all_groups: dict[str, Group], found: list[Problem]) -> list[Machine]:
    if any(hosts for hosts, _ in all_groups.values()) and not all_groups.get(GROUP, ([], {}))[0]:
        hint = nearest(GROUP, all_groups)
        found.append(Problem(hosts_file.FILE, "has no group of hosts", GROUP, hint=hint))
    targets = dict(all_groups.get(GROUP, ([], {}))[0])
    machines = [machine(target, hosts_file.merged(all_groups, target), found) for target in targets]
    owners: dict[str, str] = {}
    for m in sorted(machines, key=lambda m: m.name):
        for mark in (m.name, *m.addresses):
            owner = owners.setdefault(mark, m.target)
            if owner != m.target:
                where = f'{hosts_file.FILE}: "{m.target}"'
                found.append(Problem(where, f"is taken by {owner!r}", mark, "one of its own"))
    return sorted(machines, key=lambda m: m.name)


def _check_memory(machines: Iterable[Machine], book: AddressBook, found: list[Problem]) -> None:
    domains = Counter(domain.host for domain in book.domains.values())
    by_domain = Counter(box.domain for box in book.mailboxes.values())
    mailboxes: Counter[str] = Counter()
    for name, count in by_domain.items():
        if name in book.domains:
            mailboxes[book.domains[name].host] += count
    for m in machines:
        try:
            m.capacity.check(domains[m.name], mailboxes[m.name])
        except Invalid as error:
            found.append(error.at(f'{hosts_file.FILE}: "{m.target}".memory'))


def _keyed(domains: Mapping[str, Domain], zones: Collection[str] | None) -> Collection[str]:
    """The domains whose keys have records in these zones: their own, or the operator's."""
    if zones is None:
        return domains.keys()
    places = ((name, domain.dkim_delegated or name) for name, domain in domains.items())
    return {name for name, place in places if {name, zone_of(place, domains)} & {*zones}}


def _with_keys(
    folder: Path,
    domains: dict[str, Domain],
    wanted: Collection[str],
    required: bool,
    passphrase: Callable[[], str | None],
    found: list[Problem],
    public: bool,
) -> tuple[Domain, ...]:
    complete = []
    for domain in _sorted(domains):
        if domain.name not in wanted:
            complete.append(domain)
            continue
        before = len(found)
        keys = of_domain.keys(folder, domain.name, domain.algorithms, passphrase, found, public)
        there = {key.algorithm for key in keys if key.state in (State.NEW, State.SIGNING)}
        missing = [name for name in domain.algorithms if name not in there]
        for name in missing if required and len(found) == before else ():
            where = f"{dkim_files.FOLDER}/{domain.name}"
            hint = f"make it with 'mailwright keys {folder}'"
            found.append(Problem(where, f"has no DKIM key for {name}", hint=hint))
        complete.append(replace(domain, keys=keys))
    return tuple(complete)


def _with_senders(domains: Iterable[Domain], by_domain: dict[str, set[str]]) -> tuple[Domain, ...]:
    others = ((d, tuple(sorted(by_domain.get(d.name, set()) - {d.host}))) for d in domains)
    return tuple(replace(d, other_senders=some) if some else d for d, some in others)


def _check_senders(domains: Iterable[Domain], addresses: Mapping[str, list[str]]) -> None:
    """Raise Problems for each domain that is sent from more hosts than SPF can name."""
    found = []
    for domain in domains:
        is_host = domain.name in addresses
        count = spf.asks(domain.spf_senders(is_host, addresses)) if domain.other_senders else 0
        if count > spf.LOOKUPS:
            what = f"is sent from {len(domain.senders)} hosts, so its SPF has {count} look-ups"
            hint = "whoever gets the mail of its aliases may send as them"
            where = setting("domains", domain.unicode)
            expected = f"{spf.LOOKUPS} at most (RFC 7208 section 4.6.4)"
            found.append(Problem(where, what, None, expected, hint))
    if found:
        raise Problems(found)


def _acme(folder: Path, table: MailTable, postmaster: str, found: list[Problem]) -> Acme | None:
    """The authority; its key is empty where there is none, or a wrong one."""
    said, key = table.acme, ""
    if said is None:
        return None
    if said.eab_kid:
        try:
            key = eab.read(folder)
        except Invalid as error:
            found.append(error.at(eab.FILE))
    return Acme(said.directory, said.contact or postmaster, said.eab_kid or "", key)


def _certificate(
    folder: Path, m: Machine, acme: Acme | None, found: list[Problem]
) -> dict[str, Any]:
    """What a MailHost says of its certificate: the operator's file wins over ACME."""
    from mailwright.certificates import chains  # cryptography takes a while to load
    from mailwright.keys.tls_keys import KeyFiles

    if acme and _orders(folder, m):
        keys = KeyFiles(folder, m.name).read(found)
        return {"acme": acme, "tls_keys": keys, "tls_chain": "", "tlsa": _tlsa(m, keys)}
    try:
        chain = chains.read(folder / m.tls_chain_file, m.name)
    except Invalid as error:
        found.append(error.at(m.tls_chain_file))
        chain = ""
    return {"tls_chain": chain, "tlsa": _tlsa(m, (chain,))}


def _orders(folder: Path, m: Machine) -> bool:
    """Whether the host orders its certificate, where there is an authority: it has none."""
    is_default = m.tls_chain_file == m.default_chain_file
    return is_default and not (folder / m.tls_chain_file).exists()


def _issuers(folder: Path, m: Machine, table: MailTable, acme: Acme | None) -> list[str]:
    """Who may issue certificates for the host: who does, unless the description says otherwise."""
    if table.caa is not None or not acme or not acme.issuers or not _orders(folder, m):
        return table.caa or []
    return [acme.issuers[0] + (f"; accounturi={m.acme_account}" if m.acme_account else "")]


def _tlsa(m: Machine, keys: Collection[str]) -> tuple[str, ...]:
    """Nothing where the host has no DANE, or a key is missing."""
    from mailwright.keys.pem import tlsa

    return tuple(map(tlsa, keys)) if m.dane and all(keys) else ()


def _host(
    m: Machine,
    table: MailTable,
    domains: Iterable[Domain],
    book: AddressBook,
    scripts: Iterable[Script],
    sites: Iterable[Site],
    certificate: dict[str, Any],
) -> MailHost:
    here = {domain.name for domain in domains if domain.host == m.name}
    mailboxes = {name: box for name, box in book.mailboxes.items() if box.domain in here}
    return MailHost(
        **vars(m),
        domains=tuple(domain for domain in domains if domain.name in here),
        sending_domains=tuple(domain for domain in domains if m.name in domain.senders),
        message_size_limit=table.message_size_limit,
        quota_warnings=quotas.warnings(table.quota_warnings),
        quota_trash=table.quota_trash,
        postmaster=book.postmaster,
        mailboxes=_sorted(mailboxes),
        book=book,
        **certificate,
        smtpd_tls_profile=table.smtpd_tls_profile,
        purges=tuple(p for p in book.purges if p.domain in here or p.domain not in book.domains),
        scripts=tuple(script for script in scripts if script.domain in here),
        sites=tuple(site for site in sites if site.names and site.domain.name in here),
    )
