"""How files reach a host: checked by their daemon, swapped in at once, loaded, probed, or put back.

One operation carries every role. A run that changes nothing costs one remote command for the whole
host, because what the host holds is looked up once for all roles. The host's half is `rollout.sh`.
"""

import base64
import hashlib
import io
import shlex
import socket
import tarfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from pyinfra import logger
from pyinfra.api.command import StringCommand
from pyinfra.api.facts import FactBase
from pyinfra.api.operation import operation
from pyinfra.context import host, state
from pyinfra.operations.util.files import generate_color_diff

from mailwright.render import Picture

Commands = Generator[StringCommand, None, None]
_SCRIPT = Path(__file__).with_name("rollout.sh").read_text()
_SERVICE = Path(__file__).with_name("service.sh").read_text()


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
    content: bytes = field(repr=False)
    mode: Mode
    template: str

    @property
    def secret(self) -> bool:
        """Whether its text must not be shown: what not everybody on the host may read."""
        return not self.mode.bits & 0o004

    @property
    def fingerprint(self) -> tuple[str, str, str, str]:
        """Permissions in octal, owner, group and SHA-256: what `Observed.files` holds as well."""
        digest = hashlib.sha256(self.content).hexdigest()
        return (f"{self.mode.bits:o}", self.mode.owner, self.mode.group, digest)


@dataclass(frozen=True)
class Service:
    """A daemon, and the shell that checks, starts and probes it; each snippet runs under `sh -eu`.

    `tree` is the folder whose files change together, at once. `check` sees the new files at their
    true paths before anybody else does; any failure there leaves the host as it was. `loads` names
    files of other roles that the daemon reads, so that their change makes it load again. `compiled`
    says by a pattern which suffix the file has that `build` makes of another.
    """

    name: str
    units: Sequence[str] = ()
    tree: str = ""
    owns: Sequence[str] = ()
    modes: Mapping[str, Mode] = field(default_factory=dict)
    loads: Sequence[str] = ()
    compiled: Mapping[str, str] = field(default_factory=dict)
    before: str = ":"
    build: str = ":"
    check: str = ":"
    activate: str = ":"
    recover: str = ":"
    probe: str = ":"

    def files(self, picture: Picture) -> list[File]:
        """Those files of the host's picture that are this service's, with their modes."""
        patterns = [*self.owns, f"{self.tree}/*"] if self.tree else list(self.owns)
        return [
            File(path, text.encode(), self._mode(path), picture.origin(path))
            for path, text in sorted(picture.items())
            if any(fnmatchcase(path, pattern) for pattern in patterns)
        ]

    def built(self, files: Iterable[File]) -> list[str]:
        """The paths of what `build` makes of these files."""
        return [
            str(PurePosixPath(file.path).with_suffix(suffix))
            for file in files
            for glob, suffix in self.compiled.items()
            if fnmatchcase(file.path, glob)
        ]

    def _mode(self, path: str) -> Mode:
        return next((m for glob, m in self.modes.items() if fnmatchcase(path, glob)), Mode())

    @property
    def functions(self) -> str:
        """The snippets as shell functions."""
        names = ("before", "build", "check", "activate", "recover", "probe")
        return _SERVICE + "".join(f"{name}() {{\n{getattr(self, name)}\n}}\n" for name in names)


@dataclass(frozen=True)
class Observed:
    """What a host holds: the facts of every role, from one look."""

    release: str
    files: Mapping[str, tuple[str, str, str, str]]
    loaded: Mapping[str, str]
    owned: Mapping[str, frozenset[str]]
    active: frozenset[str]
    packages: frozenset[str]


