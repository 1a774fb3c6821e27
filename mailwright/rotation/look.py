"""What the authoritative servers show of a key, compared by meaning with what they should."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mailwright.dns.purposes import dkim
from mailwright.model.dkim import DkimKey, State
from mailwright.net.authority import Answer, Authority

_ALIASES = 8  # CNAMEs in a row


@dataclass(frozen=True)
class Look:
    """One look at a key in DNS.

    `faults` says of each server that does not show what it should what it shows; there is none when
    all agree. For `ttl` seconds resolvers may remember something else.
    """

    faults: tuple[str, ...] = ()
    ttl: int = 0


def look(authority: Authority, key: DkimKey) -> Look:
    """Ask every server of every zone that leads to the key's record."""
    names, faults, ttl = {f"{key.name}."}, [], 0
    judge = _JUDGES.get(key.state, _shows)
    for _ in range(_ALIASES):
        if not names:
            break
        answers = [answer for name in sorted(names) for answer in authority.ask(name, "TXT")]
        ttl = max([ttl, *(answer.ttl for answer in answers)])
        ttl = max([ttl, *(authority.negative_ttl(authority.zone(name)) for name in names)])
        faults += _faults(answers, lambda answer: judge(answer, key.record))
        servers = {s.name for name in names for s in authority.servers(authority.zone(name))}
        missing = servers - {answer.server.name for answer in answers}
        faults += [f"{name} cannot be reached from this machine" for name in sorted(missing)]
        names = {answer.alias for answer in answers if answer.alias}
    return Look(tuple(dict.fromkeys(faults)), ttl)


def _faults(answers: Iterable[Answer], judge: Callable[[Answer], str]) -> list[str]:
    said = [(answer.server, answer.fault or judge(answer)) for answer in answers]
    return [f"{server} {fault}" for server, fault in said if fault]


def _shows(answer: Answer, record: str) -> str:
    if answer.alias:
        return ""
    if not answer.values:
        return "has no record"
    if len(answer.values) > 1:
        return f"has {len(answer.values)} records where one belongs"
    return "has another record" if dkim.difference(answer.values[0], record) else ""


def _revoked(answer: Answer, record: str) -> str:
    """What is not there verifies nothing either."""
    valid = any(map(dkim.public_key, answer.values))
    return "still has the key" if valid else ""


def _removed(answer: Answer, record: str) -> str:
    return "still has a record" if answer.values else ""


_JUDGES: dict[State, Callable[[Answer, str], str]] = {
    State.REVOKED: _revoked,
    State.REMOVED: _removed,
}
