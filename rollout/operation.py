"""How files reach a host: checked by their daemon, swapped in at once, loaded, probed, or put back.

One operation carries every role. A run that changes nothing sends nothing. The host's half, and the
order of the steps, is `rollout.sh`.
"""

import base64
import hashlib
import io
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation
from pyinfra.context import host, state

from mailwright.model.state import LOCK, ROLLOUTS
from mailwright.picture.render import Picture
from rollout.difference import tell, tell_wrong, warn
from rollout.observed import Commands, Observed, assigned, observe, serving, wrong_release
from rollout.service import File, Mode, Service

_SCRIPT = "".join(
    Path(__file__).with_name(f"{name}.sh").read_text() for name in ("lock", "rollout")
)
_REACHED = Path(__file__).with_name("reached.sh").read_text()
_ROLLED_OUT = "mailwright rolled out"
_UNKNOWN = "unknown"  # what is loaded, from when a rollout claims the host until it is recorded


@operation()
def rollout(service: Service) -> Commands:
    """Bring the service's files to the host and make its daemon serve them.

    Nothing is sent when every file, its owner and mode are right, and the daemon has loaded them.
    """
    rolled_out().add(service.name)
    seen = observe()
    if seen is None:
        return
    yield from wrong_release(seen)
    plan = Plan.of(service, host.data.picture, seen)
    if not plan.changed and not plan.others and not plan.wrong:
        host.noop(f"{service.name}: {len(plan.files)} files are in place and loaded")
        return
    tell_wrong(plan.wrong)
    tell(plan.changed, plan.others, seen)
    archive = plan.archive()
    yield StringCommand(
        plan.head(archive) + _REACHED + _SCRIPT, _stdin=base64.encodebytes(archive).decode()
    )
    if service.warns and state.is_executing:
        warn(service)


def rolled_out() -> set[str]:
    """The services that this run has rolled out to the current host so far, or found in place."""
    names: set[str] = host.connector_data.setdefault(_ROLLED_OUT, set())
    return names


@dataclass(frozen=True)
class Plan:
    """What one rollout would do: files to send and to remove, and whatever else calls for it.

    `lost` is to be built anew, `bent` are folders to be put right, and what is `stamped` must not
    be touched once it is loaded.
    """

    service: Service
    files: list[File]
    changed: list[File]
    stale: list[str]
    lost: list[str]
    bent: list[str]
    stamped: list[str]
    wrong: list[str]
    others: list[str]
    digest: str
    live: bool

    @classmethod
    def of(cls, service: Service, picture: Picture, seen: Observed) -> "Plan":
        """Compare the picture with what the host holds."""
        files = service.files(picture)
        built = service.built(files)
        wanted = {file.path for file in files} | set(built)
        before = seen.owned.get(service.name, frozenset())
        # What another role has taken over stays.
        stale = sorted((before - picture.keys() - wanted) & seen.files.keys())
        if service.name not in seen.loaded:
            stale += [path for path in service.merged(seen.files) if path not in wanted]
        made = {path: seen.built.get(service.name, {}).get(path) for path in built}
        lost = [
            path
            for path in built
            if path not in seen.files or not (service.renewed or made[path] == seen.files[path][3])
        ]
        digest = _digest(service, files, picture)
        loaded = seen.loaded.get(service.name, "")
        wrong = _wrong(service, files, picture, seen) if loaded else []
        bent = _bent(service, files, seen) if loaded else []
        others = [f"{path} would be removed" for path in stale]
        # What a rollout that died has built is not noted yet.
        odd = [] if loaded.endswith(_UNKNOWN) else [path for path in lost if made[path]]
        others += [f"{path} would be built" for path in lost if path not in odd]
        wrong += [f"{path} {_lost(path, seen)}" for path in odd]
        wrong += [f"{folder} is no folder of root's with mode 755" for folder in bent]
        wrong = [f"{service.name}: {what}" for what in wrong]
        if loaded != digest and (files or before):
            others.append(f"{service.name} would load its files")
        changed = [file for file in files if seen.files.get(file.path) != file.fingerprint]
        touched = [file.path for file in changed] + stale + lost
        live = loaded.split(" ")[0] == digest.split(" ")[0] and not wrong
        live = live and all(map(service.is_live, touched))
        live = live and not bent
        stamped = _stamped(service, files, picture)
        return cls(service, files, changed, stale, lost, bent, stamped, wrong, others, digest, live)

    def archive(self) -> bytes:
        """A tar of the changed files and their folders, with owners and modes: no umask decides.

        Lists of paths go in it as well, since ten thousand domains have more than fit in a command.
        """
        built = self.service.built(self.files)
        paths = [file.path for file in self.files] + built
        last = [path for path in self.stale if self.service.lasts(path)]
        stale = [path for path in self.stale if path not in last]
        lists = {
            "owned": paths,
            "stale": stale + self.service.built(self.changed) + self.lost,
            "built": [] if self.service.renewed else built,
            "stamped": self.stamped,
            "asks": self.service.questions(self.files),
            "last": last,
            "live": [file.path for file in self.changed if file.live],
            "swapped": self._swapped(),
        }
        buffer = io.BytesIO()
        pax = tarfile.PAX_FORMAT
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1, format=pax) as tar:
            folders = {str(parent) for file in self.changed for parent in _parents(file.path)}
            for folder in sorted(folders.union(self.bent)):
                _add(tar, folder, Mode(bits=0o755))
            for file in self.changed:
                _add(tar, file.path, file.mode, file.text.encode())
            for name, some in lists.items():
                _add(tar, name, Mode(bits=0o600), "".join(f"{p}\n" for p in some).encode())
        return buffer.getvalue()

    def head(self, archive: bytes) -> str:
        """The shell variables that `rollout.sh` starts from."""
        mail = host.data.mail
        templates = dict.fromkeys(file.template for file in self.changed)
        return assigned(
            KEPT=ROLLOUTS,
            LOCK=LOCK,
            SERVICE=self.service.name,
            UNITS=" ".join(self.service.units),
            TREE=self.service.tree,
            DIGEST=self.digest,
            LIVE="yes" if self.live else "",
            ARCHIVE_DIGEST=hashlib.sha256(archive).hexdigest(),
            CHANGED=", ".join(templates),
            SERVING=serving(mail.loopback, mail.addresses),
            PATIENCE=str(self.service.patience),
            WARNING=self.service.warning,
            LIB=_REACHED + self.service.functions,
            STOP=self._stop(),
        )

    def _stop(self) -> str:
        """Where a test stops this rollout, and by which signal: MAILWRIGHT_STOP says of which."""
        service, _, there = os.environ.get("MAILWRIGHT_STOP", "").partition(" ")
        return there if service == self.service.name else ""

    def _swapped(self) -> list[str]:
        """The tree, which goes as one, and what changes or goes outside it."""
        tree = self.service.tree
        paths = [file.path for file in self.changed] + self.stale
        singles = [path for path in paths if not (tree and path.startswith(f"{tree}/"))]
        return [tree, *singles] if tree else singles


