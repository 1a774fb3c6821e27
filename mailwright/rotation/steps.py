"""What follows for a key from its life, from DNS and from the hosts: the next step, and when.

new      → signing   every server has shown it for as long as resolvers remember its absence
signing  → old       when a newer key signs
old      → revoked   no host has signed with it for as long as mail may be on its way
revoked  → removed   every server has shown that for as long again
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailwright.model.delivery import MAXIMAL_QUEUE_LIFETIME
from mailwright.model.dkim import DkimKey, Life, State
from mailwright.model.problems import listed
from mailwright.rotation.look import Look

# Our queue, and then that of whoever takes mail for the receiver.
KEEP = 2 * MAXIMAL_QUEUE_LIFETIME

SIGN, REVOKE, REMOVE = "sign", "be revoked", "be removed"
PUBLISH, DEPLOY = "publish", "deploy"


@dataclass(frozen=True)
class Next:
    """What comes next for a key: `step`, not before `due`; None is nothing and not known yet.

    `need` is what its operator must do first (PUBLISH, DEPLOY) and `because` of what.
    """

    key: DkimKey
    step: str | None = None
    due: datetime | None = None
    need: str | None = None
    because: str = ""

    def may(self, now: datetime, hurried: bool = False) -> bool:
        """Whether the step can be done. Who is in a hurry does not wait; he still looks."""
        if self.step is None or self.due is None:
            return False
        return now >= self.due or (hurried and self.step in (SIGN, REVOKE))


def observed(key: DkimKey, look: Look, behind: Sequence[str] | None, now: datetime) -> Life:
    """The key's life with what was seen just now; what is seen no more begins anew.

    `behind` are the hosts that may still sign with it; None where none could be asked.
    """
    life, moment = key.life, now.replace(microsecond=0)
    if key.state is State.SIGNING:
        return life
    if key.state is State.OLD:
        unused = life.unused if behind is None else None if behind else life.unused or moment
        return replace(life, unused=unused)
    seen = None if look.faults else life.seen or moment
    return replace(life, seen=seen, ttl=max(life.ttl, look.ttl))


def upcoming(key: DkimKey, look: Look, behind: Sequence[str] | None) -> Next:
    """What comes next for a key whose life has what was observed."""
    life, step = key.life, _STEPS.get(key.state)
    since = life.unused if key.state is State.OLD else life.seen
    wait = timedelta(seconds=life.ttl) if key.state is State.NEW else KEEP
    due = since + wait if since and step else None
    if key.state is State.OLD and due is None:
        hosts = f"{listed(behind, 'and')} may still sign with it" if behind else "no host was asked"
        return Next(key, step, need=DEPLOY, because=hosts)
    if look.faults:
        return Next(key, step, due, PUBLISH, "; ".join(look.faults))
    return Next(key, step, due)


_STEPS = {State.NEW: SIGN, State.OLD: REVOKE, State.REVOKED: REMOVE}


def done(life: Life, step: str, now: datetime, signing: datetime | None) -> Life:
    """The life after a step. Who begins to sign is later than those that did, `signing` the last,
    whatever the clock says."""
    moment = now.replace(microsecond=0)
    if step == SIGN:
        after = signing + timedelta(seconds=1) if signing else moment
        return replace(life, signing=max(moment, after), seen=None, ttl=0)
    if step == REVOKE:
        return replace(life, revoked=moment, seen=None)
    return replace(life, removed=moment, seen=None, ttl=0)