class HostState(FactBase[Observed]):
    """Digest, owner and mode of the files below `roots`; what is loaded, running and installed."""

    def command(self, roots: Sequence[str]) -> str:
        """One shell command; its lines start with a letter that says what they tell."""
        below = " ".join(shlex.quote(root) for root in roots)
        pruned = f"find {below} -path /etc/mailwright/rollout -prune -o -type f"
        return (
            '. /etc/os-release; echo "R $VERSION_ID"; '
            f"{pruned} -printf 'F %m %u %g %p\\n' 2>/dev/null; "
            f"{pruned} -print0 2>/dev/null | xargs -0r sha256sum | sed 's/^/S /'; "
            "for d in /etc/mailwright/rollout/*/; do "
            's=${d%/}; s=${s##*/}; sed "s/^/L $s /" $d/loaded; sed "s/^/O $s /" $d/owned; '
            "done 2>/dev/null; "
            "systemctl list-units --type=service --state=active --plain --no-legend --no-pager "
            "| sed 's/^/U /'; "
            "dpkg-query -W -f='P ${db:Status-Abbrev} ${Package}\\n'"
        )

    def process(self, output: list[str]) -> Observed:
        """Sort the lines by what they tell."""
        rows: dict[str, list[list[str]]] = {letter: [] for letter in "RFSLOUP"}
        for line in output:
            letter, *words = line.split()
            rows[letter].append(words)
        digests = {path: digest for digest, path in rows["S"]}
        owned: dict[str, set[str]] = {}
        for service, path in rows["O"]:
            owned.setdefault(service, set()).add(path)
        return Observed(
            release=rows["R"][0][0],
            files={p: (m, u, g, digests.get(p, "")) for m, u, g, p in rows["F"]},
            loaded={row[0]: row[1] for row in rows["L"]},
            owned={service: frozenset(paths) for service, paths in owned.items()},
            active=frozenset(words[0] for words in rows["U"]),
            packages=frozenset(name for status, name in rows["P"] if status == "ii"),
        )


def observe() -> Observed:
    """What the current host holds; looked up once, and again after each change that we make."""
    key = f"mailwright, executing: {state.is_executing}"
    if key not in host.connector_data:
        _set_nodelay()
        host.connector_data[key] = host.get_fact(HostState, roots=_roots(host.data.picture))
    seen: Observed = host.connector_data[key]
    return seen


def forget() -> None:
    """Called around a change: the next `observe` looks again."""
    for key in [key for key in host.connector_data if str(key).startswith("mailwright, ")]:
        del host.connector_data[key]


def _roots(picture: Picture) -> list[str]:
    """The folders two levels below / that hold the picture's files: few and small."""
    return sorted({str(PurePosixPath(*PurePosixPath(path).parts[:3])) for path in picture})


def _set_nodelay() -> None:
    """Paramiko leaves Nagle's algorithm on: each remote command would wait 40 ms for an ACK."""
    client = getattr(host.connector, "client", None)
    sock = getattr(client and client.get_transport(), "sock", None)
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def wrong_release(seen: Observed) -> Commands:
    """Fail before anything is touched when the host is not the release that was rendered for."""
    if seen.release != str(host.data.mail.debian):
        yield failure(
            f"{host.name} runs Debian {seen.release}, but hosts.py says debian = "
            f"{host.data.mail.debian}; set it to the release that the host really has"
        )


def failure(words: str) -> StringCommand:
    """A command that fails with these words: pyinfra's way to fail one host and not the run."""
    return StringCommand(f"echo {shlex.quote(words)} >&2; exit 1")


