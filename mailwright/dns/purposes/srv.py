"""SRV: where a mail program finds the services of a domain, and which there are not (RFC 6186)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mailwright.dns.fault import CHANGED, MISSING, MORE, Fault
from mailwright.dns.purpose import Presence, Purpose, Rule, once_there
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.domain import Domain
from mailwright.model.problems import listed
from mailwright.model.services import CLIENT

_NOT_OFFERED = "0 0 0 ."  # RFC 6186 section 3.4


def of_domain(domain: Domain, presence: Presence) -> Iterator[Record]:
    """Each service at the domain's host, as far as its protocol is offered."""
    for service in CLIENT:
        is_here = service.protocol in presence.offered
        here = f"{service.priority} 1 {service.port} {domain.host}."
        state = "Mail programs find" if is_here else "There is no"
        why = f"{state} {service.what} at port {service.port} ({service.source})."
        name, value = f"_{service.service}._tcp.{domain.name}.", here if is_here else _NOT_OFFERED
        yield Record("srv", name, "SRV", (value,), why, RECOMMENDED)


def judge(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
    """Priority and weight choose among services; what counts is where each is."""
    (wanted,) = record.rdatas
    is_null = wanted.target.labels == (b"",)
    found = [i for i in rdatas if i.target == wanted.target and (is_null or i.port == wanted.port)]
    if not rdatas:
        yield MISSING, "there is no SRV record", None
    elif not found:
        yield CHANGED, f"{listed(map(str, rdatas), 'and')} is published, not {wanted}", None
    elif len(rdatas) > len(found):
        others = listed([str(i) for i in rdatas if i not in found], "and")
        yield MORE, f"{others} is published as well", None


PURPOSE = Purpose(of_domain=of_domain, rules={"srv": Rule(judge, beside=once_there)})
