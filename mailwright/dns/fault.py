"""What is wrong with published data, and what several purposes look at to tell.

A judge gets the record and the data at its name, and yields what is wrong: a kind and a sentence,
and a severity where it is not the record's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mailwright.dns.record import Record
from mailwright.model import tag_list
from mailwright.model.problems import shown
from mailwright.net.data import text
from mailwright.report.finding import Severity

Fault = tuple[str, str, Severity | None]
Judge = Callable[[Record, Sequence[Any]], Iterator[Fault]]
MISSING, CHANGED, DUPLICATE, MORE = "missing", "changed", "duplicate", "more"


def such(rdatas: Sequence[Any], is_such: Callable[[str], bool]) -> list[str]:
    """The values that are such ones, as text."""
    return [found for found in map(text, rdatas) if is_such(found)]


def counted(record: Record, rdatas: Sequence[Any], found: list[str]) -> Iterator[Fault]:
    """Of the values `found` for a purpose there must be exactly one."""
    what = record.purpose.upper()
    if not found:
        beside = f" among {len(rdatas)} TXT records" if rdatas else ""
        yield MISSING, f"there is no {what} record{beside}", None
    elif len(found) > 1:
        why = "receivers take none of them"
        yield DUPLICATE, f"there are {len(found)} {what} records, and {why}", None


def tagged(version: str) -> Judge:
    """Records of tags, found by their version (RFC 8461 section 3.1, RFC 8460 section 3)."""

    def judge(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
        found = such(rdatas, lambda value: value.startswith(f"{version};"))
        yield from counted(record, rdatas, found)
        if len(found) == 1:
            wanted, has = tag_list.tags(record.values[0]), tag_list.tags(found[0])
            if any({*has.get(n, "").split(",")} != {*wanted[n].split(",")} for n in wanted):
                yield CHANGED, f"{shown(found[0])} is published", None

    return judge
