"""The authority that certificates are ordered from, by ACME (RFC 8555)."""

from __future__ import annotations

import string
from dataclasses import dataclass
from urllib.parse import urlsplit

from mailwright.model.problems import Invalid

GIVEN, ORDERED = "given", "ordered"  # a certificate: the operator's file, or one by ACME
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_URL = frozenset(string.ascii_letters + string.digits + "-._~:/?&=%+@,")


@dataclass(frozen=True)
class Acme:
    """The URL of the authority's directory, and the mail address that its account names."""

    directory: str
    contact: str


def directory(value: object) -> str:
    """The URL of a directory (RFC 8555 section 7.1.1). Raises Invalid."""
    expected = f"an https: URL, such as {LETS_ENCRYPT}"
    if not isinstance(value, str) or not set(value) <= _URL:
        raise Invalid(value, "is no URL", expected)
    try:
        parts = urlsplit(value)
        port = parts.port  # a ValueError when it is none
    except ValueError:
        raise Invalid(value, "is no URL", expected) from None
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or port == 0:
        raise Invalid(value, "is no directory of an authority", expected)
    return value
