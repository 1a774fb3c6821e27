"""Where a setting is written, as a problem names the place."""

from __future__ import annotations

import json
import re

FILE = "mail.toml"
_BARE = re.compile(r"[A-Za-z0-9_-]+")  # a key without quotes (TOML 1.0)


class Places(dict[str, str]):
    """Where each mailbox stands that is a row of a sheet; all others stand in `mail.toml`."""

    def setting(self, *names: str | int) -> str:
        """The place of a setting: `mailboxes/example.com.csv:17: "alice@example.com".quota`."""
        place = self.get(str(names[1])) if len(names) > 1 and names[0] == "mailboxes" else None
        if place is None:
            return setting(*names)
        return f'{place}: "{names[1]}"{_path(names[2:])}'


def setting(*names: str | int) -> str:
    """The place of a setting: `mail.toml: mailboxes."alice@example.com".quota`."""
    path = _path(names).removeprefix(".")
    return f"{FILE}: {path}" if path else FILE


def _path(names: tuple[str | int, ...]) -> str:
    words = (name for name in names if isinstance(name, str))
    return "".join(f".{name if _BARE.fullmatch(name) else _quoted(name)}" for name in words)


def _quoted(name: str) -> str:
    is_plain = name.isprintable() and '"' not in name and "\\" not in name
    return f'"{name}"' if is_plain else json.dumps(name, ensure_ascii=False)
