"""A sheet: the mailboxes of one domain as CSV (RFC 4180), a row each.

Its first line names the columns: `address`, and settings of a mailbox as `mail.toml` calls them. An
empty cell says nothing. What is a list there has spaces here, and `members` are written
`alice@example.com=read`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mailwright.inventory import renaming

ADDRESS = "address"
_MARK = "\ufeff"  # what some programs put before a text in UTF-8
_TRUTH = {"true": True, "false": False}


def _members(cell: str) -> dict[str, str]:
    pairs = (word.partition("=") for word in cell.split())
    return {name: right for name, _, right in pairs}


_VALUES: dict[str, Callable[[str], Any]] = {
    "protocols": str.split,
    "send_as": str.split,
    "members": _members,
    "suspended": lambda cell: _TRUTH.get(cell, cell),
    "private_seen": lambda cell: _TRUTH.get(cell, cell),
}


class Broken(ValueError):  # noqa: N818
    """The record that begins in this line is no CSV."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


def records(text: str) -> Iterator[tuple[int, int, list[str]]]:
    """First line, last line and cells of each record that is not empty. Raises Broken."""
    reader = csv.reader(io.StringIO(text.removeprefix(_MARK), newline=""), strict=True)
    last = 0
    try:
        for cells in reader:
            if cells:
                yield last + 1, reader.line_num, cells
            last = reader.line_num
    except csv.Error as error:
        raise Broken(last + 1, str(error)) from None


def settings_of(columns: list[str], cells: list[str]) -> dict[str, Any]:
    """What a row says, as `mail.toml` would say it; its address among it."""
    settings: dict[str, Any] = {n: cell for n, cell in zip(columns, cells, strict=True) if cell}
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
        (_, self._head, self._columns), *others = records(text)
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
        line = self._line([_cell(cells.get(name, "")) for name in self._columns])
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
