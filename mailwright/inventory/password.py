"""Password hashes in the schemes that Dovecot 2.3 and 2.4 both verify on Debian.

https://doc.dovecot.org/2.4.1/core/config/auth/schemes.html
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

import bcrypt

from mailwright.model.problems import Invalid, listed, nearest

# Each login of a mail client costs the server one verification, and phones log in often. 2^10
# rounds take 70 ms of one core: OWASP's least for bcrypt, 32 times Dovecot's own default of 2^5.
COST = 10
# A hash is slow so that guessing is. Nobody guesses the 120 bits of a password that was made up
# here, so it costs 2 ms.
GENERATED_COST = 5
LEAST = 12  # characters: OWASP ASVS 4.0.3, V2.1.1

# What one login may cost, since Dovecot's auth checks one password after the other: who has an
# address and any password at all keeps everybody waiting for as long as the hash says. Each of
# these takes at most half a second of one core and 64 MiB, with the longest password (crypt(3)
# takes 511 bytes, and repeats them in every round).
_HIGHEST_COST = 12  # bcrypt
_HIGHEST_YESCRYPT = "BT"  # 64 MiB; Debian's default is 9T
_MEMORY, _FILLED = 64 << 10, 512 << 10  # Argon2: KiB, and that times the number of passes
_ROUNDS = {"SHA512-CRYPT": 130_000, "SHA256-CRYPT": 80_000, "PBKDF2": 350_000}

_CRYPT64, _BASE64 = r"[./A-Za-z0-9]", r"[A-Za-z0-9+/]"
_ARGON2 = (
    r"\$v=19\$m=(?P<memory>\d{1,10}),t=(?P<passes>\d{1,10}),p=[1-8]"
    rf"\${_BASE64}{{11,86}}\${_BASE64}{{16,86}}"
)
_CRYPT = rf"(?:rounds=(?P<rounds>\d{{4,9}})\$)?{_CRYPT64}{{0,16}}\$"
_SCHEMES = {
    "BLF-CRYPT": rf"\$2[aby]\$(?P<cost>0[4-9]|[12]\d|3[01])\${_CRYPT64}{{53}}",
    "ARGON2ID": rf"\$argon2id{_ARGON2}",
    "ARGON2I": rf"\$argon2i{_ARGON2}",
    "SHA512-CRYPT": rf"\$6\${_CRYPT}{_CRYPT64}{{86}}",
    "SHA256-CRYPT": rf"\$5\${_CRYPT}{_CRYPT64}{{43}}",
    "SSHA512": rf"{_BASE64}{{90,172}}={{0,2}}",
    "SSHA256": rf"{_BASE64}{{47,129}}={{0,2}}",
    "PBKDF2": rf"\$1\${_CRYPT64}{{1,64}}\$(?P<rounds>\d{{1,10}})\$[0-9a-f]{{40}}",
    "CRYPT": rf"\$y\$j(?P<yescrypt>75|85|[7-9A-F]T)\${_CRYPT64}{{1,86}}\${_CRYPT64}{{43}}",
}
_HASHES = {scheme: re.compile(pattern, re.ASCII) for scheme, pattern in _SCHEMES.items()}
_EXPECTED = "a hash such as {BLF-CRYPT}$2y$10$..."
_HINT = "make one with 'mailwright password'"

# How a hash begins that comes without a scheme, as crypt(5) and most programs write it.
_BEGINNINGS = {
    "$2a$": "BLF-CRYPT",
    "$2b$": "BLF-CRYPT",
    "$2y$": "BLF-CRYPT",
    "$6$": "SHA512-CRYPT",
    "$5$": "SHA256-CRYPT",
    "$argon2id$": "ARGON2ID",
    "$argon2i$": "ARGON2I",
    "$y$": "CRYPT",  # yescrypt, of /etc/shadow
    "$1$": "MD5-CRYPT",
    "$apr1$": "APR1",
}
_CRYPT_SCHEMES = {"BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "CRYPT", "MD5-CRYPT"}
# What whoever gets hold of the hash reads or guesses within hours, and Debian 13 refuses mostly.
_WEAK = {
    *("APR1", "DES-CRYPT", "EXT-DES-CRYPT", "LANMAN", "LDAP-MD5", "MD5", "MD5-CRYPT", "NTLM"),
    *("CRAM-MD5", "DIGEST-MD5", "HMAC-MD5", "PLAIN-MD4", "PLAIN-MD5", "SMD5"),
    *("SHA", "SHA1", "SHA256", "SHA512", "SSHA"),
}
_PLAIN = {"CLEAR", "CLEARTEXT", "PLAIN", "PLAIN-TRUNC"}
_WEAK_FORMS = {
    "MD5": re.compile(r"[0-9a-f]{32}", re.IGNORECASE),
    "SHA1": re.compile(r"[*]?[0-9a-f]{40}", re.IGNORECASE),  # MySQL's has an asterisk
    "SHA256": re.compile(r"[0-9a-f]{64}", re.IGNORECASE),
    "SHA512": re.compile(r"[0-9a-f]{128}", re.IGNORECASE),
}
_DES = re.compile(rf"{_CRYPT64}{{13}}", re.ASCII)
_WAY_OUT = "'mailwright mailbox password' gives its owner a new one; a hash cannot be made stronger"


def check(text: object) -> str:
    """The hash as `{SCHEME}...`, which may come without a scheme where it tells that itself.

    Raises Invalid, which never shows the text.
    """
    scheme, value = _parts(text if isinstance(text, str) else "")
    if scheme in _WEAK:
        raise Invalid(None, f"is hashed with {scheme}, which is weak", _EXPECTED, _WAY_OUT)
    if not scheme or scheme in _PLAIN:
        hint = _LOCKED if value[:1] in ("!", "*") else _HINT
        raise Invalid(None, "is not hashed", _EXPECTED, hint)
    if scheme not in _HASHES:
        hint = nearest(scheme, _HASHES) or _HINT
        raise Invalid(None, "is hashed with an unknown scheme", listed(_HASHES), hint)
    found = _HASHES[scheme].fullmatch(value)
    if not found:
        raise Invalid(None, f"is no hash of scheme {scheme}", _EXPECTED, _HINT)
    _check_cost(scheme, found.groupdict())
    return f"{{{scheme}}}{value}"


_LOCKED = "that account is locked where it comes from; suspended = true says so here"


def _parts(text: str) -> tuple[str, str]:
    """The scheme in its one form, empty where there is none, and what follows it."""
    scheme, brace, value = text[1:].partition("}") if text.startswith("{") else ("", "", text)
    scheme = scheme.upper().removesuffix(".B64" if scheme.upper().startswith("SSHA") else "")
    told = next((name for mark, name in _BEGINNINGS.items() if value.startswith(mark)), "")
    if not brace:
        weak = (name for name, form in _WEAK_FORMS.items() if form.fullmatch(text))
        return told or next(weak, ""), text
    if scheme == "CRYPT" and _DES.fullmatch(value):
        return "DES-CRYPT", value
    return (told if scheme == "CRYPT" and told in _CRYPT_SCHEMES else scheme), value


def _check_cost(scheme: str, said: Mapping[str, str | None]) -> None:
    """Raises Invalid for a hash that takes a login longer than others can wait."""
    cost, rounds, memory, passes = (
        int(said.get(name) or 0) for name in ("cost", "rounds", "memory", "passes")
    )
    expected = ""
    if (said.get("yescrypt") or "") > _HIGHEST_YESCRYPT:
        expected = f"j{_HIGHEST_YESCRYPT} at most"
    elif cost > _HIGHEST_COST:
        expected = f"a cost of {_HIGHEST_COST} at most"
    elif rounds > _ROUNDS.get(scheme, rounds):
        expected = f"rounds={_ROUNDS[scheme]} at most"
    elif memory > _MEMORY or memory * passes > _FILLED:
        expected = f"m={_MEMORY} at most, and t*m={_FILLED}"
    if expected:
        hint = "each try would keep all who log in waiting"
        raise Invalid(None, f"is a hash of scheme {scheme} that takes too long", expected, hint)


def hash(password: str, generated: bool = False) -> str:
    """The `{BLF-CRYPT}` hash of a password; bcrypt reads at most 72 bytes. Raises Invalid.

    One that `generate` made up needs no slow hash.
    """
    cost = GENERATED_COST if generated else COST
    raw = hashable(password).encode()
    return "{BLF-CRYPT}$2y" + bcrypt.hashpw(raw, bcrypt.gensalt(cost)).decode()[3:]


def hashable(password: str) -> str:
    """The password as it is, if bcrypt takes all of it. Raises Invalid."""
    raw = password.encode()
    if not raw or len(raw) > 72 or b"\0" in raw:
        raise Invalid(None, "the password cannot be hashed", "1 to 72 bytes, none of them zero")
    return password


def shortness(password: str) -> str:
    """What is to be said of a password that is short; empty for others."""
    if len(password) >= LEAST:
        return ""
    what = f"{len(password)} characters" if len(password) != 1 else "1 character"
    return f"the password has {what}; {LEAST} or more are not guessed (--generate makes one up)"


def generate() -> str:
    """A new random password of 120 bits."""
    return secrets.token_urlsafe(15)
