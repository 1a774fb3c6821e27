"""One shell command on each mail host, over the connection that `hosts.py` describes."""

from __future__ import annotations

from pyinfra.api.config import Config
from pyinfra.api.connect import connect_all, disconnect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.facts import FactBase, get_facts
from pyinfra.api.inventory import Inventory as Targets
from pyinfra.api.state import State

from mailwright.groups import merged
from mailwright.inventory import Inventory
from mailwright.problems import Problem, Problems


def ask(inventory: Inventory, script: str) -> dict[str, list[str]]:
    """The lines, one at least, that the command prints on each host, by the host's name.

    Raises Problems with each host that cannot be asked; pyinfra logs why.
    """

    class Output(FactBase[list[str]]):
        # No argument: pyinfra would print the whole script when it fails.
        def command(self) -> str:
            return script

        def process(self, output: list[str]) -> list[str]:
            return list(output)

    names = {host.target: host.name for host in inventory.hosts}
    targets = [(target, merged(inventory.groups, target)) for target in names]
    state = State(Targets((targets, {})), Config())  # type: ignore[no-untyped-call]
    try:
        connect_all(state)
    except PyinfraError:  # no host is left
        found = {}
    else:
        found = get_facts(state, Output, apply_failed_hosts=False)  # type: ignore[no-untyped-call]
        disconnect_all(state)
    answers = {names[host.name]: lines for host, lines in found.items() if lines}
    missing = [name for name in names.values() if name not in answers]
    if missing:
        raise Problems([Problem(name, "cannot be asked") for name in missing])
    return answers
