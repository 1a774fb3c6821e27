"""Which hosts sign with which keys: asked of the hosts, since any of them may lag behind."""

from __future__ import annotations

from collections.abc import Mapping

from mailwright.inventory.load import Inventory
from mailwright.model.dkim import ON_HOST, DkimKey
from mailwright.model.domain import Domain
from mailwright.model.state import ROLLOUTS
from mailwright.net.remote import ask

# A rollout that begins adds the new keys to this list, and takes the old ones out of it when there
# is no process any more that knows them (rollout/rollout.sh). One that died in between leaves both
# there, so that a key in the list may sign, and one that is not there does not.
_SCRIPT = f"cat {ROLLOUTS}/rspamd/owned 2>/dev/null; echo"

Carried = Mapping[str, frozenset[str]]


def carried(inventory: Inventory) -> Carried:
    """The key files that each host may sign with. Raises Problems if a host cannot be asked."""
    return {
        host: frozenset(
            line.removeprefix(f"{ON_HOST}/") for line in lines if line.startswith(f"{ON_HOST}/")
        )
        for host, lines in ask(inventory, _SCRIPT).items()
    }


def behind(domain: Domain, key: DkimKey, carried: Carried) -> list[str]:
    """The hosts that have not been deployed since others took over from this key.

    Any host may still have it; those that send for the domain must have all keys that sign now.
    """
    wanted = {each.file for each in domain.signing}
    return [
        name
        for name, files in carried.items()
        if key.file in files or (name in domain.senders and not wanted <= files)
    ]
