"""The web sites of an inventory: for which domains, and with which certificate of `tls/web/`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from mailwright.model import address
from mailwright.model.domain import Domain
from mailwright.model.mailbox import Mailbox
from mailwright.model.policy import MTA_STS
from mailwright.model.problems import Invalid, Problem, listed, nearest
from mailwright.model.site import FOLDER, SUFFIX, Offer, Site

_READING = {"imap", "pop3"}
_SHOWN = 5  # domains


def read(
    folder: Path,
    domains: Mapping[str, Domain],
    mailboxes: Iterable[Mailbox],
    is_acme: bool,
    found: list[Problem],
) -> list[Site]:
    """The site of each domain that could have one, by name, with what its certificate covers.

    Where there is none, and certificates come by ACME, one is ordered for all names. What is wrong
    with a certificate goes to `found`.
    """
    offers = _offers(mailboxes)
    files = _files(folder, domains, found)
    sites = []
    for name, domain in sorted(domains.items()):
        site = Site(domain, offers.get(domain.alias_of or name, {}))
        if not (wanted := site.wanted):
            continue
        if name in files:
            site = _certified(site, folder, files[name], found)
        elif is_acme:
            site = replace(site, names=wanted)
        sites.append(site)
    return sites


def _offers(mailboxes: Iterable[Mailbox]) -> dict[str, dict[str, Offer]]:
    """By domain and local part; a mailbox that nobody reads needs no settings."""
    offers: dict[str, dict[str, Offer]] = {}
    for box in mailboxes:
        if not _READING.isdisjoint(box.protocols):
            protocols = tuple(p for p in box.protocols if p != "sieve")
            offers.setdefault(box.domain, {})[box.localpart] = Offer(protocols)
    return offers


def _files(folder: Path, domains: Collection[str], found: list[Problem]) -> dict[str, str]:
    """The files of certificates by domain."""
    files = {}
    for path in sorted((folder / FOLDER).glob("[!.]*")):
        file = path.relative_to(folder).as_posix()
        try:
            name = address.domain(path.name.removesuffix(SUFFIX))
        except Invalid:
            name = ""
        if name in domains and path.name.endswith(SUFFIX):
            files[name] = file
        else:
            hint = nearest(path.name, [f"{each}{SUFFIX}" for each in domains])
            what, expected = "is named after no domain of ours", f"<domain>{SUFFIX}"
            found.append(Problem(FOLDER, what, path.name, expected, hint))
    return files


def _certified(site: Site, folder: Path, file: str, found: list[Problem]) -> Site:
    """The site with its certificate; where that is wrong, as if it were right."""
    from mailwright.certificates import chains  # cryptography takes a while to load

    try:
        chain = chains.loadable(folder / file)  # an old one is the visitors' affair, and told
        names = chains.covered(chain, *site.wanted)
        if not names:
            raise chains.not_for(chain, *site.wanted)
    except Invalid as error:
        found.append(error.at(file))
        return replace(site, names=site.wanted)
    return replace(site, names=tuple(names), chain=chain)


def _untimely(chain: str) -> str:
    """One web site that is late stops no deploy."""
    if not chain:
        return ""
    from mailwright.certificates import chains  # cryptography takes a while to load

    return chains.untimely(chain)


def warnings(sites: Iterable[Site]) -> Iterator[str]:
    """What people and other servers do without for want of a certificate, and what to do."""
    for site in sites:
        if words := _untimely(site.chain):
            yield f"{FOLDER}/{site.domain.name}{SUFFIX} {words}: put another one there"
    lacking = [site for site in sites if site.wanted != site.names]
    for site in lacking[:_SHOWN]:
        names = [name for name in site.wanted if name not in site.names]
        are, them = ("are", "them") if names[1:] else ("is", "it")
        todo = f"put a certificate for {them} into {FOLDER}/{site.domain.name}{SUFFIX}"
        more = "; mta_sts has no effect without" if names[0].startswith(f"{MTA_STS}.") else ""
        yield f"{listed(names, 'and')} {are} not served: {todo}{more}"
    if len(lacking) > _SHOWN:
        yield f"nor are the web names of {len(lacking) - _SHOWN} more domains"
