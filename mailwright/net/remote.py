"""One shell command on each mail host, over the connection that `hosts.py` describes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyinfra.api.config import Config
from pyinfra.api.connect import connect_all, disconnect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.facts import FactBase, get_facts
from pyinfra.api.host import Host
from pyinfra.api.inventory import Inventory as Targets
from pyinfra.api.state import BaseStateCallback, State

from mailwright.inventory.hosts_file import merged
from mailwright.inventory.load import Inventory
from mailwright.model.problems import Problem, Problems


@dataclass
class Answers:
    """The lines that a command printed, and why a host was not reached, each by host name.

    A host that is in neither was reached, and the command did not end well there.
    """

    lines: dict[str, list[str]] = field(default_factory=dict)
    unreached: dict[str, str] = field(default_factory=dict)


def ask(inventory: Inventory, script: str) -> dict[str, list[str]]:
    """The lines, one at least, that the command prints on each host, by the host's name.

    Raises Problems with each host that cannot be asked; pyinfra logs why.
    """
    answers = try_to_ask(inventory, script).lines
    missing = [host.name for host in inventory.hosts if host.name not in answers]
    if missing:
        raise Problems([Problem(name, "cannot be asked") for name in missing])
    return answers


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

    class Unreached(BaseStateCallback):
        @staticmethod
        def host_connect_error(state: State, host: Host, error: Exception) -> None:
            answers.unreached[names[host.name]] = str(error)

    targets = [(target, merged(inventory.groups, target) | arguments) for target in names]
    state = State(Targets((targets, {})), Config())  # type: ignore[no-untyped-call]
    state.add_callback_handler(Unreached())  # type: ignore[no-untyped-call]
    try:
        connect_all(state)
    except PyinfraError:  # no host is left
        return answers
    found = get_facts(state, Output, apply_failed_hosts=False)  # type: ignore[no-untyped-call]
    disconnect_all(state)
    answers.lines = {names[host.name]: lines for host, lines in found.items() if lines}
    return answers
