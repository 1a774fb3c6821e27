"""CAA: which certificate authorities may issue for a name (RFC 8659, RFC 8657)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mailwright.dns.purpose import Purpose, Rule
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.host import MailHost


def of_host(host: MailHost, is_domain: bool) -> Iterator[Record]:
    """These issue, nobody a wildcard; the postmaster hears of refusals."""
    if host.caa:
        why = "Only these authorities may issue certificates for the host (RFC 8659)."
        issue = (f'0 issue "{issuer}"' for issuer in host.caa)
        values = (*issue, '0 issuewild ";"', f'0 iodef "mailto:{host.postmaster}"')
        yield Record("caa", f"{host.name}.", "CAA", values, why, RECOMMENDED)


def beside(record: Record, foreign: Sequence[Any], is_missing: bool) -> bool:
    """Who may issue is said once; others may say more where ours is."""
    return not is_missing or all(b"issue" not in data.tag for data in foreign)


PURPOSE = Purpose(of_host=of_host, rules={"caa": Rule(beside=beside)})
