"""Files that hold secrets: read with care, written for their owner alone, never overwritten."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailwright.model.problems import Invalid


def read(path: Path) -> bytes:
    """The file's content. Raises Invalid when it cannot be read or other users can read it."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise Invalid(None, "is missing") from None
    except OSError as error:
        raise Invalid(None, f"cannot be read: {error.strerror}") from None
    check(path)
    return raw


def check(path: Path) -> None:
    """Raises Invalid when other users can read a file."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Invalid(None, f"is open to other users (mode {mode:o})", "mode 600")


def create(path: Path, text: str) -> None:
    """Write a new file that nobody else can read at any moment, whole or not at all.

    Raises FileExistsError when it exists: link(2), unlike rename(2), never replaces a file.
    """
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with naming(path):
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(staged, path)
        finally:
            staged.unlink()
        sync(path.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """An OSError within names this file, whether it came from its descriptor or another name."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def sync(folder: Path) -> None:
    """Make the names in a folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
