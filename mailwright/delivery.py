"""Where the mail of an address ends: aliases followed to mailboxes and foreign addresses."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import TopologicalSorter

from mailwright.address import without_extension

Aliases = Mapping[str, Collection[str]]


def entry(address: str, known: Collection[str]) -> str:
    """The mailbox or alias that takes mail for `address`: itself, or what stands before its `+`."""
    return address if address in known else without_extension(address)


def loops(aliases: Aliases) -> Iterator[list[str]]:
    """Each circle of aliases, as the addresses that the mail passes until it is back."""
    graph = _graph(aliases)
    done: set[str] = set()
    for start in graph:
        path = {} if start in done else {start: iter(graph[start])}
        while path:
            further = next(reversed(path.values()))
            target = next(further, None)
            if target is None:
                done.add(path.popitem()[0])
            elif target in path:
                yield _circle(list(path), target)
            elif target not in done:
                path[target] = iter(graph[target])


def _circle(path: list[str], back: str) -> list[str]:
    circle = path[path.index(back) :]
    first = circle.index(min(circle))
    return [*circle[first:], *circle[: first + 1]]


def ends(aliases: Aliases) -> dict[str, frozenset[str]]:
    """For each alias where its mail ends: addresses that are no alias. There must be no loop."""
    reached: dict[str, frozenset[str]] = {}
    for alias in TopologicalSorter(_graph(aliases)).static_order():
        further = (reached.get(entry(each, aliases), {each}) for each in aliases[alias])
        reached[alias] = frozenset().union(*further)
    return reached


def _graph(aliases: Aliases) -> dict[str, list[str]]:
    return {
        alias: [entry(target, aliases) for target in targets if entry(target, aliases) in aliases]
        for alias, targets in aliases.items()
    }
