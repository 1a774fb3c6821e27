"""What is remembered of a DKIM key: `keys/<domain>/<key>.toml`, in the operator's hands.

It holds what neither the key nor DNS can tell, which is since when. A key without this file was
there before any rotation, and signs.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, ConfigDict, Strict, TypeAdapter, ValidationError

from mailwright.keys import secret
from mailwright.model.problems import Invalid, listed

SUFFIX = ".toml"
ALWAYS = datetime.fromtimestamp(0, UTC)
Moment = Annotated[AwareDatetime, Strict()]
Seconds = Annotated[int, Strict()]
_HEAD = "The life of a DKIM key, in UTC. 'mailwright rotate' reads and writes it; back it up."


class State(StrEnum):
    """Where a key stands; `old` keys and `new` ones are published, and do not sign."""

    NEW = "new"
    SIGNING = "signing"
    OLD = "old"
    REVOKED = "revoked"
    REMOVED = "removed"


@dataclass(frozen=True)
class Life:
    """Times are since when, or None.

    `slot` is its selector where that is not the file's name (delegated keys). `seen`: every
    authoritative server has shown what is published of it now. `ttl` is how many seconds resolvers
    may remember what was there before. `signing`: hosts may sign with it; the latest such key of
    its algorithm is the one that signs. `unused`: no host signs with it any more. `revoked`: its
    public value is empty (RFC 6376 section 3.6.1). `removed`: nothing is published.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", defer_build=True)

    algorithm: str
    slot: str | None = None
    seen: Moment | None = None
    ttl: Seconds = 0
    signing: Moment | None = None
    unused: Moment | None = None
    revoked: Moment | None = None
    removed: Moment | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nobody needs its private key any more."""
        return bool(self.revoked or self.removed)

    @property
    def was_never_used(self) -> bool:
        """Whether nobody has been told of it yet: what a run left that died making the key."""
        return not (self.seen or self.signing or self.has_ended)


_LIFE: TypeAdapter[Life] = TypeAdapter(Life)


def current(lives: Collection[Life], algorithms: Collection[str]) -> dict[str, datetime]:
    """The date that the signing keys of each algorithm have.

    The latest: one file decides who signs, so that no run can die between two of them. Keys that
    were there before any rotation all sign. While none of a domain's `algorithms` has a key that
    signs, one that it had before still does: its mail is never unsigned.
    """
    latest: dict[str, datetime] = {}
    for life in lives:
        if life.signing and not life.has_ended:
            latest[life.algorithm] = max(life.signing, latest.get(life.algorithm, ALWAYS))
    return {name: latest[name] for name in latest if name in algorithms} or latest


def state(life: Life, signing: datetime | None) -> State:
    """Where a key stands; `signing` is the date of those of its algorithm that sign."""
    if life.removed:
        return State.REMOVED
    if life.revoked:
        return State.REVOKED
    if life.signing is None:
        return State.NEW
    return State.SIGNING if life.signing == signing else State.OLD


def read(path: Path) -> Life | None:
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


def write(path: Path, life: Life) -> None:
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
