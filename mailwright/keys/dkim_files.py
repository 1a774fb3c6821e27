"""The files of a DKIM key, in `keys/<domain>/`: the private key, its public value, and its life.

`<key>.toml` holds what neither the key nor DNS can tell, which is since when. A key without this
file was there before any rotation, and signs.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mailwright.keys import secret
from mailwright.model.dkim import DkimKey, Life
from mailwright.model.problems import Invalid, listed

FOLDER = "keys"
SUFFIX = ".toml"  # of a life
PASSPHRASE = "MAILWRIGHT_PASSPHRASE"


def environment() -> str | None:
    """The passphrase of encrypted keys as the environment variable gives it."""
    return os.environ.get(PASSPHRASE)


def path_of(inventory: Path, key: DkimKey, suffix: str = ".pem") -> Path:
    """The private key in an inventory folder, or what else there is of a key."""
    return inventory / FOLDER / key.domain / f"{key.stem}{suffix}"


def publish(inventory: Path, key: DkimKey) -> None:
    """Put the public value beside the private key if a run died between the two."""
    with suppress(FileExistsError):
        secret.create(path_of(inventory, key, ".txt"), f"{key.record}\n")


_HEAD = "The life of a DKIM key, in UTC. 'mailwright rotate' reads and writes it; back it up."
_LIFE: TypeAdapter[Life] = TypeAdapter(Life)


def read_life(path: Path) -> Life | None:
    """What the file says, or None if there is none. Raises Invalid."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Invalid(None, f"cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(None, f"is no TOML: {error}", hint="restore it from a backup") from None
    try:
        return _LIFE.validate_python(raw)
    except ValidationError as error:
        raise _wrong(error) from None


def _wrong(error: ValidationError) -> Invalid:
    first: Any = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    if first["type"] == "missing":
        return Invalid(None, f"has no {name}", hint="restore it from a backup")
    known = [field.name for field in fields(Life)]
    if name not in known:
        return Invalid(name, "is nothing that is remembered of a key", listed(known))
    return Invalid(first["input"], f"cannot be its {name}", "a time such as 2026-12-31T12:00:00Z")


def write_life(path: Path, life: Life) -> None:
    """The old file or the new one is there at any moment, and after a power failure."""
    import tomlkit  # takes a while to load, and most commands only read

    document = tomlkit.document()
    document.add(tomlkit.comment(_HEAD))
    for field in fields(life):
        value = getattr(life, field.name)
        if value not in (None, 0):
            document[field.name] = value.replace(microsecond=0) if field.name in _TIMES else value
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        secret.create(staged, tomlkit.dumps(document))
        os.replace(staged, path)  # noqa: PTH105
    finally:
        with suppress(FileNotFoundError):
            staged.unlink()
    secret.sync(path.parent)


_TIMES = ("seen", "signing", "unused", "revoked", "removed")
