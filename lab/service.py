"""A daemon of the lab itself, in a cgroup of its own, found again by any later process."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from lab.cgroup import Group


@dataclass(frozen=True)
class Service:
    """A foreground program: what it is called, its command, its group, and where it logs."""

    name: str
    argv: list[str]
    group: Group
    log: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """Whether the program, or anything that it started, is alive."""
        return self.group.is_populated

    def start(self) -> "subprocess.Popen[bytes] | None":
        """Start the program unless it runs; return the new process, which outlives this one."""
        if self.is_running:
            return None
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.group.entering(self.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End the program."""
        self.group.kill()
