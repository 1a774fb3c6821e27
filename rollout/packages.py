"""Debian's packages, all roles' in one transaction, their daemons held back until configured.

Each role names its own packages with `install`. pyinfra prepares every role before it runs the
first operation, so that the first `install` that runs knows all of them.
"""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from pyinfra import logger
from pyinfra.api.command import StringCommand
from pyinfra.api.facts import FactBase
from pyinfra.api.operation import operation
from pyinfra.context import host, state

from rollout import queues
from rollout.observed import Commands, failure, forget, observe, wrong_release

_WANTED = "mailwright packages"
_REFUSED = "mailwright refused"
_TOLD = "mailwright packages told"

_SCRIPT = Path(__file__).with_name("packages.sh").read_text()


def install(packages: Sequence[str], preseed: Sequence[str] = (), early: str = "") -> None:
    """Have these packages on the host; `preseed` are answers for debconf-set-selections(1).

    `early` is a command that may take its time: it begins once the first of these packages is
    installed, beside those of the other roles. Who needs its end waits for
    `flock /run/mailwright/<that package>.early true`.
    """
    wanted = host.connector_data.setdefault(_WANTED, ([], [], []))
    wanted[0].extend(packages)
    wanted[1].extend(preseed)
    wanted[2].extend([(packages[0], early)] if early else [])
    _install(name=f"Packages: {', '.join(packages)}")


def refuse(look: Callable[[], str]) -> None:
    """Fail this host where `look` finds words to say, before anything is changed there.

    The first `install` that runs looks, so that a run that plans nothing asks the host once.
    """
    host.connector_data.setdefault(_REFUSED, []).append(look)


@operation()
def _install() -> Commands:
    """One transaction for all that the roles of this run want and the host lacks."""
    seen = observe()
    if seen is None:
        return
    packages, preseed, early = host.connector_data[_WANTED]
    missing = sorted(set(packages) - seen.packages)
    _tell(missing)
    yield from wrong_release(seen)
    looked = host.connector_data.setdefault(f"{_REFUSED}, executing: {state.is_executing}", [])
    for look in host.connector_data.get(_REFUSED, ()):
        if look not in looked:
            looked.append(look)
            if words := look():
                yield failure(words)
    if "postfix" in packages and seen.unfinished:
        yield failure("\n".join(seen.unfinished))
    if not missing:
        host.noop("all packages are installed")
        return
    head = {
        "PACKAGES": " ".join(missing),
        "PRESEED": "\n".join(preseed),
        "EARLY": "\n".join(f"{name} {command}" for name, command in early if name in missing),
    }
    variables = "".join(f"{name}={shlex.quote(value)}\n" for name, value in head.items())
    yield StringCommand(variables + queues.SHELL + _SCRIPT)
    forget()


class Removed(FactBase[list[str]]):
    """What apt would remove to have these packages; or why it cannot tell."""

    def command(self, packages: Sequence[str]) -> str:
        """A simulation, which needs the lists of packages as the host has them."""
        return (
            f"apt-get -qsf install --no-install-recommends {shlex.join(packages)} 2>/dev/null"
            " || echo 'Remv what apt will tell once `apt-get update` has run'"
        )

    def process(self, output: list[str]) -> list[str]:
        """The names of packages, with the versions that the host has."""
        return [line.removeprefix("Remv ") for line in output if line.startswith("Remv ")]


def _tell(missing: Sequence[str]) -> None:
    """Log what would be installed and removed, each role's own; a run that does it says nothing."""
    told = host.connector_data.setdefault(_TOLD, set())
    new = [name for name in missing if name not in told]
    if state.is_executing or not new:
        return
    told.update(new)
    lines = [f"{name} would be installed" for name in new]
    lines += [f"{name} would be removed" for name in host.get_fact(Removed, packages=new)]
    for words in lines:
        logger.info("%s%s", host.print_prefix, words)
