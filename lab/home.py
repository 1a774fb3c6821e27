"""The folder that outlives a lab: images, downloaded packages, keys, and the labs' own state."""

import fcntl
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.error import LabError

DEFAULT = Path("/var/lib/mailwright-lab")


@dataclass(frozen=True)
class Home:
    """A lab home; `Home.here()` is the one that MAILWRIGHT_LAB_HOME names, or the default."""

    path: Path

    @classmethod
    def here(cls) -> "Home":
        """Return the home of this process's environment."""
        return cls(Path(os.environ.get("MAILWRIGHT_LAB_HOME", DEFAULT)).resolve())

    @property
    def prefix(self) -> str:
        """What names of namespaces and cgroups begin with, so that two homes do not collide."""
        return "lab" if self.path == DEFAULT else f"lab{zlib.crc32(os.fsencode(self.path)):08x}"

    @property
    def images(self) -> Path:
        """Unpacked root file systems, one for each release."""
        return self.folder("images")

    @property
    def cache(self) -> Path:
        """Packages fetched for the hosts."""
        return self.folder("cache")

    @property
    def ssh(self) -> Path:
        """The operator's key, known_hosts and the hosts' own keys."""
        return self.folder("ssh", mode=0o700)

    @property
    def authority(self) -> Path:
        """The lab's certificate authority."""
        return self.folder("authority", mode=0o700)

    @property
    def dnssec(self) -> Path:
        """The zones' signing keys."""
        return self.folder("dnssec", mode=0o700)

    @property
    def labs(self) -> Path:
        """One folder for each lab that is up, or was interrupted."""
        return self.folder("labs")

    def remove(self) -> None:
        """Delete the home, unless something is still mounted in it."""
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in mounts:
            if mount.startswith(f"{self.path}/"):
                raise LabError(f"{mount} is still mounted", f"umount {mount}")
        shutil.rmtree(self.path)

    def folder(self, name: str, mode: int = 0o755) -> Path:
        """Return the folder `name`, which exists afterwards."""
        path = self.path / name
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path`, waiting for it; a process's end releases it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write(path: Path, text: str | bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all, with `mode` from its first moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    data = text.encode() if isinstance(text, str) else text
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
    part.rename(path)
