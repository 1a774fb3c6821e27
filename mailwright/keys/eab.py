"""The key that an authority's customer has there, beside ACME (external account binding)."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path

from mailwright.keys import secret
from mailwright.model.problems import Invalid

FILE = "tls/acme-eab.key"
_LEAST = 16  # bytes: half of what HMAC-SHA256 wants (RFC 2104 section 3)
_BASE64 = re.compile(r"[A-Za-z0-9_-]+")


def read(folder: Path) -> str:
    """The HMAC key of an inventory, in base64url without padding (RFC 8555 section 7.3.4).

    Raises Invalid, which never shows what is in the file.
    """
    words = secret.read(folder / FILE).decode("utf-8", "replace").split()
    text = "".join(words).rstrip("=").translate(str.maketrans("+/", "-_"))
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(words) != 1 or not _BASE64.fullmatch(text) or len(raw) < _LEAST:
        what, expected = "has no key of an external account", "one line in base64url"
        raise Invalid(None, what, expected, "the authority shows it beside the eab_kid")
    return text
