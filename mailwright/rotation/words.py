"""How a rotation is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from mailwright.model import address
from mailwright.model.dkim import State
from mailwright.model.domain import Domain
from mailwright.rotation.steps import DEPLOY, PUBLISH, REMOVE, REVOKE, SIGN, Next

_PUBLISH = {State.REVOKED: "publish that it is revoked", State.REMOVED: "take it out of DNS"}
_DONE = {
    SIGN: "signs from the next deploy on",
    REVOKE: "is revoked; its private key is deleted",
    REMOVE: "is published no more",
}


def board(domains: Iterable[Domain], upcoming: Iterable[Next], now: datetime) -> Iterator[str]:
    """A line for each key of each domain."""
    known = {(each.key.domain, each.key.stem): each for each in upcoming}
    for domain in domains:
        yield address.both(domain.name)
        for key in domain.keys:
            mine = known.get((key.domain, key.stem))
            if mine or not key.life.removed:
                told = phrase(mine or Next(key), now)
                slot = f"  at {key.selector}" if key.life.slot else ""
                line = f"  {key.stem}{slot}  {key.algorithm:7}  {key.state:7}  {told}"
                yield line.rstrip()


def phrase(upcoming: Next, now: datetime) -> str:
    """What must happen, or may happen and when."""
    because, due = upcoming.because, upcoming.due
    needs = {
        None: "",
        PUBLISH: f"{_PUBLISH.get(upcoming.key.state, 'publish it')}: {because}",
        DEPLOY: f"deploy: {because}",
    }
    may = f"may {upcoming.step} {_when(due, now)}" if due else ""
    return "; ".join(filter(None, [may, needs[upcoming.need]]))


def done(upcoming: Next) -> str:
    """What has been done, after the name of the domain."""
    key = upcoming.key
    return f"{address.both(key.domain)}: {key.stem} {_DONE[str(upcoming.step)]}"


def _when(due: datetime, now: datetime) -> str:
    if due <= now:
        return "now"
    return f"from {due:%Y-%m-%d %H:%M} UTC, {_in(due - now)}"


def _in(wait: timedelta) -> str:
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour")):
        if wait >= 2 * unit:
            return f"in {wait // unit} {name}s"
    minutes = -(-wait // timedelta(minutes=1))
    return f"in {minutes} minute{'s' if minutes > 1 else ''}"


COST = """\
--now does not wait for time, since a key has leaked. It still looks at each server and host first.
 - The new key signs as soon as every name server shows it. A receiver that asked for it too early
   may not find it yet, and takes that mail for unsigned.
 - The old key is revoked as soon as every host has been deployed. Mail that it signed and that is
   still on its way arrives with a signature that fails; what passes SPF passes DMARC all the same.
 - Whoever has the old key signs in your name until its record has left all caches: as long as its
   TTL after you have published that it is revoked."""
