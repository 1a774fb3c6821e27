"""DMARC: what receivers do with forgeries of a domain's mail, and whom they tell (RFC 9989)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, unquote

from mailwright.dns.fault import CHANGED, Fault, counted, such
from mailwright.dns.purpose import Presence, Purpose, Rule
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model import tag_list
from mailwright.model.address import related
from mailwright.model.domain import Domain
from mailwright.model.host import MailHost
from mailwright.model.policy import Dmarc
from mailwright.model.problems import listed, shown
from mailwright.report.finding import Severity

_VERSION = "v=DMARC1"
_RECORD = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(;|$)")  # the case of the value is fixed
_LARGEST = re.compile(r"!\d+[kmgt]?$", re.I)  # of reports, once (RFC 7489 section 6.2)


def of_host(host: MailHost, is_domain: bool) -> Iterator[Record]:
    """The strictest."""
    if not is_domain:
        why = "Only the host itself writes from its name, and SPF covers that (RFC 9989)."
        yield Record("dmarc", f"_dmarc.{host.name}.", "TXT", (_REJECT,), why, RECOMMENDED)


def of_domain(domain: Domain, presence: Presence) -> Iterator[Record]:
    """Its policy, and the consent of those in other domains who get its reports."""
    name = f"{domain.name}."
    why = "What receivers do with mail that fails SPF and DKIM, and whom they tell (RFC 9989)."
    yield Record("dmarc", f"_dmarc.{name}", "TXT", (value(domain.policy.dmarc),), why)
    for other in outside(domain):
        why = f"{other} agrees to get the DMARC reports of {domain.name} (RFC 9990 section 4)."
        there = f"{domain.name}._report._dmarc.{other}."
        yield Record("dmarc-report", there, "TXT", (_VERSION,), why)


def no_mail(name: str) -> Iterator[Record]:
    """The strictest."""
    why = "What claims to be from this name is a forgery (RFC 9989)."
    yield Record("dmarc", f"_dmarc.{name}.", "TXT", (_REJECT,), why, RECOMMENDED)


def value(tags: Dmarc) -> str:
    """The text of a record: `v` and `p` first, then only what is said (section 4.7)."""
    optional = {name: getattr(tags, name) for name in ("sp", "np", "adkim", "aspf")}
    words = [_VERSION, f"p={tags.p}"]
    words += [f"{name}={tag}" for name, tag in optional.items() if tag]
    words += ["t=y"] * tags.t
    words += [f"{name}={uris(to)}" for name, to in (("rua", tags.rua), ("ruf", tags.ruf)) if to]
    return "; ".join(words)


def is_record(text: str) -> bool:
    """Whether receivers take a TXT record for a policy (section 4.7)."""
    return bool(_RECORD.match(text))


def uris(addresses: tuple[str, ...]) -> str:
    """Addresses as a list of URIs; commas and exclamation marks are encoded (section 4.7)."""
    return ",".join(f"mailto:{quote(name, safe='@+=/')}" for name in addresses)


def outside(domain: Domain) -> list[str]:
    """Other people's domains that reports go to: they must agree to get them (RFC 9990 section 4).

    A name above or below the domain is its own.
    """
    tags = domain.policy.dmarc
    names = {name.rpartition("@")[2] for name in (*tags.rua, *tags.ruf)}
    return sorted(name for name in names if not related(name, domain.name))


_REJECT = value(Dmarc("reject"))

_DEFAULTS = {"adkim": "r", "aspf": "r", "t": "n", "psd": "u"}


def meaning(value: str) -> dict[str, Any]:
    """What its tags say, said or not; addresses as sets.

    `psd=n` says nothing: what it changes depends on the records above (section 4.10.2).
    """
    has = {name: tag.lower() for name, tag in tag_list.tags(value).items()}
    found: dict[str, Any] = {name: has.get(name, default) for name, default in _DEFAULTS.items()}
    found["psd"] = found["psd"].replace("n", "u")
    found["p"] = has.get("p")
    found["sp"] = has.get("sp", found["p"])
    found["np"] = has.get("np", found["sp"])
    return found | {name: _targets(has.get(name, "")) for name in ("rua", "ruf")}


def _targets(uris: str) -> set[str]:
    return {unquote(_LARGEST.sub("", uri)) for uri in tag_list.items(uris, ",")}


def is_same(one: str, other: str) -> bool:
    """Whether two DMARC records mean the same."""
    return meaning(one) == meaning(other)


def judge(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
    """Whether there is one policy, which means the same."""
    found = such(rdatas, is_record)
    yield from counted(record, rdatas, found)
    if len(found) == 1:
        wanted, has = meaning(record.values[0]), meaning(found[0])
        said = {**tag_list.tags(record.values[0]), **tag_list.tags(found[0])}
        names = [name for name in wanted if name in said and wanted[name] != has[name]]
        if names:
            yield CHANGED, f"{shown(found[0])} differs in {listed(names, 'and')}", None
    stray = len(rdatas) - len(found)
    if found and stray:
        what = f"{stray} TXT records beside it are no DMARC"
        yield "stray", f"{what}, and receivers skip them", Severity.WARNING


_RULE = Rule(judge, _VERSION)
PURPOSE = Purpose(
    of_host=of_host,
    of_domain=of_domain,
    no_mail=no_mail,
    reaches_out=lambda domain: bool(outside(domain)),
    rules={"dmarc": _RULE, "dmarc-report": _RULE},
)
