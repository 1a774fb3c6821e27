"""SPF: which servers send for a name (RFC 7208).

Receivers give up on a record (`permerror`) that does not parse, or that makes them ask too much:
`Count` follows a record as they do and says what it costs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mailwright.model import address
from mailwright.model.problems import Invalid, listed

VERSION = "v=spf1"
ALL = ("-all", "~all", "?all")
LOOKUPS, VOIDS, NAMES = 10, 2, 10  # section 4.6.4: terms that ask, asked in vain, names of one MX
_MECHANISMS = ("include", "a", "mx", "ip4", "ip6", "exists")
_ASKING = {"include", "a", "mx", "ptr", "exists"}
_NAME = r"[a-z][a-z0-9._-]*"
_MECHANISM = re.compile(
    r"(?P<qualifier>[-~?+])?(?P<name>[a-z0-9]+)(?::(?P<value>[!-~]+?))?(?P<cidr>/[0-9/]+)?", re.I
)
_MODIFIER = re.compile(rf"(?P<name>{_NAME})=(?P<value>[!-~]*)", re.I)
_CIDR = re.compile(r"(?:/(?P<v4>0|[1-9]\d?))?(?://(?P<v6>0|[1-9]\d{0,2}))?")
_NETWORKS = {"ip4": 4, "ip6": 6}
_FAMILIES = ("A", "AAAA")
_LENGTH = re.compile(r"(?:/(0|[1-9]\d*))?")
# Section 7.1: macro-string and domain-spec, which ends in a macro or in a label that can be a top.
_EXPAND = r"%(?:\{[slodiphv]\d*r?[-.+,/_=]*\}|[%_-])"
_STRING = rf"(?:{_EXPAND}|[!-$&-~])*"
_TOP = r"(?:[a-z0-9]*[a-z][a-z0-9]*|[a-z0-9]+-[a-z0-9-]*[a-z0-9])"
_MACRO_STRING = re.compile(_STRING, re.I)
_DOMAIN_SPEC = re.compile(rf"{_STRING}(?:\.{_TOP}\.?|{_EXPAND})", re.I)
_MEANT = re.compile(r"\W*(?:v\W{0,3}spf\W?1(?!\d)|spf\W?1\s)", re.I)
_MEANT_END = re.compile(r"(?:\A|\s)[-~?]all\W*\Z", re.I)

# Gives the data at a name as text (TXT whole); nothing there is no text. Raises DNSException.
LookUp = Callable[[str, str], Sequence[str]]


@dataclass(frozen=True)
class Term:
    """A mechanism, such as `~include:example.net`, or a modifier, such as `redirect=example.net`.

    `value` is what follows the colon or the equals sign, `cidr` begins with its slash.
    """

    name: str
    value: str = ""
    cidr: str = ""
    qualifier: str = "+"
    is_modifier: bool = False

    def __str__(self) -> str:
        if self.is_modifier:
            return f"{self.name}={self.value}"
        sign = "" if self.qualifier == "+" else self.qualifier
        return f"{sign}{self.name}{':' if self.value else ''}{self.value}{self.cidr}"

    @property
    def asks(self) -> bool:
        """Whether a receiver has to ask the DNS for it (section 4.6.4)."""
        return self.name == "redirect" if self.is_modifier else self.name in _ASKING


def value(mechanisms: Iterable[str], all_: str = ALL[0]) -> str:
    """The text of a record, ended by one of ALL."""
    return " ".join([VERSION, *mechanisms, all_])


def sender(host: str, addresses: Sequence[str]) -> str:
    """The mechanism of a host: its name, or its address if it has none of the other family.

    Senders of that family would ask for the name in vain, and may do so twice (section 4.6.4).
    """
    if len(addresses) > 1:
        return f"a:{host}"
    ip = ipaddress.ip_address(addresses[0])
    return f"ip{ip.version}:{ip}"


def asks(mechanisms: Iterable[str]) -> int:
    """How often a receiver asks the DNS for these, not counting what they include in turn."""
    return sum(term.asks for term in parse(value(mechanisms)))


def is_spf(text: str) -> bool:
    """Whether a TXT value is an SPF record, right or wrong (section 4.5)."""
    return text.lower() == VERSION or text.lower().startswith(f"{VERSION} ")


def is_meant(text: str) -> bool:
    """Whether whoever wrote a TXT value meant SPF, though receivers do not take it for any.

    Such as `v=spf1include:…`, one with a blank or quotes before it, or without its version.
    """
    return not is_spf(text) and bool(_MEANT.match(text) or _MEANT_END.search(text))


def mended(strings: Iterable[str]) -> str:
    """What was meant by one of which that is so: its strings apart, without what is around it."""
    text = " ".join(" ".join(strings).split()).strip("\"'\N{BYTE ORDER MARK} ")
    return f"{VERSION} {_MEANT.sub('', text, count=1)}"


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a record, in their order. Raises Invalid where a receiver says permerror."""
    if not is_spf(text):
        raise Invalid(text, "is no SPF record", VERSION)
    terms = tuple(map(_term, text.split(" ")[1:]))
    found = [term for term in terms if term is not None]
    for name in ("redirect", "exp"):
        if sum(term.is_modifier and term.name == name for term in found) > 1:
            raise Invalid(text, f"has {name}= twice")
    return tuple(found)


def _term(text: str) -> Term | None:
    if not text:
        return None
    if found := _MODIFIER.fullmatch(text):
        name, argument = found["name"].lower(), found["value"]
        if name in ("redirect", "exp") and not _is_domain_spec(argument):
            raise Invalid(text, "has no name after the =")
        if not _MACRO_STRING.fullmatch(argument):
            raise Invalid(text, "has a macro that is none")
        return Term(name, argument, is_modifier=True)
    if not (found := _MECHANISM.fullmatch(text)):
        raise Invalid(text, "is no SPF term")
    term = Term(
        found["name"].lower(), found["value"] or "", found["cidr"] or "", found["qualifier"] or "+"
    )
    if not _is_right(term):
        raise Invalid(text, "is no SPF mechanism")
    return term


