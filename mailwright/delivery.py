"""Where the mail of an address ends: aliases followed to mailboxes and foreign addresses."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from mailwright.address import without_extension

Aliases = Mapping[str, Collection[str]]


def entry(address: str, known: Collection[str]) -> str:
    """The mailbox or alias that takes mail for `address`: itself, or what stands before its `+`."""
    return address if address in known else without_extension(address)


def loops(aliases: Aliases) -> Iterator[list[str]]:
    """Each circle of aliases, as the addresses that the mail passes until it is back."""
    graph = _graph(aliases)
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = error.args[1][:0:-1]  # the sorter's order is against the mail's
            first = circle.index(min(circle))
            yield [*circle[first:], *circle[: first + 1]]
            for address in circle:
                graph[address] = []
        else:
            return


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
