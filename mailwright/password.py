"""Password hashes in the schemes that Dovecot 2.3 and 2.4 both verify on Debian.

https://doc.dovecot.org/2.4.1/core/config/auth/schemes.html
"""

from __future__ import annotations

import re
import secrets

import bcrypt

from mailwright.problems import Invalid, listed, nearest

# Each login of a mail client costs the server one verification, and phones log in often. 2^10
# rounds take 70 ms of one core: OWASP's least for bcrypt, 32 times Dovecot's own default of 2^5.
COST = 10
# A hash is slow so that guessing is. Nobody guesses the 120 bits of a password that was made up
# here, so it costs 2 ms.
GENERATED_COST = 5

_CRYPT64, _BASE64 = r"[./A-Za-z0-9]", r"[A-Za-z0-9+/]"
_ARGON2 = rf"\$v=19\$m=\d+,t=\d+,p=\d+\${_BASE64}{{11,}}\${_BASE64}{{16,}}"
_ROUNDS = rf"(?:rounds=\d{{4,9}}\$)?{_CRYPT64}{{0,16}}\$"
_SCHEMES = {
    "BLF-CRYPT": rf"\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\${_CRYPT64}{{53}}",
    "ARGON2ID": rf"\$argon2id{_ARGON2}",
    "ARGON2I": rf"\$argon2i{_ARGON2}",
    "SHA512-CRYPT": rf"\$6\${_ROUNDS}{_CRYPT64}{{86}}",
    "SHA256-CRYPT": rf"\$5\${_ROUNDS}{_CRYPT64}{{43}}",
    "SSHA512": rf"{_BASE64}{{90,}}={{0,2}}",
    "SSHA256": rf"{_BASE64}{{47,}}={{0,2}}",
    "PBKDF2": rf"\$1\${_CRYPT64}{{1,}}\$\d+\$[0-9a-f]{{40}}",
}
_HASHES = {scheme: re.compile(pattern, re.ASCII) for scheme, pattern in _SCHEMES.items()}
_EXPECTED = "a hash such as {BLF-CRYPT}$2y$10$..."
_HINT = "make one with 'mailwright password'"


def check(text: object) -> str:
    """The hash `{SCHEME}...` as it is. Raises Invalid, which never shows the text."""
    brace, scheme, value = "", "", ""
    if isinstance(text, str) and text.startswith("{"):
        scheme, brace, value = text[1:].partition("}")
    if not brace:
        raise Invalid(None, "is not hashed", _EXPECTED, _HINT)
    if scheme not in _HASHES:
        hint = nearest(scheme.upper(), _HASHES) or _HINT
        raise Invalid(None, "is hashed with an unknown scheme", listed(_HASHES), hint)
    if not _HASHES[scheme].fullmatch(value):
        raise Invalid(None, f"is no hash of scheme {scheme}", _EXPECTED, _HINT)
    return str(text)


def hash(password: str, generated: bool = False) -> str:
    """The `{BLF-CRYPT}` hash of a password; bcrypt reads at most 72 bytes. Raises Invalid.

    One that `generate` made up needs no slow hash.
    """
    cost = GENERATED_COST if generated else COST
    raw = password.encode()
    if not raw or len(raw) > 72 or b"\0" in raw:
        raise Invalid(None, "the password cannot be hashed", "1 to 72 bytes, none of them zero")
    return "{BLF-CRYPT}$2y" + bcrypt.hashpw(raw, bcrypt.gensalt(cost)).decode()[3:]


def generate() -> str:
    """A new random password of 120 bits."""
    return secrets.token_urlsafe(15)
