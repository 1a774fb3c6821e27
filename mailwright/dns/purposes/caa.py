"""CAA: which certificate authorities may issue for a name (RFC 8659, RFC 8657)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailwright.model import address
from mailwright.model.problems import Invalid

_PARAMETER = re.compile(r"[a-z0-9][a-z0-9-]*=[!-:<-~]*", re.I)  # RFC 8659 section 4.2


def issuer(text: object) -> str:
    """`letsencrypt.org`, or with parameters: `letsencrypt.org; accounturi=…`. Raises Invalid."""
    name, *parameters = (
        [part.strip() for part in text.split(";")] if isinstance(text, str) else [""]
    )
    expected = "an authority's domain, such as letsencrypt.org"
    if not all(map(_PARAMETER.fullmatch, parameters)):
        raise Invalid(text, "has a parameter that is none", "tag=value after each ;")
    try:
        return "; ".join([address.domain(name), *parameters])
    except Invalid:
        raise Invalid(text, "is no certificate authority", expected) from None


def values(issuers: Iterable[str], contact: str) -> tuple[str, ...]:
    """The data of a record set: these issue, nobody a wildcard; the contact hears of refusals."""
    return (
        *(f'0 issue "{issuer}"' for issuer in issuers),
        '0 issuewild ";"',
        f'0 iodef "mailto:{contact}"',
    )
