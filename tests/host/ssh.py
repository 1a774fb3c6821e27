"""One SSH connection to a host, which carries all commands of a run."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory

import testinfra
from testinfra.host import Host

STAY = "echo; exec cat"  # says that it is there, and waits for the end of its input
USUAL = {
    "BatchMode": "yes",
    "ConnectTimeout": 10,
    "LogLevel": "ERROR",
    "ServerAliveInterval": 5,  # a host that is gone in the middle is noticed after 20 s
}


@contextmanager
def connected(address: str, settings: Mapping[str, object], sudo: bool) -> Iterator[Host]:
    """A host whose commands need no connection of their own; `settings` are of ssh_config(5).

    The socket lies where nobody else gets to. The connection ends with this process, however that
    ends, since its input ends then. A command that finds it gone makes a connection of its own.

    Raises:
        ConnectionError: the host is not reached; in ssh's words.
    """
    with TemporaryDirectory(prefix="mailwright-") as folder:
        shared = {**USUAL, **settings, "ControlPath": Path(folder, "ssh"), "ControlPersist": "no"}
        options = [f'-o{name}="{value}"' for name, value in shared.items() if value is not None]
        with _master(["ssh", "-T", "-oControlMaster=yes", *options, address, STAY]):
            extra = shlex.join(["-oControlMaster=no", *options])
            name = f"[{address}]" if ":" in address else address
            yield testinfra.get_host(f"ssh://{name}", ssh_extra_args=extra, sudo=sudo)


@contextmanager
def _master(command: list[str]) -> Iterator[None]:
    """Run it from when it says something until the end, whatever still uses it then."""
    with Popen(command, text=True, stdin=PIPE, stdout=PIPE, stderr=PIPE) as connection:
        assert connection.stdout and connection.stderr
        try:
            if not connection.stdout.readline():
                raise ConnectionError(connection.stderr.read().strip())
            yield
        finally:
            connection.terminate()
