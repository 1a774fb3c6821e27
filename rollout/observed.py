"""What a host holds before a rollout, from one remote command for all roles."""

import shlex
import socket
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from paramiko import SSHException
from pyinfra import logger
from pyinfra.api.command import StringCommand
from pyinfra.api.facts import FactBase
from pyinfra.connectors.util import CommandOutput
from pyinfra.context import host, state

from mailwright.model.state import ROLLOUTS
from mailwright.picture.render import Picture
from rollout import queues

Commands = Generator[StringCommand, None, None]

_TOLD = "mailwright told"
_PROGRAM = (Path(__file__).parents[1] / "programs/serving.py").read_text()
_SCRIPT = Path(__file__).with_name("observed.sh").read_text()
_MENDED = "mailwright mended"
# Half a minute of silence: the host is gone.
_TCP = {
    socket.TCP_NODELAY: 1,
    socket.TCP_KEEPIDLE: 10,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 4,
    socket.TCP_USER_TIMEOUT: 30_000,
}
_KINDS = {"d": "a folder", "l": "a link", "s": "a socket", "p": "a pipe", "c": "a device"}


@dataclass(frozen=True)
class Observed:
    """What a host holds: the facts of every role, from one look.

    `others` are what stands where no file is: its kind, mode, owner and group. `times` say when
    anybody last touched a file, `stamps` the same as it was when the service loaded it, and `built`
    the digests of what its rollout built. `wrong` is what each service was `asked` and does not do.
    """

    release: str
    files: Mapping[str, tuple[str, str, str, str]]
    others: Mapping[str, tuple[str, str, str, str]]
    times: Mapping[str, str]
    loaded: Mapping[str, str]
    owned: Mapping[str, frozenset[str]]
    stamps: Mapping[str, Mapping[str, str]]
    built: Mapping[str, Mapping[str, str]]
    asked: frozenset[str]
    wrong: Mapping[str, Sequence[str]]
    packages: frozenset[str]
    unfinished: tuple[str, ...]

    def is_secret(self, path: str) -> bool:
        """Whether the host has the file, and not everybody there may read it."""
        return path in self.files and not int(self.files[path][0], 8) & 0o004

    def kind(self, path: str) -> str:
        """What is there in place of a file, in words; nothing if nothing is."""
        return _KINDS.get(self.others[path][0], "no file") if path in self.others else ""


class HostState(FactBase[Observed]):
    """The files below `roots`: digest, owner, mode; what is loaded, serves and is installed."""

    def command(self, roots: Sequence[str], loopback: str, addresses: Sequence[str]) -> str:
        """One look, as `observed.sh` has it."""
        head = assigned(KEPT=ROLLOUTS, ROOTS=" ".join(roots), SERVING=serving(loopback, addresses))
        return head + queues.SHELL + _SCRIPT

    def process(self, output: list[str]) -> Observed:
        """Sort the lines by what they tell."""
        rows: dict[str, list[list[str]]] = {letter: [] for letter in "RFKSLOTBPQXA"}
        for line in output:
            letter, *words = line.split()
            rows[letter].append(words)
        digests = {path: digest for digest, path in rows["S"]}
        return Observed(
            release=rows["R"][0][0],
            files={p: (m, u, g, digests.get(p, "")) for m, u, g, _, p in rows["F"]},
            others={p: (y, m, u, g) for y, m, u, g, p in rows["K"]},
            times={p: time for _, _, _, time, p in rows["F"]},
            loaded={service: " ".join(digests) for service, *digests in rows["L"]},
            owned={name: frozenset(p for (p,) in each) for name, each in _grouped(rows["O"])},
            stamps={name: {p: time for time, p in each} for name, each in _grouped(rows["T"])},
            built={name: {p: digest for digest, p in each} for name, each in _grouped(rows["B"])},
            asked=frozenset(PurePosixPath(file).parent.name for (file,) in rows["A"]),
            wrong={name: [" ".join(words) for words in each] for name, each in _grouped(rows["X"])},
            packages=frozenset(name for status, name in rows["P"] if status == "ii"),
            unfinished=tuple(queues.unfinished(rows["Q"])),
        )


def _grouped(rows: Sequence[Sequence[str]]) -> Iterable[tuple[str, list[Sequence[str]]]]:
    """What follows the first word of each row, by that word."""
    found: dict[str, list[Sequence[str]]] = {}
    for name, *words in rows:
        found.setdefault(name, []).append(words)
    return found.items()


def assigned(**variables: str) -> str:
    """Shell variables with these values, none of them secret: everybody may see a command."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def serving(loopback: str, addresses: Sequence[str]) -> str:
    """The command that asks a host with these addresses whether it serves.

    `loopback` is where its services meet. For how many seconds to wait until all is well, and files
    of questions follow.
    """
    families = " ".join("6" if ":" in address else "4" for address in addresses)
    return f"python3 -I -c {shlex.quote(_PROGRAM)} {loopback} {shlex.quote(families)}"


def observe() -> Observed | None:
    """What the current host holds; looked up once to plan, and once more before changes are made.

    A rollout changes only what is its own, so the next one need not look again. None when the look
    fails: pyinfra has said why, and goes on without this host.
    """
    key = _key()
    if key not in host.connector_data:
        _mend_connection()
        mail, roots = host.data.mail, _roots(host.data.picture)
        look = host.get_fact(
            HostState, roots=roots, loopback=mail.loopback, addresses=mail.addresses
        )
        host.connector_data[key] = look
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


def _mend_connection() -> None:
    """Paramiko leaves Nagle's algorithm on: each remote command would wait 40 ms for an ACK.

    It waits for a host that is gone as long as TCP does, a quarter of an hour; and pyinfra does not
    know all of the ways in which it then fails.
    """
    client = getattr(host.connector, "client", None)
    if client is None or _MENDED in host.connector_data:
        return
    host.connector_data[_MENDED] = True
    transport = client.get_transport()
    if isinstance(transport.sock, socket.socket):
        transport.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _TCP.items():
            transport.sock.setsockopt(socket.IPPROTO_TCP, option, value)
    run, name, prefix = host.connector.run_shell_command, host.name, host.print_prefix

    def run_or_tell(*args: Any, **kwargs: Any) -> tuple[bool, CommandOutput]:
        status, output = False, CommandOutput([])
        try:
            status, output = run(*args, **kwargs)
        except (EOFError, OSError, SSHException) as error:
            logger.debug("%s%r", prefix, error)
        if not status and not transport.is_active():
            logger.error("%sthe connection to %s is lost: deploy again", prefix, name)
        return status, output

    host.connector.run_shell_command = run_or_tell  # type: ignore[method-assign]


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
