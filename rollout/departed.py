"""What left `deploy.py` leaves the host: its units stop, its files go or are as they were before.

A deploy calls it last, after every role that it has; a run of one role does not.
"""

from pathlib import Path

from pyinfra.api.command import StringCommand
from pyinfra.api.operation import operation
from pyinfra.context import host

from mailwright.model.state import LOCK, ROLLOUTS
from rollout.difference import tell
from rollout.observed import Commands, assigned, observe
from rollout.operation import rolled_out

_SCRIPT = "".join(
    Path(__file__).with_name(f"{name}.sh").read_text() for name in ("lock", "departed")
)


@operation()
def departed() -> Commands:
    """Take away what a service had that no role of this run rolls out any more.

    Packages stay installed, accounts and whatever a service has written (mail, queues) stay too.
    """
    seen = observe()
    if seen is None:
        return
    gone = sorted({*seen.owned, *seen.loaded} - rolled_out())
    if not gone:
        host.noop("every service on the host is in this deploy")
        return
    words = [
        f"{name} has left deploy.py: its units would be stopped, {len(seen.owned.get(name, ()))}"
        " files would be removed or be as they were before"
        for name in gone
    ]
    tell([], words, seen)
    head = assigned(KEPT=ROLLOUTS, LOCK=LOCK, GONE=" ".join(gone))
    yield StringCommand(head + _SCRIPT)
