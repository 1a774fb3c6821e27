"""SPF as a receiver evaluates it: `check_host` of RFC 7208 section 4."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import dns.exception
import dns.name

from mailwright.model import spf
from mailwright.model.problems import Invalid
from mailwright.model.spf import Term

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_MACRO = re.compile(r"%(?:\{([slodiphcrtv])(\d*)(r?)([.+,/_=-]*)\}|([%_-]))", re.I)
_LITERALS = {"%": "%", "_": " ", "-": "%20"}


class Unasked(Exception):  # noqa: N818
    """A look-up that nobody answers: temperror."""


class _Permanent(Exception):  # noqa: N818
    """The record cannot be evaluated, and never will: permerror."""


@dataclass
class Evaluation:
    """One message: the client's address, its envelope sender and its EHLO name.

    `look_up` gives the data at a name as text; nothing there is no text. It raises Unasked where
    nobody can tell.
    """

    look_up: spf.LookUp
    ip: Address
    sender: str
    helo: str
    lookups: int = 0
    voids: int = 0

    def __post_init__(self) -> None:
        """An IPv4 address in IPv6's clothes is one (section 5)."""
        self.ip = getattr(self.ip, "ipv4_mapped", None) or self.ip

    def result(self, name: str, record: str | None = None) -> str:
        """`pass`, `fail`, …, `none` or `permerror` (section 2.6), of `record` or what DNS has.

        Raises Unasked, which is temperror.
        """
        try:
            return self._check(name.rstrip("."), record)
        except (_Permanent, Invalid):
            return "permerror"

    def _check(self, name: str, record: str | None = None) -> str:
        found = [record] if record else [t for t in self._found(name, "TXT") if spf.is_spf(t)]
        if len(found) > 1:
            raise _Permanent
        if not found:
            return "none"
        terms = spf.parse(found[0])
        for term in terms:
            if not term.is_modifier and self._matches(term, name):
                return _RESULTS[term.qualifier]
        redirect = next((t for t in terms if t.is_modifier and t.name == "redirect"), None)
        if redirect is None:
            return "neutral"
        self._count()
        result = self._check(self._expanded(redirect.value, name))
        if result == "none":
            raise _Permanent
        return result

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > spf.LOOKUPS:
            raise _Permanent

    def _matches(self, term: Term, name: str) -> bool:
        if term.name == "all":
            return True
        if term.name in ("ip4", "ip6"):
            return self.ip in ipaddress.ip_network(term.value + term.cidr, strict=False)
        self._count()
        target = self._expanded(term.value, name) if term.value else name
        if term.name == "include":
            result = self._check(target)
            if result == "none":
                raise _Permanent
            return result == "pass"
        if term.name == "exists":
            return bool(self._asked(target, "A"))
        if term.name == "ptr":
            return any(_is_below(found, target) for found in self._validated())
        return self._is_address(target if term.name == "a" else "", target, term.cidr)

    def _is_address(self, own: str, target: str, cidr: str) -> bool:
        """Mechanisms a and mx (sections 5.3 and 5.4)."""
        names = [own] if own else self._exchanges(target)
        kind = "A" if self.ip.version == 4 else "AAAA"
        v4, _, v6 = cidr.partition("//")
        length = v4.removeprefix("/") if self.ip.version == 4 else v6
        for name in names:
            for text in self._asked(name, kind):
                network = ipaddress.ip_network(f"{text}/{length}" if length else text, strict=False)
                if self.ip in network:
                    return True
        return False

    def _exchanges(self, target: str) -> list[str]:
        names = [text.split()[1].rstrip(".") for text in self._asked(target, "MX")]
        if len(names) > spf.NAMES:
            raise _Permanent
        return [name for name in names if name]

    def _validated(self) -> list[str]:
        """The names of the client that lead back to it; errors lead nowhere (section 5.5)."""
        names = [text.rstrip(".") for text in self._if_told(self.ip.reverse_pointer, "PTR")]
        kind = "A" if self.ip.version == 4 else "AAAA"
        return [
            name
            for name in names[: spf.NAMES]
            if any(ipaddress.ip_address(text) == self.ip for text in self._if_told(name, kind))
        ]

    def _if_told(self, name: str, kind: str) -> Sequence[str]:
        try:
            return self._found(name, kind)
        except Unasked:
            return ()

    def _name(self, domain: str) -> str:
        """The macro p: best the domain itself, then a name below it (section 7.3)."""
        found = self._validated()
        found.sort(key=lambda name: (name.lower() != domain.lower(), not _is_below(name, domain)))
        return found[0] if found else "unknown"

    def _asked(self, name: str, kind: str) -> Sequence[str]:
        found = self._found(name, kind)
        self.voids += not found
        if self.voids > spf.VOIDS:
            raise _Permanent
        return found

    def _found(self, name: str, kind: str) -> Sequence[str]:
        """Nothing is at a name that cannot be one: macros make such names (section 4.3)."""
        labels = [label.encode() for label in name.rstrip(".").split(".")]
        try:
            whole = dns.name.Name([*labels, b""])
        except dns.exception.DNSException:
            return ()
        return self.look_up(whole.to_text(omit_final_dot=True), kind)

    def _expanded(self, text: str, name: str) -> str:
        """The macros of a domain-spec (section 7)."""
        found = _MACRO.sub(lambda match: self._macro(match, name), text)
        while len(found) > 253:
            found = found.partition(".")[2]
        return found.rstrip(".")

    def _macro(self, match: re.Match[str], name: str) -> str:
        if match[5]:
            return _LITERALS[match[5]]
        local, _, domain = self.sender.rpartition("@")
        dotted = str(self.ip) if self.ip.version == 4 else ".".join(f"{int(self.ip):032x}")
        letter = match[1].lower()
        values = {
            "s": self.sender, "l": local or "postmaster", "o": domain, "d": name, "i": dotted,
            "p": self._name(name) if letter == "p" else "", "h": self.helo,
            "v": "in-addr" if self.ip.version == 4 else "ip6",
        }  # fmt: skip
        if letter not in values:
            raise _Permanent
        parts = re.split(f"[{re.escape(match[4] or '.')}]", values[letter])
        parts = parts[::-1] if match[3] else parts
        joined = ".".join(parts[-int(match[2]) :] if match[2] else parts)
        return quote(joined, safe="") if match[1].isupper() else joined


def _is_below(name: str, domain: str) -> bool:
    """Whether a name is the domain, or below it."""
    return f".{name}".lower().endswith(f".{domain}".lower())
