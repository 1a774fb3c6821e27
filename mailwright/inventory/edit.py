"""`mail.toml` and the sheets changed in place: what a command does not touch stays as it was."""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import InlineTable

from mailwright.inventory import encoding, removal, renaming, sheets, sieve
from mailwright.inventory.load import check
from mailwright.inventory.lock import locked
from mailwright.inventory.places import FILE, setting
from mailwright.inventory.sheet import Sheet
from mailwright.keys import secret
from mailwright.model import address
from mailwright.model.problems import ABSENT, NO_DOMAIN, Invalid, Problem, Problems, nearest
from mailwright.model.use import USES

TABLE, DOMAINS, PURGE, REMOVED = "mailboxes", "domains", "purge", "removed"


class Editor:
    """The mailboxes of `mail.toml` and of the sheets. A change is checked as a whole before it is
    written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        _check_readable(folder)
        self._sheets = sheets.files(folder, [])
        self._texts: dict[str, str] = {}
        self._changed: set[str] = set()
        self._renamed: list[tuple[str, str]] = []
        self._aside: list[str] = []

    @property
    def text(self) -> str:
        """What `mail.toml` says."""
        return self._text(FILE)

    def _text(self, file: str) -> str:
        if file not in self._texts:
            text = encoding.decoded((self._folder / file).read_bytes(), file)
            self._texts[file] = text.removeprefix(encoding.MARK) if file == FILE else text
        return self._texts[file]

    @property
    def _mailboxes(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = tomllib.loads(self.text).get(TABLE, {})
        return found

    def file(self, name: str) -> Path:
        """Where a mailbox stands, or a new one would: in the sheet of its domain if it has one."""
        return self._folder / (FILE if self._is_in_toml(name) else self._sheet_of(name) or FILE)

    def _is_in_toml(self, name: str) -> bool:
        return _folded(name) in map(_folded, self._mailboxes)

    def _sheet_of(self, name: str) -> str | None:
        return self._sheets.get(_folded(name).rpartition("@")[2])

    def _row(self, name: str) -> tuple[str, Sheet] | None:
        """The sheet that has this mailbox, and its file."""
        file = self._sheet_of(name)
        sheet = Sheet(self._text(file)) if file else None
        return (file, sheet) if file and sheet and _local(name) in sheet.rows else None

    def settings(self, name: str) -> dict[str, Any]:
        """What is written about a mailbox. Raises Problems when there is none of that name."""
        if there := self._row(name):
            return there[1].rows[_local(name)].settings
        return dict(self._mailboxes[self._written(name)])

    def vacant(self, name: str) -> None:
        """Raises Problems when there is a mailbox of that name."""
        if self._is_in_toml(name) or self._row(name):
            hint = "change it with 'mailwright mailbox set'"
            raise Problems([Problem(setting(TABLE), "is there already", name, hint=hint)])

    def add(
        self,
        name: str,
        settings: Mapping[str, Any],
        keep_mail: bool = False,
        today: date = date.min,
    ) -> None:
        """A new mailbox behind the last one; with `keep_mail` it has what its predecessor left.

        What `purge` had deleted until today is forgotten. Raises Problems when there is a mailbox
        of that name, or mail that would be its.
        """
        self.vacant(name)
        store = self.store(name) if keep_mail else _folded(name)
        text = self._forgotten(store, today, keep_mail)
        if keep_mail:
            settings = {**settings, "stored_as": store}
        if file := self._sheet_of(name):
            row = {file: Sheet(self._text(file)).put(None, name, settings).text}
            self._change(row if text == self.text else row | {FILE: text})
        else:
            self._change({FILE: self._with_mailbox(text, name, settings)})

    def store(self, name: str) -> str:
        """The address that the mail of a mailbox lies under that was removed: mostly its own."""
        return self._removed.get(_folded(name), _folded(name))

    @property
    def _removed(self) -> dict[str, str]:
        there = tomllib.loads(self.text).get(REMOVED, {})
        return {_folded(name): _folded(store) for name, store in there.items()}

    def _forgotten(self, store: str, today: date, keep_mail: bool) -> str:
        """The text without whose mail lies there, if somebody shall have it or it was deleted."""
        days = {_folded(each): day for each, day in tomllib.loads(self.text).get(PURGE, {}).items()}
        due = store in days and days[store] <= today
        text = _without_key(self.text, PURGE, lambda name, _: due and name == store)
        if not (due or keep_mail):
            return text
        return _without_key(text, REMOVED, lambda _, of: of == store)

    def _with_mailbox(self, text: str, name: str, settings: Mapping[str, Any]) -> str:
        return _with_block(text, TABLE, name, settings)

    def set(self, name: str, settings: Mapping[str, Any]) -> None:
        """Change settings of a mailbox; those that are None are taken out.

        Of a setting that is a table, only those of its keys that are given change.
        """
        if there := self._row(name):
            file, sheet = there
            row = sheet.rows[_local(name)]
            text = sheet.put(_local(name), row.written, _changed(row.settings, settings)).text
            self._change({file: text})
        else:
            self._change({FILE: self._with_settings(name, settings)})

    def _with_settings(self, name: str, settings: Mapping[str, Any]) -> str:
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
        return _with_lines(text, tomlkit.dumps(new), TABLE, written) if new else text

    def rename(self, old: str, new: str, alias: bool) -> None:
        """Give a mailbox another address. Its mail stays where it lies; with `alias` mail to the
        old address still arrives.

        Raises Problems when there is no mailbox `old`, or when `new` is taken.
        """
        there, name = self._row(old), _folded(new)
        written = there[1].rows[_local(old)].written if there else self._written(old)
        self.vacant(new)
        text = renaming.renamed(self._without_own_alias(_folded(old), name), _folded(old), new)
        texts = self._renamed_in_sheets(_folded(old), new)
        if there:
            text = self._moved(text, texts, old, new)
        else:
            text = _stored(text, written, _folded(old), new)
        line = tomlkit.dumps({written: new})
        self._renamed.append((_folded(old), name))
        self._change(texts | {FILE: _with_table(text, "aliases", line) if alias else text})

    def _renamed_in_sheets(self, old: str, new: str) -> dict[str, str]:
        """The sheets in which other mailboxes name it."""
        texts = {}
        for file in self._sheets.values():
            if old.partition("@")[0] in self._text(file).lower():
                text = Sheet(self._text(file)).renamed(old, new).text
                if text != self._text(file):
                    texts[file] = text
        return texts

    def _moved(self, text: str, texts: dict[str, str], old: str, new: str) -> str:
        """Take a row to where the new address belongs: another row of `texts`, or of `mail.toml`,
        whose text is returned.
        """
        file, target = self._sheet_of(old), self._sheet_of(new)
        assert file
        sheet = Sheet(texts.get(file, self._text(file)))
        settings = _with_store(sheet.rows[_local(old)].settings, _folded(old), _folded(new))
        if file == target:
            texts[file] = sheet.put(_local(old), new, settings).text
            return text
        texts[file] = sheet.without(_local(old)).text
        if target is None:
            return self._with_mailbox(text, new, settings)
        texts[target] = Sheet(texts.get(target, self._text(target))).put(None, new, settings).text
        return text

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

    def remove(self, name: str, left: list[str] | None = None) -> str:
        """Take a mailbox out, and leave the comment that stands before the next table.

        What the address was that it lies under stays in `mail.toml`, and is returned; with a
        mailbox that was renamed goes the alias that is left of its old address. Given `left`, it is
        taken out of what names it as well, and these settings go there.
        """
        settings, there = self.settings(name), self._row(name)
        store = _folded(settings.get("stored_as", name))
        text = (
            self.text if store == _folded(name) else self._without_own_alias(_folded(name), store)
        )
        if there is None:
            text = _without(text, TABLE, self._written(name))
        if USES[settings.get("use", "devices")].stores:
            text = _without_key(
                text, REMOVED, lambda gone, of: gone == _folded(name) or of == store
            )
            text = _with_table(text, REMOVED, tomlkit.dumps({_folded(name): store}))
        row = {there[0]: there[1].without(_local(name)).text} if there else {}
        texts = row | {FILE: text}
        if left is not None:
            texts = self._unnamed(texts, _folded(name).__eq__, left)
        self._change(texts)
        return store

    def _unnamed(
        self, texts: dict[str, str], goes: removal.Goes, left: list[str]
    ) -> dict[str, str]:
        """These texts and all others without some addresses in the settings of others."""
        text, goes = removal.unnamed(texts[FILE], goes, left)
        changed = {FILE: text}
        for file in self._sheets.values():
            before = texts.get(file, self._text(file))
            after = before if file in self._aside else Sheet(before).unnamed(goes).text
            if after != self._text(file):
                changed[file] = after
                left += [file] if after != before else []
        return changed

    def add_alias(self, name: str, targets: list[str]) -> list[str]:
        """Have mail to an address go to these as well; who gets it then is returned."""
        document: Any = tomlkit.parse(self.text)
        aliases = document.get("aliases", {})
        written = {_folded_alias(each): each for each in aliases}.get(_folded_alias(name))
        if written is None:
            value = targets if targets[1:] else targets[0]
            self._change({FILE: _with_table(self.text, "aliases", tomlkit.dumps({name: value}))})
            return targets
        if not isinstance(aliases[written], list):
            _replace(aliases, written, [aliases[written]])
        known = [address.parse(each) for each in aliases[written]]
        for each in targets:
            if address.parse(each) not in known:
                aliases[written].append(each)
        self._change({FILE: tomlkit.dumps(document)})
        return list(aliases[written].unwrap())

    def remove_alias(self, name: str, left: list[str] | None = None) -> None:
        """Take an alias out, and with `left` as in `remove`."""
        folded = _folded_alias(self._written_alias(name))
        texts = {FILE: _without_key(self.text, "aliases", lambda each, _: each == folded)}
        self._change(texts if left is None else self._unnamed(texts, folded.__eq__, left))

    def remove_targets(self, name: str, targets: list[str]) -> list[str]:
        """Have mail to an alias no longer go to these; who still gets it is returned."""
        document: Any = tomlkit.parse(self.text)
        written = self._written_alias(name)
        value, where = document["aliases"][written], setting("aliases", written)
        known = [address.parse(each) for each in (value if isinstance(value, list) else [value])]
        going = [address.parse(each) for each in targets]
        if absent := [each for each in going if each not in known]:
            raise Problems([Problem(where, "does not lead to", each) for each in absent])
        if {*known} <= {*going}:
            hint = "without --to all of it is removed"
            raise Problems([Problem(where, "would lead to nobody", hint=hint)])
        for index in [n for n, each in enumerate(known) if each in going][::-1]:
            del value[index]
        self._change({FILE: tomlkit.dumps(document)})
        return list(value.unwrap())

    def _written_alias(self, name: str) -> str:
        aliases: Mapping[str, Any] = tomllib.loads(self.text).get("aliases", {})
        names = {_folded_alias(each): each for each in aliases}
        if _folded_alias(name) not in names:
            hint = nearest(name, names)
            raise Problems([Problem(setting("aliases"), "is no alias", name, hint=hint)])
        return names[_folded_alias(name)]

    def add_domain(self, name: str, settings: Mapping[str, Any]) -> None:
        """A new domain behind the last one."""
        if address.domain(name) in map(address.domain, self._domains):
            hint = "its settings are changed there"
            raise Problems([Problem(setting(DOMAINS), "is there already", name, hint=hint)])
        self._change({FILE: _with_block(self.text, DOMAINS, name, settings)})

    @property
    def _domains(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = tomllib.loads(self.text).get(DOMAINS, {})
        return found

    def remove_domain(self, name: str, left: list[str] | None = None) -> list[str]:
        """Take a domain out. Files of its own are set aside, and returned, if `left` is given: then
        its mailboxes and aliases go as well, out of what names them too.
        """
        names = {address.domain(each): each for each in self._domains}
        if (folded := address.domain(name)) not in names:
            hint = nearest(name, names)
            raise Problems([Problem(setting(DOMAINS), NO_DOMAIN, name, hint=hint)])
        book = check(self._folder)
        if book.postmaster.endswith(f"@{folded}"):
            what, hint = "is of this domain", "name another first"
            raise Problems([Problem(setting("postmaster"), what, book.postmaster, hint=hint)])
        text = _without(self.text, DOMAINS, names[folded])
        if left is None:
            self._change({FILE: text})
            return []
        self._aside = [*removal.files(self._folder, folded)]
        mine = {each.address: each for each in book.mailboxes.values() if each.domain == folded}
        for each in self._mailboxes:
            text = _without(text, TABLE, each) if _folded(each) in mine else text
        stores = {box.address: box.store for box in mine.values() if box.stores}
        known = self._removed
        if lines := {each: store for each, store in stores.items() if each not in known}:
            text = _with_table(text, REMOVED, tomlkit.dumps(lines))
        goes = f"@{folded}"
        texts = self._unnamed({FILE: text}, lambda each: each.endswith(goes), left)
        self._change(texts)
        return self._aside

    def has_removed(self, name: str) -> bool:
        """Whether a mailbox of this name, or one whose mail lies under it, was removed here."""
        return _folded(name) in {*self._removed, *self._removed.values()}

    def purge(self, name: str, day: date | None) -> None:
        """Have the mail of a mailbox that was removed deleted from this day on, or never."""
        there = {_folded(each): each for each in tomllib.loads(self.text).get(PURGE, {})}
        store = self.store(name)
        if store not in there and day is None:
            raise Problems([Problem(setting(PURGE), "has no date", name)])
        if day is None:
            self._change({FILE: _without_key(self.text, PURGE, lambda each, _: each == store)})
        elif store in there:
            document: Any = tomlkit.parse(self.text)
            _replace(document[PURGE], there[store], day)
            self._change({FILE: tomlkit.dumps(document)})
        else:
            line = tomlkit.dumps({name if _folded(name) == store else store: day})
            self._change({FILE: _with_table(self.text, PURGE, line)})

    def _change(self, texts: dict[str, str]) -> None:
        check(self._folder, self._texts | texts, self._renamed, self._aside)
        self._texts |= texts
        self._changed |= texts.keys()

    def _written(self, name: str) -> str:
        names = {_folded(each): each for each in self._mailboxes}
        if _folded(name) not in names:
            file = self._sheet_of(name)
            others = Sheet(self._text(file)).addresses if file else ()
            what, hint = "is no mailbox", nearest(name, [*names, *others])
            raise Problems([Problem(setting(TABLE), what, name, hint=hint)])
        return names[_folded(name)]

    def save(self) -> None:
        """Put each text in the place of its file, each at once or not at all; scripts follow."""
        for file in sorted(self._changed):
            path = (self._folder / file).resolve()
            with secret.naming(path):
                _replace_file(path, self._texts[file])
        for old, new in self._renamed:
            sieve.rename(self._folder, old, new)
        for file in self._aside:
            path = self._folder / file
            path.rename(path.with_name(f".{path.name}"))


def _check_readable(folder: Path) -> None:
    """Raises Problems, unless all that is wrong is who is named and not there: a change may heal
    that, and is checked as a whole.
    """
    try:
        check(folder)
    except Problems as error:
        if any(problem.what not in ABSENT for problem in error.problems):
            raise


def _replace_file(path: Path, text: str) -> None:
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
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
    """An Editor that is saved at the end; nobody else writes below the folder meanwhile.

    Ask for a password before, of an Editor that is not saved.

    Raises Problems when the description is wrong, before or after the change, and what `locked`
    does.
    """
    with locked(folder):
        editor = Editor(folder)
        yield editor
        editor.save()


def _changed(before: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a row with others in the place of some, or without them."""
    after = dict(before)
    for key, value in settings.items():
        if isinstance(value, dict):
            after[key] = dict(before.get(key, {}))
            _merge(after[key], value)
        else:
            after[key] = value
    return {key: value for key, value in after.items() if value not in (None, {})}


