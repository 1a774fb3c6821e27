"""What a domain's table in `mail.toml` says to the world, and what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from mailwright.inventory.places import setting
from mailwright.inventory.schema import DomainTable
from mailwright.model.address import related
from mailwright.model.domain import Domain
from mailwright.model.policy import WEB, Dmarc, Policy
from mailwright.model.problems import Problem


def read(
    name: str,
    entry: DomainTable,
    hosts: Collection[str],
    place: Callable[..., str],
    found: list[Problem],
) -> Policy:
    """What the table of the domain `name` says; reports go to its postmaster unless it says where.

    Names in `no_mail` that cannot be without mail go to `found`; `place` tells where a setting of
    the table is.
    """
    for each in entry.no_mail:
        if not each.endswith(f".{name}"):
            found.append(Problem(place("no_mail"), "is not below the domain", each, f"x.{name}"))
        elif each.removesuffix(f".{name}") in WEB:
            found.append(Problem(place("no_mail"), "is a web name of the domain", each))
        elif each in hosts:
            found.append(Problem(place("no_mail"), "is a mail host of hosts.py", each))
    postmaster = (f"postmaster@{name}",)
    return Policy(
        spf=entry.spf,
        spf_mechanisms=tuple(dict.fromkeys(entry.spf_mechanisms)),
        dmarc=Dmarc(
            p=entry.dmarc,
            sp=entry.dmarc_sp,
            np=entry.dmarc_np,
            adkim=entry.dmarc_adkim,
            aspf=entry.dmarc_aspf or _aspf(name, hosts),
            t=entry.dmarc_t,
            rua=postmaster if entry.dmarc_rua is None else tuple(entry.dmarc_rua),
            ruf=tuple(entry.dmarc_ruf),
        ),
        bimi=entry.bimi,
        mta_sts=entry.mta_sts,
        tls_rpt=postmaster if entry.tls_rpt is None else tuple(entry.tls_rpt),
        no_mail=tuple(sorted({*entry.no_mail})),
    )


def _aspf(domain: str, hosts: Collection[str]) -> str | None:
    """Strict, where SPF of a mail host's own name would count for the domain otherwise.

    Forwarded mail passes SPF by that name (SRS), whoever its From says that it is of.
    """
    return "s" if any(_aligned(domain, host) for host in hosts) else None


def _aligned(domain: str, host: str) -> bool:
    """Whether two names may be of one organisation (RFC 9989 section 3.2.10)."""
    parent = host.partition(".")[2]
    return related(domain, host) or ("." in parent and related(domain, parent))


def check_parked(entry: DomainTable, place: Callable[..., str], found: list[Problem]) -> None:
    """A parked domain has no mail, so nothing is said of how its mail is handled."""
    said = entry.model_fields_set - {"parked"}
    if said:
        what = "has no place in a parked domain, which has no mail"
        found += [Problem(place(name), what) for name in sorted(said)]


def check_bimi(domains: Mapping[str, Domain], found: list[Problem]) -> None:
    """No logo is shown unless DMARC is enforced, for the domain and for its organisation.

    See draft-brand-indicators-for-message-identification section 7.1.
    """
    for domain in domains.values():
        both = (domain.name, _organisation(domain.name, domains)) if domain.policy.bimi else ()
        for name in dict.fromkeys(both):
            for key, value, expected in _lax(domains[name].policy.dmarc):
                place, what = setting("domains", name, key), "is too lax for the logo of"
                hint = "bimi needs DMARC enforced"
                found.append(Problem(place, f"{what} {domain.name}", value, expected, hint))


def _lax(tags: Dmarc) -> Iterator[tuple[str, str, str]]:
    """The settings with which DMARC is not enforced: name, value and what it should be."""
    for key, value in (("dmarc", tags.p), ("dmarc_sp", tags.sp)):
        if value == "none":
            yield key, value, "quarantine or reject"
    if tags.t:
        yield "dmarc_t", "true", "false"


def _organisation(name: str, domains: Collection[str]) -> str:
    """The highest of our domains that a name ends in (RFC 9989 section 4.10)."""
    found = name
    while name := name.partition(".")[2]:
        found = name if name in domains else found
    return found
