"""What a domain tells the world about its mail: SPF, DMARC, MTA-STS and TLS-RPT.

The values in DNS follow from it in `mailwright.dns`; the MTA-STS policy is a file that a web server
shows (RFC 8461 section 3.2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailwright.model.address import related
from mailwright.model.problems import Problem

if TYPE_CHECKING:
    from mailwright.inventory.schema import DomainTable

OFF = "off"
MTA_STS, AUTOCONFIG, AUTODISCOVER = WEB = ("mta-sts", "autoconfig", "autodiscover")
MTA_STS_MODES = ("none", "testing", "enforce")  # RFC 8461 section 5
_DAY = 86400
# Senders keep a policy for so many seconds. In testing a mistake should be gone the next day; an
# attacker who can block the look-up has to do so for as long as an enforced policy lives.
_MAX_AGE = {"none": _DAY, "testing": _DAY, "enforce": 14 * _DAY}


@dataclass(frozen=True)
class Dmarc:
    """The tags of a DMARC record (RFC 9989 section 4.7); None where there is none.

    `rua` and `ruf` are mail addresses.
    """

    p: str = "quarantine"
    sp: str | None = None
    np: str | None = None
    adkim: str | None = None
    aspf: str | None = None
    t: bool = False
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """Of one domain.

    `spf` is how its SPF record ends (`-all`), `spf_mechanisms` are those of its other senders.
    `mta_sts` is a mode or OFF. `tls_rpt` are mail addresses and HTTPS URIs. `no_mail` are names
    below the domain that exist but neither send nor take mail.
    """

    spf: str = "-all"
    spf_mechanisms: tuple[str, ...] = ()
    dmarc: Dmarc = Dmarc()
    mta_sts: str = OFF
    tls_rpt: tuple[str, ...] = ()
    no_mail: tuple[str, ...] = ()

    def mta_sts_text(self, mx: str) -> str:
        """The policy file of a domain whose only MX is `mx` (RFC 8461 section 3.2)."""
        lines = ["version: STSv1", f"mode: {self.mta_sts}"]
        lines += [f"mx: {mx}"] if self.mta_sts != "none" else []
        lines += [f"max_age: {_MAX_AGE[self.mta_sts]}"]
        return "".join(f"{line}\r\n" for line in lines)

    def mta_sts_id(self, mx: str) -> str:
        """What must change with the policy, and does: a digest of it (RFC 8461 section 3.1)."""
        return hashlib.sha256(self.mta_sts_text(mx).encode()).hexdigest()[:24]


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
