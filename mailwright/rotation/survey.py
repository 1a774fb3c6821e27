"""Where every key of some domains stands, as the servers and the hosts say now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mailwright.inventory.load import Inventory
from mailwright.inventory.lock import locked
from mailwright.keys import dkim_files
from mailwright.model import dkim
from mailwright.model.dkim import DkimKey, State
from mailwright.model.domain import Domain
from mailwright.model.problems import Failed, Problem, Problems
from mailwright.net.authority import Authority
from mailwright.rotation import steps
from mailwright.rotation.birth import reread
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
    goes to `found`. Raises Failed when keys have changed meanwhile: then nothing is written down.
    """
    moving = [domain for domain in domains if is_rotating(domain)]
    hosts = _hosts(inventory, moving, ask_hosts, [] if found is None else found)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        looks = list(pool.map(lambda d: [look(authority, k) for k in _asked(d)], moving))
    told = [
        (domain, key, _next(domain, key, seen, hosts, now))
        for domain, some in zip(moving, looks, strict=True)
        for key, seen in zip(_asked(domain), some, strict=True)
    ]
    news = [(domain, each.key) for domain, key, each in told if each.key.life != key.life]
    _write(inventory.folder, news)
    return [each for _, _, each in told]


def _write(folder: Path, news: Sequence[tuple[Domain, DkimKey]]) -> None:
    if news:
        with locked(folder):
            for domain in {domain.name: domain for domain, _ in news}.values():
                _unchanged(folder, domain, domain.keys)
            for _, key in news:
                dkim_files.write_life(_life(folder, key), key.life)


def _unchanged(folder: Path, domain: Domain, keys: Iterable[DkimKey]) -> Domain:
    """The domain as it is now, if its keys are still those that were looked at. Raises Failed."""
    now = reread(folder, domain)
    if {key.stem: key.life for key in now.keys} != {key.stem: key.life for key in keys}:
        what, hint = "was changed by another command meanwhile", "run it again"
        raise Failed([Problem(f"{dkim_files.FOLDER}/{domain.name}", what, hint=hint)])
    return now


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


def _next(domain: Domain, key: DkimKey, seen: Look, hosts: Carried | None, now: datetime) -> Next:
    """What comes next for a key, whose life has what was seen."""
    late = None if hosts is None else behind(domain, key, hosts)
    life = steps.observed(key, seen, late, now)
    return steps.upcoming(replace(key, life=life), seen, late)


def take(
    folder: Path, domain: Domain, upcoming: Sequence[Next], due: Sequence[Next], now: datetime
) -> None:
    """Do the steps of one domain's keys that are `due`, of all that a survey has told of it.

    Raises Failed, before anything is done, when its keys have changed since.
    """
    known = {key.stem: key for key in (*domain.keys, *(each.key for each in upcoming))}
    with locked(folder):
        domain = _unchanged(folder, domain, known.values())
        for each in due:
            _take(folder, domain, each, now)


def _take(folder: Path, domain: Domain, upcoming: Next, now: datetime) -> None:
    """What is revoked has no private key any more."""
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
    for path in _secrets(folder, key):
        path.unlink(missing_ok=True)


def _secrets(folder: Path, key: DkimKey) -> list[Path]:
    return [dkim_files.path_of(folder, key, suffix) for suffix in (".pem", ".txt")]


def bury_ended(folder: Path, domains: Iterable[Domain]) -> None:
    """What a run left that died between a revocation and the end of the key."""
    ended = [key for domain in domains for key in domain.keys if key.life.has_ended]
    left = [key for key in ended if any(path.exists() for path in _secrets(folder, key))]
    with locked(folder) if left else nullcontext():
        for key in left:
            bury(folder, key)
