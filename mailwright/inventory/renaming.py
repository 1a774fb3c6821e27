"""An address in `mail.toml` becomes another: wherever it means the mailbox, and nowhere else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from mailwright.model import address
from mailwright.model.problems import Invalid

_QUOTED = re.compile(r"""(["'])([^"'\n]+@[^"'\n]+)\1""")
_NOT_MEANT = {
    "stored_as",
    "purge",
    "removed",
}  # these say where mail lies on a host, and it is not moved


def renamed(text: str, old: str, new: str) -> str:
    """The text with `old` as `new`; its comments and its order stay.

    `old` in its one form, `new` as it shall be written. An address extension moves along. A quoted
    word counts when another in its place changes what TOML reads there.
    """
    before = _meaning(tomllib.loads(text))
    for match in reversed(list(_QUOTED.finditer(text))):
        if (word := _successor(match[2], old, new)) is None:
            continue
        start, end = match.span(2)
        single = f"{text[:start]}{word}{text[end:]}"
        if _read(single) != before:
            text, before = single, _read(single)
    return text


def _successor(word: str, old: str, new: str) -> str | None:
    try:
        name = address.parse(word)
    except Invalid:
        return None
    if address.without_extension(name) != old:
        return None
    extension = name.rpartition("@")[0].removeprefix(old.rpartition("@")[0])
    local, _, domain = new.rpartition("@")
    return f"{local}{extension}@{domain}"


def _read(text: str) -> Any:
    try:
        return _meaning(tomllib.loads(text))
    except tomllib.TOMLDecodeError:  # the new name is there already: said where it is checked
        return None


def _meaning(value: Any) -> Any:
    """What was read, with the order of its tables, without what keeps the old address."""
    if isinstance(value, dict):
        kept = [(key, item) for key, item in value.items() if key not in _NOT_MEANT]
        return [(key, _meaning(item)) for key, item in kept]
    return [_meaning(item) for item in value] if isinstance(value, list) else value


def in_settings(settings: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The settings of a mailbox in a sheet with `old` as `new`, as in `renamed`."""
    return {
        name: value if name in _NOT_MEANT else _named(value, old, new)
        for name, value in settings.items()
    }


def _named(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {_named(name, old, new): right for name, right in value.items()}
    if isinstance(value, list):
        return [_named(each, old, new) for each in value]
    return _successor(value, old, new) or value if isinstance(value, str) else value
