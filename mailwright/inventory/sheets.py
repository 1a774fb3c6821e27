"""`mailboxes/<domain>.csv`: the mailboxes of domains that have many, in a sheet for each.

The words are those of `mail.toml`, and so are the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mailwright.inventory import encoding
from mailwright.inventory.sheet import ADDRESS, Broken, names_of, records, settings_of
from mailwright.model import address
from mailwright.model.problems import NO_DOMAIN, Invalid, Problem, gathered, listed, nearest

FOLDER, SUFFIX = "mailboxes", ".csv"
_EXAMPLE = "a name such as example.com.csv"


@dataclass(frozen=True)
class PlacedRow:
    """One mailbox: where it is (`mailboxes/example.com.csv:17`), and what mail.toml would say."""

    place: str
    written: str
    settings: dict[str, Any]


def read(
    folder: Path,
    domains: Callable[[], Mapping[str, str | None]],
    columns: Collection[str],
    texts: Mapping[str, str],
    found: list[Problem],
    without: Collection[str] = (),
) -> Iterator[PlacedRow]:
    """The rows of all sheets in an inventory folder; what is wrong with them goes to `found`.

    `domains` tells ours, each with the one that it is an alias of, and is asked where there is a
    sheet; `columns` are the settings that there are. A text in `texts` stands for the file of that
    name; files `without` which it shall be are not looked at.
    """
    some = files(folder, found)
    ours = domains() if some else {}
    for domain, place in some.items():
        if place in without or not _is_ours(domain, place, ours, found):
            continue
        text = texts.get(place)
        if text is None:
            text = _text(folder / place, place, found)
        if text is not None:
            yield from _rows(text, place, domain, columns, found)


def files(folder: Path, found: list[Problem]) -> dict[str, str]:
    """For each domain that has a sheet, its path in the inventory folder; sorted by the path."""
    known: dict[str, str] = {}
    for path in sorted(_entries(folder / FOLDER, found)):
        place = f"{FOLDER}/{path.name}"
        if path.suffix != SUFFIX:
            found.append(Problem(place, "is no sheet of mailboxes", None, _EXAMPLE))
            continue
        try:
            domain = address.domain(path.stem)
        except Invalid as error:
            found.append(error.at(place))
            continue
        if known.setdefault(domain, place) != place:
            what, expected = f"is the domain of {known[domain]} as well", "one sheet for each"
            found.append(Problem(place, what, domain, expected))
    return known


def _entries(folder: Path, found: list[Problem]) -> list[Path]:
    """What stands in the folder of the sheets; a hidden file is nobody's business."""
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        found.append(Problem(f"{FOLDER}/", f"cannot be read: {error.strerror}"))
        return []


def _is_ours(
    domain: str, place: str, domains: Mapping[str, str | None], found: list[Problem]
) -> bool:
    if domain not in domains:
        hint = nearest(domain, domains)
        found.append(Problem(place, NO_DOMAIN, domain, listed(domains), hint))
    elif original := domains[domain]:
        expected = f"{FOLDER}/{original}{SUFFIX}"
        found.append(Problem(place, f"is an alias domain of {original}", domain, expected))
    return domain in domains and domains[domain] is None


def _text(path: Path, place: str, found: list[Problem]) -> str | None:
    try:
        with gathered(found):
            return encoding.decoded(path.read_bytes(), place)
    except OSError as error:
        found.append(Problem(place, f"cannot be read: {error.strerror}"))
    return None


def _rows(
    text: str, place: str, domain: str, columns: Collection[str], found: list[Problem]
) -> Iterator[PlacedRow]:
    if words := _separator(text):
        found.append(Problem(f"{place}:1", f"is separated by {words}", None, "commas", _EXPORT))
        return
    lines, own = records(text), f"@{domain}"
    try:
        _, _, head = next(lines, (1, 1, []))
        names = names_of(head)
        if not _is_header(names, place, columns, found):
            return
        for line, _, cells in lines:
            where = f"{place}:{line}"
            _check_cells(names, cells, where, found)
            settings = settings_of(names, cells)
            settings = {name: settings[name] for name in settings if name in columns}
            written = cells[names.index(ADDRESS)] if len(cells) > names.index(ADDRESS) else ""
            if written.endswith(own) or _is_of(domain, written, where, found):
                yield PlacedRow(where, written, settings)
    except Broken as error:
        found.append(Problem(f"{place}:{error.line}", f"is no CSV: {error}"))


_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_EXPORT = "a spreadsheet asks for the separator when it exports CSV"


def _separator(text: str) -> str:
    """What a sheet is separated by that has no commas; empty where it has."""
    line = text.lower().partition("\n")[0].strip(f"{encoding.MARK}\r\n")
    for mark, words in _SEPARATORS.items():
        names = [each.strip(' "') for each in line.split(mark)]
        if line == f"sep={mark}" or (len(names) > 1 and ADDRESS in names):
            return words
    return ""


def _check_cells(names: list[str], cells: list[str], where: str, found: list[Problem]) -> None:
    """What stands in no column would be lost; it may be a password, and is not shown."""
    nameless = [cell for name, cell in zip_longest(names, cells, fillvalue="") if not name]
    if any(nameless):
        what = f"has {_cells(len(cells))}, and one is in a column without a name"
        found.append(Problem(where, what, None, f"{len(names)}, as the first line"))


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"


_VALUES = {*"@{}$"}  # what has these is no name


def _is_header(
    names: list[str], place: str, columns: Collection[str], found: list[Problem]
) -> bool:
    """Whether rows can be read under these names, of which some may be wrong."""
    where, known = f"{place}:1", [ADDRESS, *columns]
    if any(_VALUES & {*name} for name in names):  # the first mailbox, whose hash nobody shall see
        what, expected = "has no names of columns", f"{ADDRESS},password,use or others"
        found.append(Problem(where, what, None, expected))
        return False
    for name in filter(None, dict.fromkeys(names)):
        if name not in known:
            expected, hint = listed(known), nearest(name, known)
            found.append(Problem(where, "is no column", name, expected, hint))
        elif names.count(name) > 1:
            found.append(Problem(where, "is there twice", name, "each column once"))
    if ADDRESS not in names:
        found.append(Problem(where, "has no column address", None, "the names of the columns"))
    return ADDRESS in names


def _is_of(domain: str, written: str, where: str, found: list[Problem]) -> bool:
    """Whether this is an address of the domain, in another spelling of it."""
    try:
        if address.parse(written).endswith(f"@{domain}"):
            return True
        found.append(Problem(where, "is of another domain", written, f"an address of {domain}"))
    except Invalid as error:
        found.append(error.at(where))
    return False
