"""What is wrong with published data, and what several purposes look at to tell.

A judge gets the record and the data at its name, and yields what is wrong: a kind and a sentence,
and a severity where it is not the record's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mailwright.dns.record import Record
from mailwright.model import tag_list
from mailwright.model.problems import listed, shown
from mailwright.net.data import text
from mailwright.report.finding import Severity

Fault = tuple[str, str, Severity | None]
Judge = Callable[[Record, Sequence[Any]], Iterator[Fault]]
MISSING, CHANGED, DUPLICATE, MORE = "missing", "changed", "duplicate", "more"


def alike(more: Severity | None) -> Judge:
    """Data whose order does not matter, and names have no case (RFC 4343).

    `more` is how bad it is that there is other data as well; None is as bad as any fault of the
    record.
    """

    def judge(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
        wanted = record.rdatas
        right = {item.to_digestable() for item in wanted}
        found = {item.to_digestable(): item for item in rdatas}
        if not found:
            yield MISSING, f"there is no {record.type} record", None
        elif absent := [str(i) for i in wanted if i.to_digestable() not in found]:
            here = listed(map(str, rdatas), "and")
            yield CHANGED, f"{here} is published, without {listed(absent, 'and')}", None
        elif others := [str(item) for key, item in found.items() if key not in right]:
            yield MORE, f"{listed(others, 'and')} is published as well", more

    return judge


same = alike(Severity.WARNING)


def begins(text: str, version: str) -> bool:
    """Whether text is meant as such a list of tags, though receivers may see none."""
    return _bare(text).startswith(_bare(version))


def _bare(text: str) -> str:
    """Without spaces of all kinds, quotes of a web form and case."""
    return "".join(text.split()).lstrip("\"'“”„").lower()


def such(rdatas: Sequence[Any], is_such: Callable[[str], bool]) -> list[str]:
    """The values that are such ones, as text."""
    return [found for found in map(text, rdatas) if is_such(found)]


def counted(record: Record, rdatas: Sequence[Any], found: list[str]) -> Iterator[Fault]:
    """Of the values `found` for a purpose there must be exactly one."""
    what = record.purpose.upper()
    if not found:
        beside = f" among {len(rdatas)} TXT records" if rdatas else ""
        version = record.values[0].partition(";")[0].split()[0]
        meant = [shown(each) for each in such(rdatas, lambda value: begins(value, version))]
        to_whom = f": to receivers {listed(meant, 'and')} is none" if meant else ""
        yield MISSING, f"there is no {what} record{beside}{to_whom}", None
    elif len(found) > 1:
        why = "receivers take none of them"
        yield DUPLICATE, f"there are {len(found)} {what} records, and {why}", None


def tagged(version: str, *names: str) -> Judge:
    """Records of tags, found by their version; those with these names count, where they are."""

    def judge(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
        found = such(rdatas, lambda value: value.startswith(f"{version};"))
        yield from counted(record, rdatas, found)
        if len(found) == 1:
            wanted, has = tag_list.tags(record.values[0]), tag_list.tags(found[0])
            if any(_items(has, name) != _items(wanted, name) for name in names):
                yield CHANGED, f"{shown(found[0])} is published", None

    return judge


def _items(tags: dict[str, str], name: str) -> set[str]:
    return {*tag_list.items(tags.get(name, ""), ",")}
