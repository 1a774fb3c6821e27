"""CAA: which certificate authorities may issue for a name (RFC 8659, RFC 8657)."""

from __future__ import annotations

from collections.abc import Iterable


def values(issuers: Iterable[str], contact: str) -> tuple[str, ...]:
    """The data of a record set: these issue, nobody a wildcard; the contact hears of refusals."""
    return (
        *(f'0 issue "{issuer}"' for issuer in issuers),
        '0 issuewild ";"',
        f'0 iodef "mailto:{contact}"',
    )
