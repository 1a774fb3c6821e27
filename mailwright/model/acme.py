"""The authority that certificates are ordered from, by ACME (RFC 8555)."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mailwright.model.problems import Invalid

GIVEN, ORDERED = "given", "ordered"  # a certificate: the operator's file, or one by ACME
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_KID = re.compile(r"[!-~]{1,256}")  # RFC 8555 section 7.3.4: an ASCII string
_URL = frozenset(string.ascii_letters + string.digits + "-._~:/?&=%+@,")


@dataclass(frozen=True)
class Acme:
    """The URL of the authority's directory, and the mail address that its account names.

    `eab_kid` is who we are to an authority that wants to know (external account binding, RFC 8555
    section 7.3.4), and `eab_key` proves it: HMAC-SHA256, in base64url. Both are empty elsewhere.
    """

    directory: str
    contact: str
    eab_kid: str = ""
    eab_key: str = field(default="", repr=False)


def eab_kid(value: object) -> str:
    """The identifier of an external account. Raises Invalid."""
    if isinstance(value, str) and _KID.fullmatch(value):
        return value
    raise Invalid(value, "is no identifier of an external account", "what the authority calls it")


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