@operation()
def rollout(service: Service) -> Commands:
    """Bring the service's files to the host and make its daemon serve them.

    Nothing is sent when every file, its owner and mode are right, and the daemon has loaded them.
    """
    seen = observe()
    yield from wrong_release(seen)
    files = service.files(host.data.picture)
    changed = [file for file in files if seen.files.get(file.path) != file.fingerprint]
    owned = [*(file.path for file in files), *service.built(files)]
    stale = sorted((seen.owned.get(service.name, frozenset()) - set(owned)) & seen.files.keys())
    lost = [path for path in owned if path not in seen.files]
    idle = [unit for unit in service.units if f"{unit}.service" not in seen.active]
    digest = _digest(service, files)
    if (
        not changed
        and not stale
        and not lost
        and not idle
        and seen.loaded.get(service.name) == digest
    ):
        host.noop(f"{service.name}: {len(files)} files are in place and loaded")
        return
    _announce(service, changed, stale, idle)
    archive = _archive(changed)
    variables = {
        "SERVICE": service.name,
        "TREE": service.tree,
        "SINGLES": _words(
            path for path in [f.path for f in changed] + stale if not _in_tree(service, path)
        ),
        "STALE": _words(stale),
        "OWNED": _words(owned),
        "DIGEST": digest,
        "ARCHIVE_DIGEST": hashlib.sha256(archive).hexdigest(),
        "CHANGED": ", ".join(file.template for file in changed) or "nothing, it was not loaded yet",
        "LIB": service.functions,
    }
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    forget()
    yield StringCommand(head + _SCRIPT, _stdin=base64.encodebytes(archive).decode())
    forget()


def _in_tree(service: Service, path: str) -> bool:
    return bool(service.tree) and path.startswith(f"{service.tree}/")


def _words(paths: Iterable[str]) -> str:
    return " ".join(paths)


def _digest(service: Service, files: Sequence[File]) -> str:
    """One digest of all that the daemon reads: its own files and those of others that it loads."""
    picture: Picture = host.data.picture
    lines = [" ".join((file.path, *file.fingerprint)) for file in files]
    lines += [
        f"{path} {hashlib.sha256(picture[path].encode()).hexdigest()}" for path in service.loads
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _archive(files: Sequence[File]) -> bytes:
    """A tar of the files and their folders with owners and modes, so that no umask decides."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in sorted({str(p) for f in files for p in PurePosixPath(f.path).parents}):
            if folder != "/":
                tar.addfile(_member(folder, Mode(bits=0o755), type=tarfile.DIRTYPE))
        for file in files:
            tar.addfile(
                _member(file.path, file.mode, size=len(file.content)), io.BytesIO(file.content)
            )
    return buffer.getvalue()


def _member(path: str, mode: Mode, **attributes: Any) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.uname, member.gname, member.mode = mode.owner, mode.group, mode.bits
    for name, value in attributes.items():
        setattr(member, name, value)
    return member


def _announce(
    service: Service, changed: Sequence[File], stale: Sequence[str], idle: Sequence[str]
) -> None:
    """Say what differs; with --diff also how, but never the text of a secret."""
    if state.is_executing and not state.config.DIFF:
        return
    for path in stale:
        logger.info("%s%s would be removed", host.print_prefix, path)
    for unit in idle:
        logger.info("%s%s would be started", host.print_prefix, unit)
    if not changed and not stale and not idle:
        logger.info("%s%s would load its files again", host.print_prefix, service.name)
    current = _current([file for file in changed if not file.secret]) if state.config.DIFF else {}
    for file in changed:
        logger.info(
            "%s%s differs%s", host.print_prefix, file.path, " (secret)" if file.secret else ""
        )
        if file.path in current:
            lines = generate_color_diff(
                current[file.path].splitlines(), file.content.decode().splitlines()
            )
            for line in lines:
                logger.info("  %s", line)


class Contents(FactBase[dict[str, str]]):
    """The text of some files, in one round trip; a file that is not there is empty."""

    def command(self, paths: Sequence[str]) -> str:
        """One line a file: its path and its text in base64."""
        loop = " ".join(shlex.quote(path) for path in paths)
        return f'for f in {loop}; do echo "$f $(base64 -w0 "$f" 2>/dev/null)"; done'

    def process(self, output: list[str]) -> dict[str, str]:
        """Path to text."""
        pairs = (line.partition(" ") for line in output)
        return {path: base64.b64decode(text).decode(errors="replace") for path, _, text in pairs}


def _current(files: Sequence[File]) -> dict[str, str]:
    return host.get_fact(Contents, paths=[file.path for file in files]) if files else {}
