"""How a key comes to be: with which selector, and whether it signs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mailwright.dns.purposes.dkim import slots
from mailwright.inventory.lock import locked
from mailwright.keys import dkim_files, of_domain, signing_key
from mailwright.model.dkim import ALWAYS, DkimKey, Life, State
from mailwright.model.domain import Domain
from mailwright.model.problems import Problem, Problems

Wanted = tuple[Domain, str]  # and its algorithm


def lacking(domain: Domain) -> list[str]:
    """The algorithms that a domain has no key for."""
    there = {key.algorithm for key in domain.keys if key.state in (State.NEW, State.SIGNING)}
    return [name for name in domain.algorithms if name not in there]


def startable(domain: Domain) -> list[str]:
    """The algorithms of which no new key waits."""
    waiting = {key.algorithm for key in domain.keys if key.state is State.NEW}
    return [name for name in domain.algorithms if name not in waiting]


def make(
    folder: Path,
    wanted: Sequence[Wanted],
    algorithms: Callable[[Domain], list[str]],
    now: datetime,
    passphrase: str | None,
) -> Iterator[DkimKey]:
    """Make keys. The first of a domain sign at once; others first wait until they are published.

    The lock of the inventory is held for each domain while its keys are written. What another
    command has made meanwhile is not made again: `algorithms` tells of a domain which may be.
    Raises Problems where a domain has no slot left, before anything is made.
    """
    for domain, algorithm in wanted:
        _life(domain, algorithm, now)
    domains = {domain.name: domain for domain, _ in wanted}
    pairs = [(domain.name, algorithm) for domain, algorithm in wanted]
    for name, some in signing_key.made(pairs):
        with locked(folder):
            domain = reread(folder, domains[name], passphrase)
            lives = {each: _life(domain, each, now) for each in algorithms(domain) if each in some}
            born = [
                signing_key.keep(folder, name, some[each], now.date(), passphrase, life)
                for each, life in lives.items()
            ]
        yield from born


def reread(folder: Path, domain: Domain, passphrase: str | None = None) -> Domain:
    """A domain with its keys as they are now. Raises Problems."""
    found: list[Problem] = []
    phrase = passphrase or dkim_files.environment()
    keys = of_domain.keys(folder, domain.name, domain.algorithms, lambda: phrase, found, True)
    if found:
        raise Problems(found)
    return replace(domain, keys=keys)


def _life(domain: Domain, algorithm: str, now: datetime) -> Life | None:
    """None for a key that needs none: the first, under its own name."""
    signing = None if domain.signing else now.replace(microsecond=0)
    if domain.dkim_delegated is None:
        return None if signing else Life(algorithm)
    return Life(algorithm, slot=_slot(domain, algorithm), signing=signing)


def _slot(domain: Domain, algorithm: str) -> str:
    """One whose last key is gone from every server, so that no two keys are ever in it at once."""
    taken = {key.life.slot for key in domain.keys if not (key.life.removed and key.life.seen)}
    free = [slot for slot in slots(algorithm) if slot not in taken]
    if not free:
        what = f"has no slot left for a new {algorithm} key"
        hint = "'mailwright rotate' says when an old one may be removed"
        raise Problems([Problem(domain.name, what, hint=hint)])
    left = {key.life.slot: key.life.removed or ALWAYS for key in sorted(domain.keys, key=_removed)}
    return min(free, key=lambda slot: left.get(slot, ALWAYS))  # empty for longest


def _removed(key: DkimKey) -> datetime:
    return key.life.removed or ALWAYS