def _digest(service: Service, files: list[File], picture: Picture) -> str:
    """Two: of what the daemon loads, its own files and those of others, and of the live files."""
    loaded = [" ".join((file.path, *file.fingerprint)) for file in files if not file.live]
    loaded += [f"{path} {picture.digest(path)}" for path in _loads(service, picture)]
    loaded += service.questions(files)
    live = [" ".join((file.path, *file.fingerprint)) for file in files if file.live]
    return " ".join(
        hashlib.sha256("\n".join(lines).encode()).hexdigest() for lines in (loaded, live)
    )


def _loads(service: Service, picture: Picture) -> list[str]:
    """The files of other services that the daemon reads."""
    return [path for path in picture if any(fnmatchcase(path, glob) for glob in service.loads)]


def _wrong(service: Service, files: Sequence[File], picture: Picture, seen: Observed) -> list[str]:
    """Why a service that has loaded its files once is not right, in words."""
    wrong = list(seen.wrong.get(service.name, ()))
    if service.name not in seen.asked:
        wrong.append("it could not be asked whether it serves")
    # A rollout of live files that died has linked all others anew, which touches them as well.
    died = seen.loaded[service.name].endswith(_UNKNOWN)
    stamps = {} if died else seen.stamps.get(service.name, {})
    for path in _stamped(service, files, picture):
        right = path in seen.files and seen.files[path][3] == picture.digest(path)
        if right and seen.times[path] != stamps.get(path, seen.times[path]):
            wrong.append(f"{path} was touched since it was loaded")
    return wrong


def _bent(service: Service, files: Sequence[File], seen: Observed) -> list[str]:
    """Folders of the tree that are none, or that not everybody may look into."""
    folders = {str(parent) for file in files for parent in _parents(file.path)}
    ours = [each for each in sorted(folders) if f"{each}/".startswith(f"{service.tree or '//'}/")]
    return [each for each in ours if seen.others.get(each) != ("d", "755", "root", "root")]


def _lost(path: str, seen: Observed) -> str:
    if kind := seen.kind(path):
        return f"is {kind}"
    return "is not as it was built" if path in seen.files else "is missing"


def _stamped(service: Service, files: Sequence[File], picture: Picture) -> list[str]:
    """What the daemon has read once, and must be as it was then."""
    return [file.path for file in files if not file.live] + _loads(service, picture)


def _parents(path: str) -> list[PurePosixPath]:
    return [parent for parent in PurePosixPath(path).parents if parent.name]


def _add(tar: tarfile.TarFile, path: str, mode: Mode, content: bytes | None = None) -> None:
    """Add a file, or a folder if it has no content."""
    member = tarfile.TarInfo(path.lstrip("/"))
    member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    member.uname, member.gname, member.mode = mode.owner, mode.group, mode.bits
    member.size = len(content or b"")
    tar.addfile(member, io.BytesIO(content or b""))