def _is_right(term: Term) -> bool:
    """Whether a mechanism has the arguments that belong to it (section 5)."""
    if term.name in _NETWORKS:
        is_number = _LENGTH.fullmatch(term.cidr) is not None
        is_plain = not {"/", "%"} & {*term.value}  # neither a net mask nor an interface
        return is_number and is_plain and _is_network(term.value + term.cidr, _NETWORKS[term.name])
    if term.cidr and not (term.name in ("a", "mx") and _is_cidr(term.cidr)):
        return False
    if term.name == "all":
        return not term.value
    named = _is_domain_spec(term.value)
    return (
        named
        if term.name in ("include", "exists")
        else term.name in _ASKING and (named or not term.value)
    )


def _is_cidr(text: str) -> bool:
    found = _CIDR.fullmatch(text)
    return found is not None and int(found["v4"] or 0) <= 32 and int(found["v6"] or 0) <= 128


def _is_domain_spec(text: str) -> bool:
    """A name that can be one, or one with macros, whose labels nobody can judge beforehand."""
    return bool(_DOMAIN_SPEC.fullmatch(text)) and ("%" in text or _is_any_name(text))


def _is_any_name(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return len(text) <= 253 and all(0 < len(each) <= 63 for each in labels)


@dataclass
class Count:
    """What a record makes a receiver ask, the records that it includes too (section 4.6.4).

    `look_up` asks the DNS. `lookups` are terms that ask, `voids` what is asked in vain for a sender
    of each address family; a term with a macro counts, but where it leads depends on the message.
    `problems` are permerrors.
    """

    look_up: LookUp
    lookups: int = 0
    voids: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_FAMILIES, 0))
    problems: list[str] = field(default_factory=list)

    def follow(self, name: str, terms: Sequence[Term], path: tuple[str, ...] = ()) -> Count:
        """Add what the record at `name` costs, and give this count back. Raises DNSException."""
        path = (*path, name.rstrip(".").lower())
        stops = any(term.name == "all" for term in terms)
        for term in terms:
            if not term.asks or (term.name == "redirect" and stops):
                continue
            self.lookups += 1
            if self.lookups <= 5 * LOOKUPS and "%" not in term.value:
                self._term(term, (term.value or name).rstrip(".").lower(), path)
        return self

    def over(self) -> list[str]:
        """Why receivers give up on the record; nothing where they do not."""
        v4, v6 = self.voids.values()
        who = f" for senders with {'IPv4' if v4 > v6 else 'IPv6'}" if v4 != v6 else ""
        limits = (
            (self.lookups, LOOKUPS, "look-ups"),
            (max(v4, v6), VOIDS, f"look-ups in vain{who}"),
        )
        said = [f"{n} {what}, and receivers stop at {most}" for n, most, what in limits if n > most]
        return said + self.problems

    def _term(self, term: Term, target: str, path: tuple[str, ...]) -> None:
        if term.name in ("include", "redirect"):
            self._include(term, target, path)
        elif term.name == "mx":
            names = self.look_up(target, "MX")
            self._void(not names)
            for exchange in filter(None, (text.split()[1].rstrip(".") for text in names)):
                self._addresses(exchange)
            if len(names) > NAMES:
                self.problems.append(f"{term} has {len(names)} names, and receivers stop at 10")
        elif term.name == "a":
            self._addresses(target)
        elif term.name == "exists":
            self._void(not self.look_up(target, "A"))

    def _addresses(self, name: str) -> None:
        """What a sender asks for is the address of its own family (section 5)."""
        for kind in _FAMILIES:
            self.voids[kind] += not self.look_up(name, kind)

    def _void(self, is_void: bool) -> None:
        for kind in _FAMILIES:
            self.voids[kind] += is_void

    def _include(self, term: Term, target: str, path: tuple[str, ...]) -> None:
        if target in path:
            self.problems.append(f"{term} leads back to {target}")
            return
        texts = self.look_up(target, "TXT")
        self._void(not texts)
        found = [text for text in texts if is_spf(text)]
        if len(found) != 1:
            self.problems.append(f"{target} has {len(found) or 'no'} SPF records ({term})")
            return
        try:
            self.follow(target, parse(found[0]), path)
        except Invalid as error:
            self.problems.append(f"the SPF record of {target} has {error.value!r} ({term})")


def mechanism(text: object) -> str:
    """One of the domain's other senders, such as `include:_spf.example.net`. Raises Invalid."""
    term = text.lower() if isinstance(text, str) and "%" not in text else text
    found = _MECHANISM.fullmatch(term) if isinstance(term, str) else None
    name = found["name"].lower() if found else ""
    if name in ("all", "redirect"):
        raise Invalid(text, "has no place here", hint="the setting spf says how the record ends")
    if name == "ptr":
        raise Invalid(text, "must not be used", hint="RFC 7208 section 5.5: slow and unreliable")
    if name not in _MECHANISMS or not _is_complete(str(term)):
        raise Invalid(text, "is no SPF mechanism", f"{listed(_MECHANISMS)}, such as ip4:192.0.2.1")
    return str(term)


def _is_complete(text: str) -> bool:
    """Whether it is one to receivers, and a name in it is one that can be in DNS."""
    try:
        term = _term(text)
    except Invalid:
        return False
    is_named = term is not None and bool(term.value) and term.name not in _NETWORKS
    return term is not None and (not is_named or "%" in term.value or _is_name(term.value))


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
