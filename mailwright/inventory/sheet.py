"""A sheet: the mailboxes of one domain as CSV (RFC 4180), a row each.

Its first line names the columns: `address`, and settings of a mailbox as `mail.toml` calls them. An
empty cell says nothing. What is a list there has spaces here, and `members` are written
`alice@example.com=read`.

Spreadsheets add rows and columns of nothing, leave empty cells out at the end of a row, and write
TRUE. Blanks around a cell and the case of a word mean nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mailwright.inventory import removal, renaming
from mailwright.inventory.encoding import MARK

ADDRESS = "address"
_TRUTH = {"true": True, "false": False}
_BETWEEN = re.compile(r"[\s,;]+")


def _words(cell: str) -> list[str]:
    return [word for word in _BETWEEN.split(cell) if word]


def _members(cell: str) -> dict[str, str]:
    pairs = (word.partition("=") for word in _words(cell))
    return {name: right.lower() for name, _, right in pairs}


def _truth(cell: str) -> bool | str:
    return _TRUTH.get(cell.lower(), cell)


def _limit(cell: str) -> str:
    return cell.lower() if cell.lower() == "unlimited" else cell


_VALUES: dict[str, Callable[[str], Any]] = {
    "use": str.lower,
    "quota": _limit,
    "quota_message_count": _limit,
    "protocols": lambda cell: _words(cell.lower()),
    "send_as": _words,
    "members": _members,
    "suspended": _truth,
    "private_seen": _truth,
}


class Broken(ValueError):  # noqa: N818
    """The record that begins in this line is no CSV."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


def records(text: str) -> Iterator[tuple[int, int, list[str]]]:
    """First line, last line and cells of each record that says something. Raises Broken."""
    reader = csv.reader(io.StringIO(text.removeprefix(MARK), newline=""), strict=True)
    last = 0
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield last + 1, reader.line_num, stripped
            last = reader.line_num
    except csv.Error as error:
        raise Broken(last + 1, str(error)) from None


def names_of(head: list[str]) -> list[str]:
    """The names of the columns; one of a spreadsheet's empty columns is empty."""
    return [name.lower() for name in head]


def settings_of(columns: list[str], cells: list[str]) -> dict[str, Any]:
    """What a row says, as `mail.toml` would say it; its address among it."""
    settings: dict[str, Any] = {n: cell for n, cell in zip(columns, cells, strict=False) if cell}
    for name in settings.keys() & _VALUES.keys():
        settings[name] = _VALUES[name](settings[name])
    return settings


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, dict):
        return " ".join(f"{name}={right}" for name, right in value.items())
    return " ".join(value) if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class Row:
    """One mailbox: the lines that it is written on, counted from 0, and what they say."""

    first: int
    last: int
    written: str
    settings: dict[str, Any] = field(repr=False)


class Sheet:
    """The text of a sheet that is right, changed row by row: what is not touched stays as it is.

    All of its addresses are of one domain, so `rows` are by the local part in lower case.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        (_, self._head, head), *others = records(text)
        self._columns = names_of(head)
        self.rows = {row.written.rpartition("@")[0].lower(): row for row in self._read(others)}

    def _read(self, others: Iterable[tuple[int, int, list[str]]]) -> Iterator[Row]:
        for first, last, cells in others:
            settings = settings_of(self._columns, cells)
            yield Row(first - 1, last, settings.pop(ADDRESS), settings)

    @property
    def addresses(self) -> list[str]:
        """As they are written."""
        return [row.written for row in self.rows.values()]

    def put(self, local: str | None, address: str, settings: Mapping[str, Any]) -> Sheet:
        """The sheet with a row in the place of another, or behind the last."""
        if missing := [name for name in settings if name not in self._columns]:
            return self._wider(missing).put(local, address, settings)
        lines = self._lines()
        cells = {ADDRESS: address, **settings}
        line = self._line([_cell(cells.get(name) or "") for name in self._columns])
        if local is not None:
            lines[self.rows[local].first : self.rows[local].last] = [line]
        else:
            lines[-1] = lines[-1].rstrip("\r\n") + self._end
            lines.append(line)
        return Sheet("".join(lines))

    def without(self, local: str) -> Sheet:
        """The sheet without a row."""
        lines = self._lines()
        del lines[self.rows[local].first : self.rows[local].last]
        return Sheet("".join(lines))

    def renamed(self, old: str, new: str) -> Sheet:
        """The sheet with another address wherever a mailbox names this one among its settings."""
        sheet = self
        for local, row in self.rows.items():
            settings = renaming.in_settings(row.settings, old, new)
            if settings != row.settings:
                sheet = sheet.put(local, row.written, settings)
        return sheet

    def unnamed(self, goes: removal.Goes) -> Sheet:
        """The sheet without those addresses wherever a mailbox names one among its settings."""
        sheet = self
        for local, row in self.rows.items():
            settings = removal.of_settings(row.settings, goes)
            if settings != row.settings:
                sheet = sheet.put(local, row.written, settings)
        return sheet

    def _lines(self) -> list[str]:
        return list(io.StringIO(self.text, newline=""))

    def _wider(self, names: list[str]) -> Sheet:
        """The sheet with more columns, which are empty."""
        lines = self._lines()
        empty = "," * len(names)
        more = {row.last: empty for row in self.rows.values()} | {self._head: f",{','.join(names)}"}
        for last, cells in more.items():
            bare = lines[last - 1].rstrip("\r\n")
            lines[last - 1] = f"{bare}{cells}{lines[last - 1][len(bare) :]}"
        return Sheet("".join(lines))

    @property
    def _end(self) -> str:
        """How its lines end."""
        line = self._lines()[0]
        return line[len(line.rstrip("\r\n")) :] or "\n"

    def _line(self, cells: list[str]) -> str:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator=self._end).writerow(cells)
        return line.getvalue()
