"""`mail.toml` changed in place: what a command does not touch stays as its owner wrote it."""

from __future__ import annotations

import fcntl
import os
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import InlineTable

from mailwright import address, renaming, secret
from mailwright.inventory import check
from mailwright.mail import FILE, setting
from mailwright.problems import Invalid, Problem, Problems, nearest

TABLE, PURGE = "mailboxes", "purge"


class Editor:
    """The mailboxes of one `mail.toml`. A change is checked as a whole before it is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        check(folder)
        self.text = (folder / FILE).read_bytes().decode("utf-8")  # with its own line ends

    @property
    def _mailboxes(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = tomllib.loads(self.text).get(TABLE, {})
        return found

    def settings(self, name: str) -> dict[str, Any]:
        """What is written about a mailbox. Raises Problems when there is none of that name."""
        return dict(self._mailboxes[self._written(name)])

    def vacant(self, name: str) -> None:
        """Raises Problems when there is a mailbox of that name."""
        if _folded(name) in map(_folded, self._mailboxes):
            hint = "change it with 'mailwright mailbox set'"
            raise Problems([Problem(setting(TABLE), "is there already", name, hint=hint)])

    def add(self, name: str, settings: Mapping[str, Any]) -> None:
        """A new mailbox behind the last one. Raises Problems when there is one of that name."""
        self.vacant(name)
        table = tomlkit.table()
        for key, value in settings.items():
            table[key] = _item(value)
        block = tomlkit.dumps({TABLE: {name: table}})
        last = list(self._mailboxes)[-1:]
        end = _span(self.text, TABLE, *last)[1] if last else len(self.text)
        before = self.text[:end].rstrip("\n")
        self._change(f"{before}\n\n{block}{self.text[end:]}" if before else block)

    def set(self, name: str, settings: Mapping[str, Any]) -> None:
        """Change settings of a mailbox; those that are None are taken out.

        Of a setting that is a table, only those of its keys that are given change.
        """
        written = self._written(name)
        document = tomlkit.parse(self.text)
        table: Any = document[TABLE][written]
        new = {}
        for key, value in settings.items():
            if isinstance(value, dict) and key in table:
                _merge(table[key], value)
                if not table[key]:
                    del table[key]
                elif isinstance(table[key], InlineTable):  # written anew: gaps would remain
                    _replace(table, key, _item(table[key].unwrap()))
            elif value is None:
                table.pop(key, None)
            elif key in table:
                _replace(table, key, value)
            else:
                new[key] = _item(value)
        text = tomlkit.dumps(document)
        if new:
            text = _with_lines(text, tomlkit.dumps(new), TABLE, written)
        self._change(text)

    def rename(self, old: str, new: str, alias: bool) -> None:
        """Give a mailbox another address. Its mail stays where it lies; with `alias` mail to the
        old address still arrives.

        Raises Problems when there is no mailbox `old`, or when `new` is taken.
        """
        written, name = self._written(old), _folded(new)
        self.vacant(new)
        text = renaming.renamed(self._without_own_alias(_folded(old), name), _folded(old), new)
        there = tomllib.loads(text)[TABLE].get(new)
        if there is None:
            raise _not_a_table(TABLE, written)
        if "stored_as" not in there:
            text = _with_lines(text, tomlkit.dumps({"stored_as": _folded(old)}), TABLE, new)
        elif _folded(there["stored_as"]) == name:
            document: Any = tomlkit.parse(text)
            del document[TABLE][new]["stored_as"]
            text = tomlkit.dumps(document)
        line = tomlkit.dumps({written: new})
        self._change(_with_table(text, "aliases", line) if alias else text)

    def _without_own_alias(self, old: str, new: str) -> str:
        """The text without an alias `new` that leads to `old` alone: it would lead to itself."""
        document: Any = tomlkit.parse(self.text)
        aliases = document.get("aliases", {})
        names = {_folded_alias(each): each for each in aliases}
        if old in names and new in names:
            what, hint = "is an alias as well", f"so is {old!r}; make one of the two"
            raise Problems([Problem(setting("aliases"), what, new, hint=hint)])
        targets = aliases[names[new]] if new in names else []
        targets = targets if isinstance(targets, list) else [targets]
        if [address.parse(target) for target in targets] != [old]:
            return self.text
        del aliases[names[new]]
        return tomlkit.dumps(document)

    def remove(self, name: str) -> None:
        """Take a mailbox out, and leave the comment that stands before the next table."""
        self._change(_without(self.text, TABLE, self._written(name)))

    def purge(self, name: str, day: date | None) -> None:
        """Have the mail of an address that is no mailbox deleted from this day on, or never."""
        there = {_folded(each): each for each in tomllib.loads(self.text).get(PURGE, {})}
        document: Any = tomlkit.parse(self.text)
        if _folded(name) not in there and day is None:
            raise Problems([Problem(setting(PURGE), "has no date", name)])
        if _folded(name) not in there:
            self._change(_with_table(self.text, PURGE, tomlkit.dumps({name: day})))
        elif day is not None:
            _replace(document[PURGE], there[_folded(name)], day)
            self._change(tomlkit.dumps(document))
        else:
            del document[PURGE][there[_folded(name)]]
            text = tomlkit.dumps(document)
            self._change(text if len(there) > 1 else _without(text, PURGE))

    def _change(self, text: str) -> None:
        check(self._folder, text)
        self.text = text

    def _written(self, name: str) -> str:
        names = {_folded(each): each for each in self._mailboxes}
        if _folded(name) not in names:
            what, hint = "is no mailbox", nearest(name, names)
            raise Problems([Problem(setting(TABLE), what, name, hint=hint)])
        return names[_folded(name)]

    def save(self) -> None:
        """Put the text in the place of the file, at once or not at all."""
        path = (self._folder / FILE).resolve()
        staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(self.text)
                file.flush()
                there = path.stat()
                if os.geteuid() == 0:
                    os.fchown(file.fileno(), there.st_uid, there.st_gid)
                os.fchmod(file.fileno(), there.st_mode & 0o7777)
                os.fsync(file.fileno())
            staged.rename(path)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
        secret.sync(path.parent)


@contextmanager
def edited(folder: Path) -> Iterator[Editor]:
    """An Editor that is saved at the end; whoever else edits the same folder waits.

    Raises Problems when the description is wrong, before or after the change.
    """
    if not folder.is_dir():
        check(folder, "")  # says what is wrong with the folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        editor = Editor(folder)
        yield editor
        editor.save()
    finally:
        os.close(descriptor)


def _folded(name: str) -> str:
    try:
        return address.own(name)
    except Invalid as error:
        raise Problems([error.at(setting(TABLE))]) from None


def _folded_alias(name: str, table: str = "aliases") -> str:
    try:
        return address.own_or_all(name)
    except Invalid as error:
        raise Problems([error.at(setting(table))]) from None


def _with_table(text: str, table: str, lines: str) -> str:
    """The text with these lines at the end of a table, which may be a new one."""
    if table in tomllib.loads(text):
        return _with_lines(text, lines, table)
    return f"{text.rstrip(chr(10))}\n\n[{table}]\n{lines}"


def _without(text: str, *table: str) -> str:
    """The text without a table, with the comment that stands before the next."""
    start, end = _span(text, *table)
    before, behind = text[:start], text[end:]
    return f"{before.rstrip(chr(10))}\n{behind}" if before.strip() else behind


def _with_lines(text: str, lines: str, *table: str) -> str:
    """The text with these lines at the end of a table."""
    start, end = _span(text, *table)
    own = text[start:end].split("\n[", 1)[0]  # without the tables in it
    end = start + len(_without_tail(own))
    return f"{text[:end]}{'' if text[:end].endswith(chr(10)) else chr(10)}{lines}{text[end:]}"


def _span(text: str, *table: str) -> tuple[int, int]:
    """Where a table stands in the text, without the comments that follow it."""
    document: Any = tomlkit.parse(text)
    *parents, last = table
    parent = document
    for name in parents:
        parent = parent[name]
    del parent[last]
    rest = tomlkit.dumps(document)
    length = len(text) - len(rest)
    start = _first_difference(text, rest) + 1
    while (start := text.rfind("[", 0, start)) >= 0:
        if text[:start] + text[start + length :] == rest:
            return start, start + len(_without_tail(text[start : start + length]))
    raise _not_a_table(*table)


def _not_a_table(*table: str) -> Problems:
    what = "is not written as a table of its own"
    return Problems([Problem(setting(*table), what, hint="edit it by hand")])


def _item(value: Any) -> Any:
    """A value as it is written in mail.toml: a table stands on one line."""
    if not isinstance(value, dict):
        return value
    table = tomlkit.inline_table()
    _merge(table, value)
    return table


def _merge(table: Any, changes: Mapping[str, Any]) -> None:
    """Set keys that are addresses, or take them out: those whose value is None."""
    written = {_folded_alias(key, TABLE): key for key in table}
    for name, value in changes.items():
        if value is not None:
            table[written.get(_folded_alias(name, TABLE), name)] = value
        elif _folded_alias(name, TABLE) in written:
            del table[written[_folded_alias(name, TABLE)]]
        else:
            raise Problems([Problem(setting(TABLE), "is not there to be taken out", name)])


def _replace(table: Any, key: str, value: Any) -> None:
    """A new value for a key; the comment behind the old one stays."""
    item = tomlkit.item(value)
    item.trivia.comment_ws, item.trivia.comment = (
        table[key].trivia.comment_ws,
        table[key].trivia.comment,
    )
    table[key] = item


def _first_difference(text: str, other: str) -> int:
    pairs = enumerate(zip(text, other, strict=False))
    return next((n for n, (one, two) in pairs if one != two), min(len(text), len(other)))


def _without_tail(chunk: str) -> str:
    lines = chunk.splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return "".join(lines)
