"""Domain names and mail addresses, in the one form in which everything else compares them.

A domain is kept as A-labels in lower case (RFC 5890), an address with a local part in lower case:
RFC 5321 section 2.4 leaves the meaning of a local part's case to us, its owner.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

import idna

from mailwright.model.problems import Invalid

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_LDH = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}")
_ATEXT = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_OWN = re.compile(r"[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_-]+)*")

RECIPIENT_DELIMITER = "+"


@lru_cache(maxsize=4096)
def domain(text: str) -> str:
    """A domain name of at least two labels as A-labels in lower case, without a final dot.

    U-labels are accepted (IDNA 2008, RFC 5891, after the mapping of UTS 46). Raises Invalid.
    """
    try:
        name = text.lower() if text.isascii() else idna.encode(text, uts46=True).decode()
        if "xn--" in name:
            idna.decode(name)
    except idna.IDNAError:
        name = ""
    if len(name) > 253 or not _LDH.fullmatch(name):
        raise Invalid(text, "is no domain name", "a full name such as example.com")
    return name


@lru_cache(maxsize=4096)
def unicode(name: str) -> str:
    """The U-label form of a domain name that `domain` returned."""
    return idna.decode(name) if "xn--" in name else name


def both(name: str) -> str:
    """A domain name for people: `münchen.example (xn--mnchen-3ya.example)`, or just the name."""
    return name if unicode(name) == name else f"{unicode(name)} ({name})"


def parse(text: object) -> str:
    """Any mail address (dot-atom, RFC 5322 section 3.2.3) in its one form. Raises Invalid."""
    local, at, name = text.rpartition("@") if isinstance(text, str) else ("", "", "")
    if not at:
        raise Invalid(text, "is no mail address", "one such as alice@example.com")
    local = local.lower()
    if len(local) > 64 or not _DOT_ATOM.fullmatch(local):  # RFC 5321 section 4.5.3.1.1
        raise Invalid(text, "has no valid local part", "letters, digits and - _ . before the @")
    return f"{local}@{domain(name)}"


def own(text: str) -> str:
    """An address of ours: what Postfix and Dovecot both accept with their safe defaults.

    Dovecot's auth_username_chars has letters, digits and `.-_`; Postfix refuses a leading `-`
    (allow_min_user). Raises Invalid.
    """
    address = parse(text)
    local = address.rpartition("@")[0]
    if RECIPIENT_DELIMITER in local:
        hint = f"mail to {without_extension(address)} with +anything arrives there by itself"
        raise Invalid(text, "has a '+', which starts an address extension", "a name without", hint)
    if not _OWN.fullmatch(local):
        raise Invalid(text, "has no valid local part", "letters, digits and - _ . before the @")
    return address


def own_or_all(text: str) -> str:
    """An address of ours, or `@example.com`: every one that the domain lacks. Raises Invalid."""
    return f"@{domain(text[1:])}" if text.startswith("@") else own(text)


def without_extension(address: str) -> str:
    """`alice+lists@example.com` without what follows the recipient delimiter."""
    local, _, name = address.rpartition("@")
    return f"{local.partition(RECIPIENT_DELIMITER)[0]}@{name}"


def related(one: str, other: str) -> bool:
    """Whether a domain is the other, above it or below it."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def zone_of(name: str, known: Collection[str]) -> str:
    """The name's zone: the longest of the known names that it ends in."""
    name = name.rstrip(".")
    while name and name not in known:
        name = name.partition(".")[2]
    return name
