"""The key that a name server knows us by (TSIG, RFC 8945), from a file and from nowhere else.

The file is what BIND's tsig-keygen writes, or Knot's `keymgr -t`.
"""

from __future__ import annotations

import base64
import binascii
import re
from itertools import pairwise
from pathlib import Path

import dns.exception
import dns.name
import dns.tsig
from dns.tsig import Key

from mailwright.keys import secret
from mailwright.model.problems import Invalid, Problems, listed

ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1")
_EXPECTED = 'key "name" { algorithm hmac-sha256; secret "…"; };'


def read(path: Path) -> Key:
    """The one key in the file. Raises Problems, which never show what is in it."""
    try:
        return _key(_words(secret.read(path).decode("utf-8", "replace")))
    except Invalid as error:
        raise Problems([error.at(str(path))]) from None


def _words(text: str) -> list[str]:
    """Without comments and punctuation: what both notations have in common."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith(("#", "//")))
    return re.sub(r'[{};"]|(?<=[a-z]):(?=\s)|^\s*-', " ", "\n".join(lines), flags=re.M).split()


def _key(words: list[str]) -> Key:
    after: dict[str, list[str]] = {}
    for word, following in pairwise(words):
        after.setdefault(word, []).append(following)
    names = [n for word in ("key", "id") for n in after.get(word, ()) if n not in ("key", "id")]
    secrets, algorithms = after.get("secret", []), after.get("algorithm", [])
    if len(secrets) > 1:
        raise Invalid(None, "has several keys", "one")
    if not (names and secrets and algorithms):
        raise Invalid(None, "is no TSIG key", _EXPECTED, "tsig-keygen(8) and keymgr(8) make one")
    if algorithms[0].lower().rstrip(".") not in ALGORITHMS:
        raise Invalid(None, "has an unknown algorithm", listed(ALGORITHMS))
    try:
        bare = base64.b64decode(secrets[0], validate=True)
        return Key(dns.name.from_text(names[0]), bare, algorithms[0].lower().rstrip("."))
    except (binascii.Error, ValueError, dns.exception.DNSException):
        raise Invalid(None, "has a secret or a name that is none", _EXPECTED) from None
