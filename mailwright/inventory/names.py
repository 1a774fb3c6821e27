"""The names in a table of `mail.toml`, in their one form and each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

from mailwright.model.problems import Invalid, Problem

Entry = TypeVar("Entry")


def folded(
    place: str,
    table: Mapping[str, Entry],
    fold: Callable[[str], str],
    found: list[Problem],
    places: Mapping[str, str] = MappingProxyType({}),
) -> Iterable[tuple[str, str, Entry]]:
    """(name in its one form, name as written, entry) of each entry whose name is right and new.

    `place` is where those stand that have none in `places`.
    """
    first: dict[str, str] = {}
    for written, entry in table.items():
        try:
            name = fold(written)
        except Invalid as error:
            found.append(error.at(places.get(written, place)))
            continue
        if first.setdefault(name, written) != written:
            what = f"is the same as {first[name]!r}"
            where = places.get(written, place)
            found.append(Problem(where, what, written, "each name once"))
            continue
        yield name, written, entry
