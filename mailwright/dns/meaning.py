"""What published data means, and whether that is what was wanted; never compared as text.

A judge gets the record and the data at its name, and yields what is wrong: a kind and a sentence,
and a severity where it is not the record's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dns.rdata import Rdata

from mailwright.dns.purposes import dkim, dmarc
from mailwright.dns.record import Record
from mailwright.model import spf, tag_list
from mailwright.model.problems import Invalid, listed, shown
from mailwright.net.authority import text
from mailwright.report.finding import Severity

Fault = tuple[str, str, Severity | None]
Judge = Callable[[Record, Sequence[Rdata]], Iterator[Fault]]

MISSING, CHANGED, DUPLICATE, MORE = "missing", "changed", "duplicate", "more"


def faults(record: Record, rdatas: Sequence[Rdata]) -> list[Fault]:
    """What is wrong with the data at a record's name; nothing where it means the same."""
    judge: Judge = JUDGES.get(record.purpose, _set)
    return list(judge(record, rdatas))


def _set(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
    """Data whose order does not matter; names in DNS have no case (RFC 4343)."""
    wanted = record.rdatas
    right = {item.to_digestable() for item in wanted}
    found = {item.to_digestable(): item for item in rdatas}
    if not found:
        yield MISSING, f"there is no {record.type} record", None
    elif absent := [str(i) for i in wanted if i.to_digestable() not in found]:
        here = listed(map(str, rdatas), "and")
        yield CHANGED, f"{here} is published, without {listed(absent, 'and')}", None
    elif more := [str(item) for key, item in found.items() if key not in right]:
        yield MORE, f"{listed(more, 'and')} is published as well", _more(record)


def _more(record: Record) -> Severity | None:
    """What lies beside a host's address is where mail gets lost; the rest is worth a look."""
    if record.purpose in ("a", "aaaa"):
        return None
    return Severity.NOTE if record.purpose == "tlsa" else Severity.WARNING


def _mx(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
    (wanted,) = record.rdatas
    found = [i for i in rdatas if i.exchange == wanted.exchange]
    others = [i for i in rdatas if i.exchange != wanted.exchange]
    is_null = wanted.exchange.labels == (b"",)
    if not rdatas:
        yield MISSING, "there is no MX record", None
    elif not found:
        yield CHANGED, f"mail goes to {listed(map(str, others), 'and')}, not {wanted}", None
    elif any(i.exchange.labels == (b"",) for i in rdatas) and len(rdatas) > 1:
        yield DUPLICATE, "the null MX must be the only one (RFC 7505 section 3)", Severity.ERROR
    elif is_null and found[0].preference:
        yield CHANGED, "the null MX has preference 0 (RFC 7505 section 3)", Severity.WARNING
    elif others:
        first = min(i.preference for i in others) <= min(i.preference for i in found)
        what = "comes before our host" if first else "is a backup"
        level = Severity.WARNING if first else Severity.NOTE
        yield MORE, f"{listed(map(str, others), 'and')} {what}", level


def _such(rdatas: Sequence[Rdata], is_such: Callable[[str], bool]) -> list[str]:
    return [found for found in map(text, rdatas) if is_such(found)]


def _counted(record: Record, rdatas: Sequence[Rdata], found: list[str]) -> Iterator[Fault]:
    what = record.purpose.upper()
    if not found:
        beside = f" among {len(rdatas)} TXT records" if rdatas else ""
        yield MISSING, f"there is no {what} record{beside}", None
    elif len(found) > 1:
        why = "receivers take none of them"
        yield DUPLICATE, f"there are {len(found)} {what} records, and {why}", None


def _spf(record: Record, rdatas: Sequence[Rdata]) -> Iterator[Fault]:
    """Whether there is one that can be read; `zone` evaluates it."""
    found = _such(rdatas, spf.is_spf)
    yield from _counted(record, rdatas, found)
    if len(found) == 1:
        try:
            spf.parse(found[0])
        except Invalid as error:
            yield CHANGED, f"{shown(error.value)} {error.what}: permerror", None


def _dkim(record: Record, rdatas: Sequence[Rdata]) -> Iterator[Fault]:
    found = list(map(text, rdatas))
    yield from _counted(record, rdatas, found)
    if len(found) != 1:
        return
    if fault := dkim.difference(found[0], record.values[0]):
        yield CHANGED, fault, None
    elif "y" in tag_list.tags(found[0]).get("t", "").split(":"):
        yield "testing", "t=y tells receivers not to take it seriously", Severity.WARNING


_DMARC_DEFAULTS = {"adkim": "r", "aspf": "r", "t": "n", "psd": "u"}


def dmarc_meaning(value: str) -> dict[str, Any]:
    """Its tags that say something other than their defaults; addresses as sets."""
    has: dict[str, Any] = dict(tag_list.tags(value))
    known = ("p", "sp", "np", "adkim", "aspf", "t", "psd")
    found = {name: has[name].lower() for name in known if name in has}
    for name, default in _DMARC_DEFAULTS.items():
        if found.get(name) == default:
            del found[name]
    lists = {name: has[name] for name in ("rua", "ruf") if has.get(name)}
    return found | {name: {*uris.lower().split(",")} for name, uris in lists.items()}


def is_same_dmarc(one: str, other: str) -> bool:
    """Whether two DMARC records mean the same."""
    return dmarc_meaning(one) == dmarc_meaning(other)


def _dmarc(record: Record, rdatas: Sequence[Rdata]) -> Iterator[Fault]:
    found = _such(rdatas, dmarc.is_record)
    yield from _counted(record, rdatas, found)
    if len(found) == 1:
        wanted, has = dmarc_meaning(record.values[0]), dmarc_meaning(found[0])
        names = [n for n in {**wanted, **has} if wanted.get(n) != has.get(n)]
        if names:
            yield CHANGED, f"{shown(found[0])} differs in {listed(names, 'and')}", None
    stray = len(rdatas) - len(found)
    if found and stray:
        what = f"{stray} TXT records beside it are no DMARC"
        yield "stray", f"{what}, and receivers skip them", Severity.WARNING


def _tagged(version: str) -> Judge:
    """Records of tags, found by their version (RFC 8461 section 3.1, RFC 8460 section 3)."""

    def judge(record: Record, rdatas: Sequence[Rdata]) -> Iterator[Fault]:
        found = _such(rdatas, lambda value: value.startswith(f"{version};"))
        yield from _counted(record, rdatas, found)
        if len(found) == 1:
            wanted, has = tag_list.tags(record.values[0]), tag_list.tags(found[0])
            if any({*has.get(n, "").split(",")} != {*wanted[n].split(",")} for n in wanted):
                yield CHANGED, f"{shown(found[0])} is published", None

    return judge


def _srv(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
    """Priority and weight choose among services; what counts is where each is."""
    (wanted,) = record.rdatas
    is_null = wanted.target.labels == (b"",)
    found = [i for i in rdatas if i.target == wanted.target and (is_null or i.port == wanted.port)]
    if not rdatas:
        yield MISSING, "there is no SRV record", None
    elif not found:
        yield CHANGED, f"{listed(map(str, rdatas), 'and')} is published, not {wanted}", None
    elif len(rdatas) > len(found):
        others = listed([str(i) for i in rdatas if i not in found], "and")
        yield MORE, f"{others} is published as well", None


JUDGES: dict[str, Judge] = {
    "mx": _mx,
    "spf": _spf,
    "dkim": _dkim,
    "dmarc": _dmarc,
    "dmarc-report": _dmarc,
    "mta-sts": _tagged("v=STSv1"),
    "tls-rpt": _tagged("v=TLSRPTv1"),
    "srv": _srv,
}
