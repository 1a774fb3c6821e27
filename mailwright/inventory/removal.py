"""Addresses that leave `mail.toml`: out of whatever names them, and what then names nobody goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from mailwright.inventory.places import setting
from mailwright.model import address
from mailwright.model.problems import Invalid

Goes = Callable[[str], bool]  # whether an address, in its one form, leaves
_OF_MAILBOX = ("owner", "members", "send_as")
_OF_DOMAIN = ("dmarc_rua", "dmarc_ruf", "tls_rpt")


def unnamed(text: str, goes: Goes, left: list[str]) -> tuple[str, Goes]:
    """The text of `mail.toml` without those addresses, and who leaves: aliases of nobody else too.

    The settings that named one go to `left`. What has a default that names nobody is taken out; the
    postmaster is not.
    """
    import tomlkit  # takes a while to load, and whoever reads sheets does without

    document: Any = tomlkit.parse(text)
    gone: set[str] = set()

    def leaves(name: str) -> bool:
        return goes(name) or name in gone

    while some := [
        each for each in document.get("aliases", {}) if _is_empty(document, each, leaves)
    ]:
        gone |= {address.own_or_all(each) for each in some}
        for each in some:
            del document["aliases"][each]
            left.append(setting("aliases", each))
    for path, table in _tables(document):
        for key in [key for key in table if _names(table[key], leaves)]:
            _take_out(table, key, leaves)
            left.append(setting(*path, key))
    if not document.get("aliases", True):
        del document["aliases"]
    return (tomlkit.dumps(document) if left else text), leaves


def of_settings(settings: dict[str, Any], goes: Goes) -> dict[str, Any]:
    """The settings of a mailbox in a sheet without those addresses; empty ones are None."""
    changed = {key: value for key, value in settings.items() if key in _OF_MAILBOX}
    return {**settings, **{key: _rest(value, goes) or None for key, value in changed.items()}}


def _tables(document: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What has settings that name addresses, with its path; but for whose name it is."""
    if "aliases" in document:
        yield ("aliases",), document["aliases"]
    for kind, keys in (("mailboxes", _OF_MAILBOX), ("domains", _OF_DOMAIN)):
        for name, table in document.get(kind, {}).items():
            yield (kind, name), _Some(table, keys)
    if "acme" in document:
        yield ("acme",), _Some(document["acme"], ("contact",))


class _Some(dict[str, Any]):
    """Some keys of a table of tomlkit, in which they are changed."""

    def __init__(self, table: Any, keys: tuple[str, ...]) -> None:
        super().__init__({key: table[key] for key in keys if key in table})
        self._table = table

    def __setitem__(self, key: str, value: Any) -> None:
        self._table[key] = value

    def __delitem__(self, key: str) -> None:
        del self._table[key]


def _is_empty(document: Any, alias: str, goes: Goes) -> bool:
    """Whether an alias leaves: one of those addresses, or of nobody who stays."""
    return _is_gone(alias, goes) or not _rest(document["aliases"][alias], goes)


def _names(value: Any, goes: Goes) -> bool:
    return bool(_rest(value, goes) != value)


def _rest(value: Any, goes: Goes) -> Any:
    """A setting without those addresses; None or empty where it names nobody else."""
    if isinstance(value, dict):
        return {name: right for name, right in value.items() if not _is_gone(name, goes)}
    if isinstance(value, list):
        return [each for each in value if not _is_gone(each, goes)]
    return None if _is_gone(value, goes) else value


def _take_out(table: Any, key: str, goes: Goes) -> None:
    import tomlkit
    from tomlkit.items import InlineTable

    value = table[key]
    if not _rest(value, goes):
        del table[key]
    elif isinstance(value, InlineTable):  # written anew: gaps would remain
        rest = tomlkit.inline_table()
        rest.update(_rest(value.unwrap(), goes))
        table[key] = rest
    elif isinstance(value, dict):
        for name in [name for name in value if _is_gone(name, goes)]:
            del value[name]
    else:
        for index in [n for n, each in enumerate(value) if _is_gone(each, goes)][::-1]:
            del value[index]


def _is_gone(word: Any, goes: Goes) -> bool:
    try:
        name = f"@{address.domain(word[1:])}" if word.startswith("@") else address.parse(word)
    except (Invalid, AttributeError):
        return False
    return goes(name) or goes(address.without_extension(name))


def files(folder: Path, domain: str) -> Iterator[str]:
    """What an inventory has of a domain in files of their own, but for its keys."""
    for pattern in ("mailboxes/*.csv", "sieve/*/*.sieve", "tls/web/*.pem"):
        for path in sorted(folder.glob(pattern)):
            whom = path.stem.rpartition("@")[2]
            with suppress(Invalid):
                if not path.name.startswith(".") and address.domain(whom) == domain:
                    yield path.relative_to(folder).as_posix()
