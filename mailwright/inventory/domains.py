"""The domains of `mail.toml`: each on a host, alias domains on that of what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from mailwright.inventory import policies
from mailwright.inventory.names import folded
from mailwright.inventory.places import setting
from mailwright.inventory.schema import DomainTable, MailTable
from mailwright.model import address
from mailwright.model.domain import Domain
from mailwright.model.host import Machine
from mailwright.model.policy import Policy
from mailwright.model.problems import NO_DOMAIN, Invalid, Problem, listed, nearest

_POLICY = Policy()


def read_domains(
    table: MailTable, machines: list[Machine], found: list[Problem]
) -> dict[str, Domain]:
    """Those of the table, by name; what is wrong with them goes to `found`."""
    reported = {problem.where for problem in found}
    if not table.domains and setting("domains") not in reported:
        found.append(Problem(setting("domains"), "is missing", expected='[domains."example.com"]'))
    hosts = {name: machine.name for machine in machines for name in (machine.target, machine.name)}
    names, domains = {*hosts.values()}, {}
    for name, written, entry in folded(setting("domains"), table.domains, address.domain, found):
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
        domains[name] = new_domain(name, host, entry, table, said)
    policies.check_bimi(domains, found)
    return settled(domains, found)


def new_domain(
    name: str, host: str, entry: DomainTable, table: MailTable, said: Policy = _POLICY
) -> Domain:
    """What a domain's table says, and what the whole file says for all of them."""
    return Domain(
        name=name,
        host=host,
        algorithms=() if entry.parked else tuple(dict.fromkeys(entry.dkim)),
        policy=said,
        alias_of=entry.alias_of,
        parked=entry.parked,
        quota=own_or(entry.quota, table.quota),
        quota_message_count=own_or(entry.quota_message_count, table.quota_message_count),
        dkim_delegated=entry.dkim_delegated,
        dkim_days=table.dkim_days,
    )


def own_or(own: int | None, general: int) -> int:
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


def check_domain(
    name: str, where: str, domains: Mapping[str, Domain], found: list[Problem]
) -> None:
    """An address is in a domain of ours that has addresses of its own."""
    local, _, domain = name.rpartition("@")
    if domain in domains and domains[domain].parked:
        found.append(Problem(where, "is a parked domain, which has no mail", domain))
    elif domain in domains and (original := domains[domain].alias_of):
        expected = f"{local}@{original}"
        found.append(Problem(where, f"is an alias domain of {original}", domain, expected))
    if domain not in domains:
        hint = nearest(domain, domains)
        found.append(Problem(where, NO_DOMAIN, domain, listed(domains), hint))


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
        what, hint = NO_DOMAIN, nearest(domain.alias_of, domains)
    found.append(Problem(where, what, domain.alias_of, expected, hint))
    return replace(domain, alias_of=None)