def _with_store(settings: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """The settings of a renamed mailbox, whose mail stays where it lies."""
    store = _folded(settings.get("stored_as", old))
    others = {key: value for key, value in settings.items() if key != "stored_as"}
    return others if store == new else {**others, "stored_as": store}


def _stored(text: str, written: str, old: str, new: str) -> str:
    """The same in a text of `mail.toml` in which the mailbox has its new name."""
    there = tomllib.loads(text)[TABLE].get(new)
    if there is None:
        raise _not_a_table(TABLE, written)
    if "stored_as" not in there:
        return _with_lines(text, tomlkit.dumps({"stored_as": old}), TABLE, new)
    if _folded(there["stored_as"]) == _folded(new):
        document: Any = tomlkit.parse(text)
        del document[TABLE][new]["stored_as"]
        return tomlkit.dumps(document)
    return text


def _local(name: str) -> str:
    return _folded(name).rpartition("@")[0]


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


def _with_block(text: str, table: str, name: str, settings: Mapping[str, Any]) -> str:
    """The text with a table of this name behind the last one of its kind."""
    new = tomlkit.table()
    for key, value in settings.items():
        new[key] = _item(value)
    block = tomlkit.dumps({table: {name: new}})
    last = list(tomllib.loads(text).get(table, {}))[-1:]
    end = _span(text, table, *last)[1] if last else len(text)
    before = text[:end].rstrip("\n")
    return f"{before}\n\n{block}{text[end:]}" if before else block


def _with_table(text: str, table: str, lines: str) -> str:
    """The text with these lines at the end of a table, which may be a new one."""
    if table in tomllib.loads(text):
        return _with_lines(text, lines, table)
    return f"{text.rstrip(chr(10))}\n\n[{table}]\n{lines}"


def _without_key(text: str, table: str, goes: Callable[[str, Any], bool]) -> str:
    """The text without some addresses of a table, and without the table when none is left."""
    there = tomllib.loads(text).get(table, {})
    going = [each for each, value in there.items() if goes(_folded(each), value)]
    document: Any = tomlkit.parse(text)
    for each in going:
        del document[table][each]
    changed = tomlkit.dumps(document) if going else text
    return _without(changed, table) if going and len(going) == len(there) else changed


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
