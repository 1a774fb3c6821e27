"""Every setting, as its schema says it: `python -m tests.settings` writes docs/settings.md.

The sentence, the default and the example of a setting stand at its field. What it takes is what it
says when it is given something else.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel, ValidationError

from mailwright.inventory.machine import HostTable
from mailwright.inventory.schema import AcmeTable, DomainTable, MailboxTable, MailTable
from mailwright.model import size

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
_HEAD = """\
# Settings

Two files describe a mail system: `hosts.py` has the machines, `mail.toml` has domains, mailboxes
and aliases. This page has every setting. Where a value may be a list, one value may stand without
brackets. `mailwright show` says what is wrong with any of them, all at once.

`python -m tests.settings` writes this page from the schema.
"""
_TABLES: tuple[tuple[type[BaseModel], str, str], ...] = (
    (
        HostTable,
        "A host in hosts.py",
        "`hosts.py` is an inventory of [pyinfra](https://pyinfra.com): its group `mail` has the"
        " mail hosts. Whatever else pyinfra knows of a connection (`ssh_user`, `ssh_key`,"
        " `ssh_hostname`, `_sudo`, …) stands beside these.",
    ),
    (MailTable, "The top of mail.toml", "What all domains and hosts have in common."),
    (
        AcmeTable,
        "Ordered certificates: [acme]",
        "See [Certificates](certificates.md#ordered-by-the-host).",
    ),
    (
        DomainTable,
        'A domain: [domains."example.com"]',
        "What a domain tells the world is explained in [DNS](dns.md#what-a-domain-says).",
    ),
    (
        MailboxTable,
        'A mailbox: [mailboxes."alice@example.com"]',
        "Or the columns of a [sheet](mailboxes.md#many-mailboxes). What follows from `use` is in"
        " [Mailboxes](mailboxes.md#what-a-mailbox-is-for).",
    ),
)


@dataclass(frozen=True)
class Setting:
    """One field of a table."""

    table: type[BaseModel]
    name: str

    @property
    def sentence(self) -> str:
        """What it says."""
        return self.table.model_fields[self.name].description or ""

    @property
    def examples(self) -> list[Any]:
        """Values as a user writes them."""
        return self.table.model_fields[self.name].examples or []

    @property
    def takes(self) -> str:
        """What it expects where it is given what nobody can mean."""
        for error in self._errors(object()):
            if "error" in error.get("ctx", {}):
                expected = str(error["ctx"]["error"].expected)
                return f"{expected}; or a list" if 0 in error["loc"] else expected
            if error["type"] == "string_type":
                return "text"
        return "a table"

    @property
    def default(self) -> str:
        """What holds without it: in words, or as a user would write it."""
        info = self.table.model_fields[self.name]
        if isinstance(info.json_schema_extra, dict) and "default" in info.json_schema_extra:
            return str(info.json_schema_extra["default"])
        value = info.get_default(call_default_factory=True, validated_data={})
        return "" if value is None else f"`{self.written(self._spelled(value))}`"

    def example(self) -> str:
        """The first, as it stands in its file."""
        if self.table is HostTable:
            return f'"{self.name}": {self.written(self.examples[0])}'
        return "; ".join(lines(self.name, self.examples[0]))

    def written(self, value: Any) -> str:
        """A value in the words of its file."""
        if value == {}:
            return "{}"
        if self.table is HostTable:
            return repr(value) if isinstance(value, bool) else json.dumps(value)
        return str(tomlkit.item(value).as_string())

    def accepts(self, value: Any) -> bool:
        """Whether a user may write this."""
        return not self._errors(value)

    def _errors(self, value: Any) -> list[Any]:
        try:
            self.table.model_validate({self.name: value})
        except ValidationError as error:
            return error.errors(include_url=False)
        return []

    def _spelled(self, value: Any) -> Any:
        """What is read as this value."""
        if isinstance(value, list):
            return [self._spelled(each) for each in value]
        if type(value) is int:
            others = (f"{value}%", "unlimited", *([size.format(value)] if value else []))
            for text in others:
                if self.accepts(text) and self._read(text) in (value, [value]):
                    return text
        return value

    def _read(self, value: Any) -> Any:
        return getattr(self.table.model_validate({self.name: value}), self.name)


def lines(key: str, value: Any) -> Iterator[str]:
    """The lines of TOML that say so."""
    if not isinstance(value, dict):
        yield f"{key} = {tomlkit.item(value).as_string()}"
        return
    for name, each in value.items():
        yield from lines(f"{key}.{tomlkit.key(name).as_string()}", each)


def settings() -> list[Setting]:
    """All of them, in the order of the page."""
    return [Setting(table, name) for table, _, _ in _TABLES for name in table.model_fields]


def page() -> str:
    """The text of docs/settings.md."""
    parts = [_HEAD]
    for table, title, words in _TABLES:
        rows = [_row(Setting(table, name)) for name in table.model_fields]
        head = ["| for example | what it says | value | default |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {title}", "", words, "", *head, *rows, ""]))
    return "\n".join(parts)


def _row(setting: Setting) -> str:
    cells = (f"`{setting.example()}`", setting.sentence, setting.takes, setting.default)
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page())
