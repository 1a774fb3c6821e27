"""What a host holds before a rollout, from one remote command for all roles."""

import shlex
import socket
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pyinfra import logger
from pyinfra.api.command import StringCommand
from pyinfra.api.facts import FactBase
from pyinfra.context import host, state

from mailwright.render import Picture
from roles import queues

Commands = Generator[StringCommand, None, None]

_TOLD = "mailwright told"


@dataclass(frozen=True)
class Observed:
    """What a host holds: the facts of every role, from one look."""

    release: str
    files: Mapping[str, tuple[str, str, str, str]]
    loaded: Mapping[str, str]
    owned: Mapping[str, frozenset[str]]
    active: frozenset[str]
    packages: frozenset[str]
    unfinished: tuple[str, ...]

    def is_secret(self, path: str) -> bool:
        """Whether the host has the file, and not everybody there may read it."""
        return path in self.files and not int(self.files[path][0], 8) & 0o004


class HostState(FactBase[Observed]):
    """Digest, owner and mode of the files below `roots`; what is loaded, running and installed.

    Folders that held files of ours in an earlier run are looked at as well.
    """

    def command(self, roots: Sequence[str]) -> str:
        """One shell command; its lines start with a letter that says what they tell."""
        below = " ".join(shlex.quote(root) for root in roots)
        pruned = "find $roots -path /etc/mailwright/rollout -prune -o -type f"
        return (
            '. /etc/os-release; echo "R $VERSION_ID"; '
            f"roots=$({{ printf '%s\\n' {below}; "
            "sed 's|^\\(/[^/]*/[^/]*\\).*|\\1|' /etc/mailwright/rollout/*/owned; } 2>/dev/null "
            "| sort -u); "
            f"{pruned} -printf 'F %m %u %g %p\\n' 2>/dev/null; "
            f"{pruned} -print0 2>/dev/null | xargs -0r sha256sum | sed 's/^/S /'; "
            "for d in /etc/mailwright/rollout/*/; do "
            's=${d%/}; s=${s##*/}; sed "s/^/L $s /" $d/loaded; sed "s/^/O $s /" $d/owned; '
            "done 2>/dev/null; "
            "systemctl list-units --type=service --state=active --plain --no-legend --no-pager "
            "| sed 's/^/U /'; "
            "dpkg-query -W -f='P ${db:Status-Abbrev} ${Package}\\n'; "
            f"{queues.SHELL}"
            "[ -e /etc/mailwright/rollout/postfix/loaded ] || waiting | sed 's/^/Q /'"
        )

    def process(self, output: list[str]) -> Observed:
        """Sort the lines by what they tell."""
        rows: dict[str, list[list[str]]] = {letter: [] for letter in "RFSLOUPQ"}
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
            loaded={service: " ".join(digests) for service, *digests in rows["L"]},
            owned={service: frozenset(paths) for service, paths in owned.items()},
            active=frozenset(words[0] for words in rows["U"]),
            packages=frozenset(name for status, name in rows["P"] if status == "ii"),
            unfinished=tuple(queues.unfinished(rows["Q"])),
        )


def observe() -> Observed | None:
    """What the current host holds; looked up once to plan, and once more before changes are made.

    A rollout changes only what is its own, so the next one need not look again. None when the look
    fails: pyinfra has said why, and goes on without this host.
    """
    key = _key()
    if key not in host.connector_data:
        _set_nodelay()
        host.connector_data[key] = host.get_fact(HostState, roots=_roots(host.data.picture))
    seen: Observed | None = host.connector_data[key]
    return seen


def forget() -> None:
    """What a change has done is not known, so the next `observe` looks again."""
    if state.is_executing:
        host.connector_data.pop(_key(), None)


def _key() -> str:
    return f"mailwright, executing: {state.is_executing}"


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
    """A command that fails with these words: pyinfra's way to fail one host and not the run.

    They are also told at once, since a dry run never gets to the command.
    """
    told = host.connector_data.setdefault(_TOLD, set())
    if not state.is_executing and words not in told:
        told.add(words)
        logger.error("%s%s", host.print_prefix, words)
    return StringCommand(f"echo {shlex.quote(words)} >&2; exit 1")
