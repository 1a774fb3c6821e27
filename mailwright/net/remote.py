"""One shell command on each mail host, over the connection that `hosts.py` describes."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from gevent import get_hub  # type: ignore[import-untyped]
from paramiko.ssh_exception import (
    AuthenticationException,
    BadHostKeyException,
    NoValidConnectionsError,
    SSHException,
)
from pyinfra.api.config import Config
from pyinfra.api.connect import connect_all, disconnect_all
from pyinfra.api.exceptions import ConnectError, PyinfraError
from pyinfra.api.facts import FactBase, get_facts
from pyinfra.api.host import Host
from pyinfra.api.inventory import Inventory as Targets
from pyinfra.api.state import BaseStateCallback, State

from mailwright.inventory.hosts_file import merged
from mailwright.inventory.load import Inventory
from mailwright.model.problems import Failed, Problem

_SILENT = "its shell does not answer"
_PREFLIGHT = "'mailwright check --preflight' says more of it"


@dataclass
class Answers:
    """The lines that a command printed, and why a host was not reached, each by host name.

    A host that is in neither was reached, and the command did not end well there.
    """

    lines: dict[str, list[str]] = field(default_factory=dict)
    unreached: dict[str, Problem] = field(default_factory=dict)


def ask(inventory: Inventory, script: str) -> dict[str, list[str]]:
    """The lines, one at least, that the command prints on each host, by the host's name.

    Raises Failed with each host that cannot be asked, and why.
    """
    answers = try_to_ask(inventory, script)
    missing = [host.name for host in inventory.hosts if host.name not in answers.lines]
    if missing:
        silent = {
            name: Problem(name, f"cannot be asked: {_SILENT}", hint=_PREFLIGHT) for name in missing
        }
        raise Failed([(silent | answers.unreached)[name] for name in missing])
    return answers.lines


def try_to_ask(inventory: Inventory, script: str, **arguments: Any) -> Answers:
    """What the hosts that can be asked say; `arguments` are pyinfra's, such as `_sudo`."""

    class Output(FactBase[list[str]]):
        # No argument: pyinfra would print the whole script when it fails.
        def command(self) -> str:
            return script

        def process(self, output: list[str]) -> list[str]:
            return list(output)

    names = {host.target: host.name for host in inventory.hosts}
    answers = Answers()

    def fail(host: Host, error: BaseException) -> None:
        what, hint = _why((isinstance(error, ConnectError) and error.__context__) or error, host)
        answers.unreached[names[host.name]] = Problem(
            names[host.name], f"cannot be reached: {what}", hint=hint
        )

    class Unreached(BaseStateCallback):
        @staticmethod
        def host_connect_error(state: State, host: Host, error: Exception) -> None:
            fail(host, error)

    targets = [(target, merged(inventory.groups, target) | arguments) for target in names]
    state = State(Targets((targets, {})), Config())  # type: ignore[no-untyped-call]
    state.add_callback_handler(Unreached())  # type: ignore[no-untyped-call]
    for host in state.inventory:
        _tame(host, fail)
    with _quiet("pyinfra", "paramiko"):
        try:
            connect_all(state)
        except PyinfraError:  # no host is left
            return answers
        found = get_facts(state, Output, apply_failed_hosts=False)  # type: ignore[no-untyped-call]
        with suppress(Exception):  # who has hung up meanwhile
            disconnect_all(state)
    answers.lines = {names[host.name]: lines for host, lines in found.items() if lines}
    return answers


def _tame(host: Host, fail: Callable[[Host, BaseException], None]) -> None:
    """Whatever its connection raises ends this host alone: pyinfra does not expect all of it."""
    connect, run = host.connector.connect, host.connector.run_shell_command

    def connected() -> None:
        try:
            connect()
        except ConnectError:
            raise
        except Exception as error:
            raise ConnectError(str(error)) from error

    def ran(*args: Any, **options: Any) -> Any:
        try:
            return run(*args, **options)
        except Exception as error:
            fail(host, error)
            raise OSError(str(error)) from None

    host.connector.connect = connected  # type: ignore[method-assign]
    host.connector.run_shell_command = ran  # type: ignore[method-assign]


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """What libraries log of failures, tracebacks too, is told by us."""
    loggers, nowhere = [logging.getLogger(name) for name in names], logging.NullHandler()
    hub = get_hub()
    for logger in loggers:
        logger.addHandler(nowhere)
        logger.propagate = False
    hub.exception_stream = None  # which is where Ctrl-C has its traceback
    try:
        yield
    finally:
        del hub.exception_stream
        for logger in loggers:
            logger.removeHandler(nowhere)
            logger.propagate = True


def _why(error: BaseException, host: Host) -> tuple[str, str]:
    """What went wrong between here and a host, and what to do about it."""
    at, user = host.data.get("ssh_hostname") or host.name, host.data.get("ssh_user")
    port, login = host.data.get("ssh_port"), f"'ssh {f'{user}@' if user else ''}{at}'"
    if isinstance(error, BadHostKeyException):
        what, known = "its host key is not the one that known_hosts has", f"[{at}]:{port}"
        hint = "find out why; if it is another machine now: ssh-keygen -R"
        return what, f"{hint} '{known if port else at}'"
    if isinstance(error, AuthenticationException):
        hint = f"{login} must work without a question; hosts.py says how (ssh_user, ssh_key)"
        return f"it does not let {user or 'this user'} in", hint
    if isinstance(error, socket.gaierror | UnicodeError):
        return f"{at} leads to no address", "hosts.py may say its address (ssh_hostname)"
    if isinstance(error, SSHException) and "host key" in str(error).lower():
        return "its host key is not known here", f"{login} once, and compare what it shows"
    if isinstance(error, EOFError | SSHException):
        return "it hangs up", "is it sshd that listens there? its journal says why (ssh.service)"
    if isinstance(error, OSError):
        hint = "is it on, and does sshd listen there? hosts.py says where (ssh_hostname, ssh_port)"
        return _said(error), hint
    return str(error), "hosts.py says how it is reached"


def _said(error: Exception) -> str:
    if isinstance(error, NoValidConnectionsError):  # of each address one
        return _said(next(iter(error.errors.values())))
    if isinstance(error, TimeoutError):
        return "no answer"
    return str(getattr(error, "strerror", None) or error).lower()
