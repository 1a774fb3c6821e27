"""DKIM: the keys that verify a domain's signatures (RFC 6376 section 3.6).

Where a domain's keys are delegated, its zone has CNAMEs that never change, and the operator's zone
has what they lead to. Three slots for each algorithm: one signs, one comes, one goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mailwright.dns.fault import CHANGED, Fault, counted
from mailwright.dns.purpose import Presence, Purpose, Rule
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model import tag_list
from mailwright.model.dkim import State
from mailwright.model.domain import Domain
from mailwright.model.host import MailHost
from mailwright.model.problems import Invalid, shown
from mailwright.net.data import text
from mailwright.report.finding import Severity

_SLOTS = 3
_WHY = {
    State.NEW: "The {0} key that will sign next: everybody must find it before it does (RFC 6376).",
    State.SIGNING: "The {0} key that verifies its signatures (RFC 6376 section 3.6.2).",
    State.OLD: "The {0} key that signed before: mail of then is still on its way (RFC 6376).",
    State.REVOKED: "The {0} key that was here is revoked (RFC 6376 section 3.6.1).",
}


def slots(algorithm: str) -> tuple[str, ...]:
    """The selectors that delegated keys of an algorithm take in turn."""
    return tuple(f"mw{algorithm[0]}{number}" for number in range(1, _SLOTS + 1))


def of_host(host: MailHost, is_domain: bool) -> Iterator[Record]:
    """The keys of the domain that lends them, where the host's name lies in none of its own."""
    if domain := host.domain_lending:
        why = f"What the host itself writes, bounces too, is signed with a key of {domain.name}."
        for key in domain.published:
            place = f"{key.selector}._domainkey.{host.name}."
            yield Record("dkim", place, "TXT", (key.record,), why, RECOMMENDED)


def of_domain(domain: Domain, presence: Presence) -> Iterator[Record]:
    """Each key that signs, will sign or has signed, and the aliases of those that are delegated."""
    used = {key.algorithm for key in domain.published if key.life.slot}
    for algorithm in sorted({*domain.algorithms, *used}) if domain.dkim_delegated else ():
        for slot in slots(algorithm):
            why = "Its keys change at their operator's, without a change here (RFC 6376)."
            target = _place(slot, domain)
            name = f"{slot}._domainkey.{domain.name}."
            yield Record("dkim-alias", name, "CNAME", (target,), why)
    for key in domain.published:
        why = _WHY[key.state].format(key.algorithm)
        place = _place(key.selector, domain) if key.life.slot else f"{key.name}."
        yield Record("dkim", place, "TXT", (key.record,), why)


def _place(slot: str, domain: Domain) -> str:
    """Where the record of a slot is: in the operator's zone, or once more in the domain's own."""
    if domain.dkim_delegated is None:
        return f"{slot}._domainkey.{domain.name}."
    return f"{slot}.{domain.name}._domainkey.{domain.dkim_delegated}."


def public_key(text: str) -> str:
    """The key in a published record; empty where it is revoked, or the record is none."""
    try:
        return tag_list.base64(tag_list.parse(text).get("p", ""))
    except Invalid:
        return ""


def difference(text: str, wanted: str) -> str:
    """Why verifiers do not get from a published record the key of the one that is wanted.

    Empty where they do (RFC 6376 section 3.6.1).
    """
    right = tag_list.parse(wanted)
    try:
        found = tag_list.parse(text)
    except Invalid:
        found = {"v": ""}
    if found.get("v", "DKIM1") != "DKIM1" or "v" in [*found][1:]:
        return f"{shown(text)} is no DKIM key"
    if not found.get("p") and right["p"]:
        return "the key is revoked (p= is empty)"
    if (found.get("k", "rsa"), tag_list.base64(found.get("p", ""))) != (right["k"], right["p"]):
        return "this is another key than the one on the disk"
    if "sha256" not in tag_list.items(found.get("h", "sha256"), ":"):
        return "h= does not allow sha256"
    if not {"*", "email"} & {*tag_list.items(found.get("s", "*"), ":")}:
        return "s= does not allow mail"
    return ""


def judge(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
    """Whether verifiers get our key, and take it seriously."""
    found = list(map(text, rdatas))
    yield from counted(record, rdatas, found)
    if len(found) != 1:
        return
    if fault := difference(found[0], record.values[0]):
        yield CHANGED, fault, None
    elif "y" in tag_list.items(tag_list.tags(found[0]).get("t", ""), ":"):
        yield "testing", "t=y tells receivers not to take it seriously", Severity.WARNING


PURPOSE = Purpose(
    of_host=of_host,
    of_domain=of_domain,
    reaches_out=lambda domain: bool(domain.dkim_delegated),
    rules={"dkim": Rule(judge)},
)
