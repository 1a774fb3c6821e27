"""SPF: which servers send for a name (RFC 7208)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from mailwright import address
from mailwright.problems import Invalid, listed

ALL = ("-all", "~all", "?all")
_MECHANISMS = ("include", "a", "mx", "ip4", "ip6", "exists")
_TERM = re.compile(
    r"[-~?+]?(?P<name>[a-z0-9]+)(?::(?P<argument>[^/\s]+))?(?P<cidr>/[0-9/]+)?", re.I
)
_NETWORKS = {"ip4": 4, "ip6": 6}


def value(mechanisms: Iterable[str], all_: str = ALL[0]) -> str:
    """The text of a record, ended by one of ALL."""
    return " ".join(["v=spf1", *mechanisms, all_])


def mechanism(text: object) -> str:
    """One of the domain's other senders, such as `include:_spf.example.net`. Raises Invalid."""
    term = text.lower() if isinstance(text, str) and "%" not in text else text
    found = _TERM.fullmatch(term) if isinstance(term, str) else None
    name = found["name"].lower() if found else ""
    if name in ("all", "redirect"):
        raise Invalid(text, "has no place here", hint="the setting spf says how the record ends")
    if name == "ptr":
        raise Invalid(text, "must not be used", hint="RFC 7208 section 5.5: slow and unreliable")
    if not found or name not in _MECHANISMS or not _is_complete(found, name):
        raise Invalid(text, "is no SPF mechanism", f"{listed(_MECHANISMS)}, such as ip4:192.0.2.1")
    return str(term)


def _is_complete(found: re.Match[str], name: str) -> bool:
    argument = found["argument"]
    if name in _NETWORKS:
        return _is_network(f"{argument or ''}{found['cidr'] or ''}", _NETWORKS[name])
    if argument and "%" not in argument:
        return _is_name(argument)
    return bool(argument) or name in ("a", "mx")


def _is_network(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_network(text, strict=False).version == version
    except ValueError:
        return False


def _is_name(text: str) -> bool:
    """A name may have labels that begin with `_`, as host names may not."""
    try:
        return bool(address.domain(text.replace("_", "x")))
    except Invalid:
        return False
