"""`mailboxes/<domain>.csv`: the mailboxes of domains that have many, in a sheet for each.

The words are those of `mail.toml`, and so are the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailwright.inventory.sheet import ADDRESS, Broken, records, settings_of
from mailwright.model import address
from mailwright.model.problems import Invalid, Problem, listed, nearest

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
) -> Iterator[PlacedRow]:
    """The rows of all sheets in an inventory folder; what is wrong with them goes to `found`.

    `domains` tells ours, each with the one that it is an alias of, and is asked where there is a
    sheet; `columns` are the settings that there are. A text in `texts` stands for the file of that
    name.
    """
    some = files(folder, found)
    ours = domains() if some else {}
    for domain, place in some.items():
        if not _is_ours(domain, place, ours, found):
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
        found.append(Problem(place, "is no domain of ours", domain, listed(domains), hint))
    elif original := domains[domain]:
        expected = f"{FOLDER}/{original}{SUFFIX}"
        found.append(Problem(place, f"is an alias domain of {original}", domain, expected))
    return domain in domains and domains[domain] is None


def _text(path: Path, place: str, found: list[Problem]) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        found.append(Problem(place, f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        found.append(Problem(f"{place}:{line}", "is no text in UTF-8"))
    return None


def _rows(
    text: str, place: str, domain: str, columns: Collection[str], found: list[Problem]
) -> Iterator[PlacedRow]:
    lines, own = records(text), f"@{domain}"
    try:
        _, _, header = next(lines, (1, 1, []))
        if not _is_header(header, f"{place}:1", columns, found):
            return
        for line, _, cells in lines:
            where = f"{place}:{line}"
            if len(cells) != len(header):
                what, expected = f"has {_cells(len(cells))}", f"{len(header)}, as the first line"
                found.append(Problem(where, what, None, expected))
                continue
            settings = settings_of(header, cells)
            written = settings.pop(ADDRESS, "")
            if written.endswith(own) or _is_of(domain, written, where, found):
                yield PlacedRow(where, written, settings)
    except Broken as error:
        found.append(Problem(f"{place}:{error.line}", f"is no CSV: {error}"))


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"


def _is_header(
    header: list[str], place: str, columns: Collection[str], found: list[Problem]
) -> bool:
    before, known = len(found), [ADDRESS, *columns]
    for name in dict.fromkeys(header):
        if name not in known:
            expected, hint = listed(known), nearest(name, known)
            found.append(Problem(place, "is no column", name, expected, hint))
        elif header.count(name) > 1:
            found.append(Problem(place, "is there twice", name, "each column once"))
    if ADDRESS not in header:
        found.append(Problem(place, "has no column address", None, "the names of the columns"))
    return len(found) == before


def _is_of(domain: str, written: str, where: str, found: list[Problem]) -> bool:
    """Whether this is an address of the domain, in another spelling of it."""
    try:
        if address.parse(written).endswith(f"@{domain}"):
            return True
        found.append(Problem(where, "is of another domain", written, f"an address of {domain}"))
    except Invalid as error:
        found.append(error.at(where))
    return False
