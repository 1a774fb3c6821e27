"""Debian's packages, all roles' in one transaction, their daemons held back until configured.

Each role names its own packages with `install`. pyinfra prepares every role before it runs the
first operation, so that the first `install` that runs knows all of them.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation
from pyinfra.context import host

from roles.observed import Commands, forget, observe, wrong_release

_WANTED = "mailwright packages"

_SCRIPT = Path(__file__).with_name("packages.sh").read_text()


def install(packages: Sequence[str], preseed: Sequence[str] = ()) -> None:
    """Have these packages on the host; `preseed` are answers for debconf-set-selections(1)."""
    wanted = host.connector_data.setdefault(_WANTED, ([], []))
    wanted[0].extend(packages)
    wanted[1].extend(preseed)
    _install(name=f"Packages: {', '.join(packages)}")


@operation()
def _install() -> Commands:
    """One transaction for all that the roles of this run want and the host lacks."""
    seen = observe()
    yield from wrong_release(seen)
    packages, preseed = host.connector_data[_WANTED]
    missing = sorted(set(packages) - seen.packages)
    if not missing:
        host.noop("all packages are installed")
        return
    forget()
    head = {"PACKAGES": " ".join(missing), "PRESEED": "\n".join(preseed)}
    variables = "".join(f"{name}={shlex.quote(value)}\n" for name, value in head.items())
    yield StringCommand(variables + _SCRIPT)
    forget()
