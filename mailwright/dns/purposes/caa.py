"""CAA: which certificate authorities may issue for a name (RFC 8659, RFC 8657)."""

from __future__ import annotations

from collections.abc import Iterator

from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.host import MailHost


def of_host(host: MailHost) -> Iterator[Record]:
    """These issue, nobody a wildcard; the postmaster hears of refusals."""
    if host.caa:
        why = "Only these authorities may issue certificates for the host (RFC 8659)."
        issue = (f'0 issue "{issuer}"' for issuer in host.caa)
        values = (*issue, '0 issuewild ";"', f'0 iodef "mailto:{host.postmaster}"')
        yield Record("caa", f"{host.name}.", "CAA", values, why, RECOMMENDED)
