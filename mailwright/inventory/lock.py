"""One lock for an inventory folder: whoever writes below it holds it, as long as they write.

It is the kernel's (flock(2)), so it ends with its process, however that ends. `.lock` in the folder
only says who holds it.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from mailwright.inventory.load import check
from mailwright.keys.secret import naming
from mailwright.model.problems import Failed, Problem

NOTE = ".lock"
PATIENCE = 5.0  # seconds; nobody holds it while a person is asked or a network is waited for
_PAUSE = 0.02


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else writes below the folder meanwhile.

    What was read before may have changed since: read again what you write back.

    Raises:
        Failed: somebody else still writes after PATIENCE; it says who.
        Problems: there is no such folder.
        OSError: the folder cannot be written to.
    """
    if not folder.is_dir():
        check(folder)  # says what is wrong with the folder
    descriptor = os.open(folder, os.O_RDONLY)
    note = folder / NOTE
    try:
        _take(descriptor, note)
        try:
            _write(note)
            yield
        finally:
            with suppress(OSError):
                note.unlink()
    finally:
        os.close(descriptor)


def _take(descriptor: int, note: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise _busy(note) from None
        time.sleep(_PAUSE)


def _busy(note: Path) -> Failed:
    try:
        who = note.read_text("utf-8", "replace").strip()
    except OSError:  # it begins or ends just now
        who = ""
    what = f"is being written by {who or 'another command'}"
    hint = "run it again when that has ended"
    return Failed([Problem(str(note.parent), what, hint=hint)])


def _write(note: Path) -> None:
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    told = f"{command} (process {os.getpid()}, since {datetime.now(UTC):%F %T} UTC)\n"
    with naming(note):
        note.unlink(missing_ok=True)  # of a process that was killed, maybe another user's
        note.write_text(told, "utf-8", "replace")
