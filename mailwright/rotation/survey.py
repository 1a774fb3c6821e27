"""Where every key of some domains stands, as the servers and the hosts say now."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mailwright.inventory.load import Inventory
from mailwright.keys import dkim_files
from mailwright.model import dkim
from mailwright.model.dkim import DkimKey, State
from mailwright.model.domain import Domain
from mailwright.model.problems import Problem, Problems
from mailwright.net.authority import Authority
from mailwright.rotation import steps
from mailwright.rotation.look import Look, look
from mailwright.rotation.signers import Carried, behind, carried
from mailwright.rotation.steps import Next

_SIDE_BY_SIDE = 16  # domains that are looked up at once


def is_rotating(domain: Domain) -> bool:
    """Whether it has keys on their way in or out."""
    return any(not _is_settled(key) for key in domain.keys)


def _is_settled(key: DkimKey) -> bool:
    return key.state is State.SIGNING or bool(key.life.removed and key.life.seen)


def survey(
    inventory: Inventory,
    domains: Sequence[Domain],
    now: datetime,
    authority: Authority,
    ask_hosts: Callable[[Inventory], Carried] = carried,
    found: list[Problem] | None = None,
) -> list[Next]:
    """Look at the domains that rotate, write down what was seen, and tell what comes next.

    The hosts are asked when there is a key that they may still sign with; one that cannot be asked
    goes to `found`.
    """
    moving = [domain for domain in domains if is_rotating(domain)]
    hosts = _hosts(inventory, moving, ask_hosts, [] if found is None else found)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        looks = list(pool.map(lambda d: [look(authority, k) for k in _asked(d)], moving))
    return [
        _next(inventory.folder, domain, key, seen, hosts, now)
        for domain, some in zip(moving, looks, strict=True)
        for key, seen in zip(_asked(domain), some, strict=True)
    ]


def _asked(domain: Domain) -> list[DkimKey]:
    return [key for key in domain.keys if not (key.life.removed and key.life.seen)]


def _hosts(
    inventory: Inventory,
    domains: Iterable[Domain],
    ask_hosts: Callable[[Inventory], Carried],
    found: list[Problem],
) -> Carried | None:
    if not any(key.state is State.OLD for domain in domains for key in domain.keys):
        return None
    try:
        return ask_hosts(inventory)
    except Problems as error:
        found += error.problems
        return None


def _next(
    folder: Path,
    domain: Domain,
    key: DkimKey,
    seen: Look,
    hosts: Carried | None,
    now: datetime,
) -> Next:
    late = None if hosts is None else behind(domain, key, hosts)
    life = steps.observed(key, seen, late, now)
    if life != key.life:
        dkim_files.write_life(_life(folder, key), life)
    return steps.upcoming(replace(key, life=life), seen, late)


def take(folder: Path, domain: Domain, upcoming: Next, now: datetime) -> None:
    """Do the step of a key. What is revoked has no private key any more."""
    key, step = upcoming.key, upcoming.step
    assert step
    dates = dkim.current([each.life for each in domain.keys], [key.algorithm])
    life = steps.done(key.life, step, now, dates.get(key.algorithm))
    dkim_files.write_life(_life(folder, key), life)
    if step == steps.REVOKE:
        bury(folder, key)


def _life(folder: Path, key: DkimKey) -> Path:
    return dkim_files.path_of(folder, key, dkim_files.SUFFIX)


def bury(folder: Path, key: DkimKey) -> None:
    """Delete the private key and the public value; the life stays, so that the name does."""
    for suffix in (".pem", ".txt"):
        dkim_files.path_of(folder, key, suffix).unlink(missing_ok=True)


def bury_ended(folder: Path, domains: Iterable[Domain]) -> None:
    """What a run left that died between a revocation and the end of the key."""
    for domain in domains:
        for key in domain.keys:
            if key.life.has_ended:
                bury(folder, key)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """No two rotations of one inventory at once. Raises Problems when another is under way."""
    if not folder.is_dir():  # who reads it says what is wrong
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        what = "is being rotated by another run"
        raise Problems(
            [Problem(str(folder / dkim_files.FOLDER), what, hint="wait for it")]
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)
