"""A service: which files of the host's picture are its own, and how its daemon takes them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from mailwright.picture.render import Picture

_SHELL = Path(__file__).with_name("service.sh").read_text()
# What systemd's own files tell of what must be there.
_ASKS = {
    "/etc/systemd/system/*.timer": "unit {name}",
    "/etc/sysusers.d/*": "accounts {path}",
    "/etc/tmpfiles.d/*": "folders {path}",
}


@dataclass(frozen=True)
class Mode:
    """Who owns a file and who may read it."""

    owner: str = "root"
    group: str = "root"
    bits: int = 0o644


@dataclass(frozen=True)
class File:
    """One file as it should be on the host."""

    path: str
    text: str = field(repr=False)
    digest: str
    mode: Mode
    template: str
    live: bool = False

    @property
    def secret(self) -> bool:
        """Whether its text must not be shown: what not everybody on the host may read."""
        return not self.mode.bits & 0o004

    @property
    def fingerprint(self) -> tuple[str, str, str, str]:
        """Permissions in octal, owner, group and SHA-256: what `Observed.files` holds as well."""
        return (f"{self.mode.bits:o}", self.mode.owner, self.mode.group, self.digest)


@dataclass(frozen=True)
class Service:
    """A daemon, and the shell that checks, starts and probes it; each snippet runs under `sh -eu`.

    `tree` is the folder whose files change together, at once. `check` sees the new files at their
    true paths before anybody else does; any failure there leaves the host as it was. `loads` are
    patterns of other roles' files that the daemon reads, so that their change makes it load again.
    `compiled` says by a pattern which suffix the file has that `build` makes of another. `lasting`
    are patterns of files in the tree that a process may read at any time: one that is not wanted
    any more goes last, when `retire` has seen the end of the processes that knew it. `merges` are
    patterns of what the daemon reads beside these files: what a server set up by hand has there
    goes with its old configuration, once; what comes later is the operator's. `live` are patterns
    of what the running daemon looks up in its file each time: when nothing else changed, LIVE is
    set, and the daemon is neither checked nor told. Where it `warns`, the operator reads what
    `activate` writes to the file $WARNING.

    `asks` are the questions, as `serving.py` has them, that show whether the daemon serves; they
    are asked in each look at the host, and after each activation until all is well, for `patience`
    seconds at most. `probe` runs then. `renewed` says that what `build` makes is made anew without
    a deploy too, so that what a deploy has made tells nothing about it.
    """

    name: str
    units: Sequence[str] = ()
    tree: str = ""
    owns: Sequence[str] = ()
    modes: Mapping[str, Mode] = field(default_factory=dict)
    loads: Sequence[str] = ()
    compiled: Mapping[str, str] = field(default_factory=dict)
    lasting: Sequence[str] = ()
    merges: Sequence[str] = ()
    live: Sequence[str] = ()
    build: str = ":"
    check: str = ":"
    activate: str = "serve"
    asks: Sequence[str] = ()
    patience: int = 15
    probe: str = ":"
    retire: str = ":"
    warns: bool = False
    renewed: bool = False

    @property
    def warning(self) -> str:
        """The path of $WARNING."""
        return f"/run/mailwright/{self.name}.warning"

    def files(self, picture: Picture) -> list[File]:
        """Those files of the host's picture that are this service's, with their modes."""
        patterns = [*self.owns, f"{self.tree}/*"] if self.tree else list(self.owns)
        return [
            File(
                path,
                picture[path],
                picture.digest(path),
                self._mode(path),
                picture.origin(path),
                self.is_live(path),
            )
            for path in sorted(picture)
            if any(fnmatchcase(path, pattern) for pattern in patterns)
        ]

    def questions(self, files: Iterable[File]) -> list[str]:
        """What `serving.py` is asked."""
        found = [*self.asks, *(f"unit {unit}" for unit in self.units)]
        for file in files:
            path = PurePosixPath(file.path)
            known = {"name": path.name, "path": path}
            found += [
                ask.format(**known) for glob, ask in _ASKS.items() if fnmatchcase(file.path, glob)
            ]
        return [f"{self.name} {ask}" for ask in found]

    def is_live(self, path: str) -> bool:
        """Whether the daemon sees at once what becomes of this file."""
        return any(fnmatchcase(path, pattern) for pattern in self.live)

    def built(self, files: Iterable[File]) -> list[str]:
        """The paths of what `build` makes of these files."""
        return [
            str(PurePosixPath(file.path).with_suffix(suffix))
            for file in files
            for glob, suffix in self.compiled.items()
            if fnmatchcase(file.path, glob)
        ]

    def lasts(self, path: str) -> bool:
        """Whether a file that is no longer wanted stays until nobody reads it."""
        return any(fnmatchcase(path, pattern) for pattern in self.lasting)

    def merged(self, paths: Iterable[str]) -> list[str]:
        """Those of the paths that the daemon would read although they are not this service's."""
        return sorted(p for p in paths if any(fnmatchcase(p, glob) for glob in self.merges))

    def _mode(self, path: str) -> Mode:
        return next((m for glob, m in self.modes.items() if fnmatchcase(path, glob)), Mode())

    @property
    def functions(self) -> str:
        """The snippets as shell functions."""
        names = ("build", "check", "activate", "probe", "retire")
        return _SHELL + "".join(f"{name}() {{\n{getattr(self, name)}\n}}\n" for name in names)
