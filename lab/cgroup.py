"""Control groups (cgroups(7)): how the lab finds, counts and ends the processes it started.

A group is in the kernel, not on disk, so it cannot be stale: a process file would still name a
process after the machine's end. On a hybrid machine the group exists in the `unified` hierarchy
and in the one named `systemd`; systemd-nspawn with `--keep-unit` uses its caller's group, and two
hosts that shared one would end each other's services.
"""

import signal
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from lab.error import LabError

_ENTER = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"'


@cache
def hierarchies() -> tuple[Path, ...]:
    """Return the mounted hierarchies that systemd uses, the unified one first."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    unified = [Path(m[1]) for m in mounts if m[2] == "cgroup2"]
    named = [Path(m[1]) for m in mounts if m[2] == "cgroup" and "name=systemd" in m[3].split(",")]
    if not unified:
        raise LabError("no cgroup v2 hierarchy is mounted", "boot with systemd's defaults")
    return (unified[0], *named[:1])


class Group:
    """One group, by its path below the hierarchies' roots, such as `lab/h1/mail.example.com`."""

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def _folders(self) -> list[Path]:
        return [root / self.path for root in hierarchies()]

    @property
    def is_populated(self) -> bool:
        """Whether any process lives in the group or below it."""
        events = self._folders[0] / "cgroup.events"
        return events.exists() and "populated 1" in events.read_text()

    def child(self, name: str) -> "Group":
        """Return the group `name` below this one."""
        return Group(f"{self.path}/{name}")

    def entering(self, argv: list[str]) -> list[str]:
        """Create the group, and return `argv` as a command that enters it first."""
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
        return ["sh", "-c", _ENTER, "sh", *map(str, self._folders), "--", *argv]

    def processes(self, below: str = "") -> list[int]:
        """Return the processes that are directly in the group, or in the one `below` it."""
        procs = self._folders[0] / below / "cgroup.procs"
        with suppress(OSError):
            return [int(line) for line in procs.read_text().split()]
        return []

    def wait_empty(self, seconds: float) -> bool:
        """Wait until no process is left, at most `seconds`, and tell whether that is so."""
        end = time.monotonic() + seconds
        while self.is_populated and time.monotonic() < end:
            time.sleep(0.02)
        return not self.is_populated

    def kill(self) -> None:
        """End every process in the group and below it at once, and remove the groups."""
        with suppress(FileNotFoundError):
            (self._folders[0] / "cgroup.kill").write_text("1")
        if not self.wait_empty(10):
            raise LabError(f"processes of {self.path} survive {signal.SIGKILL.name}")
        for folder in self._folders:
            _remove(folder)


def remove_empty(path: str) -> None:
    """Remove the group at `path` unless there is a group or a process in it."""
    for root in hierarchies():
        with suppress(OSError):
            (root / path).rmdir()


def _remove(folder: Path) -> None:
    """Remove a group and those below it; a process that is just ending may hold it a moment."""
    for path in sorted(folder.glob("**/"), reverse=True):
        for _ in range(50):
            with suppress(OSError):
                path.rmdir()
            if not path.exists():
                break
            time.sleep(0.02)
