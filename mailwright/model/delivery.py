"""Where the mail of an address ends: aliases followed to mailboxes and foreign addresses."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from graphlib import TopologicalSorter

from mailwright.model.address import without_extension

Aliases = Mapping[str, Collection[str]]

# A sender learns after so long that his mail failed (RFC 5321 section 4.5.4.1: 4 to 5 days).
MAXIMAL_QUEUE_LIFETIME = timedelta(days=5)
ROLES = ("abuse", "postmaster")  # RFC 2142 sections 2 and 4, RFC 5321 section 4.5.1
EXPANSION_LIMIT = 1000  # addresses of one recipient: virtual_alias_expansion_limit, postconf(5)


def entry(address: str, known: Collection[str]) -> str:
    """The mailbox or alias that takes mail for `address`: itself, or what stands before its `+`."""
    return address if "+" not in address or address in known else without_extension(address)


def loops(aliases: Aliases, mailboxes: Collection[str] = ()) -> Iterator[list[str]]:
    """Each circle of aliases, as the addresses that the mail passes until it is back.

    An alias that is a mailbox as well may have itself as a target: Postfix lets an address expand
    into itself once (virtual(5)), and that one is the copy that the mailbox keeps.
    """
    graph = _graph(aliases, mailboxes)
    done: set[str] = set()
    for start in filter(graph.get, graph):
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
    """For each alias where its mail ends: addresses that are no alias, or mailboxes as well.

    There must be no loop.
    """
    reached: dict[str, frozenset[str]] = {}
    for alias in _from_the_ends(aliases):
        further = (reached.get(entry(each, aliases), {each}) for each in aliases[alias])
        reached[alias] = frozenset().union(*further)
    return reached


def oversized(aliases: Aliases, limit: int) -> Iterator[tuple[str, int]]:
    """Each alias with more addresses than the limit, and how many; not those that contain it.

    Postfix counts an address as often as it is reached. There must be no loop.
    """
    sizes: dict[str, int] = {}
    for alias in _from_the_ends(aliases):
        parts = [sizes.get(entry(each, aliases), 1) for each in aliases[alias]]
        sizes[alias] = sum(parts)
        if sizes[alias] > limit >= max(parts):
            yield alias, sizes[alias]


def _from_the_ends(aliases: Aliases) -> Iterator[str]:
    """Each alias after those that it leads to; most lead to none, and need no sorting."""
    graph = _graph(aliases, aliases)
    yield from (alias for alias, further in graph.items() if not further)
    inner = {alias: further for alias, further in graph.items() if further}
    yield from filter(inner.__contains__, TopologicalSorter(inner).static_order())


def _graph(aliases: Aliases, mailboxes: Collection[str]) -> dict[str, list[str]]:
    """The aliases among each alias's targets, without the copy that a mailbox keeps."""
    return {
        alias: [
            further
            for target in targets
            if (further := entry(target, aliases)) in aliases
            and not (target == alias and alias in mailboxes)
        ]
        for alias, targets in aliases.items()
    }


def only_mailbox(
    aliases: Collection[str], owners: Mapping[str, Collection[str]], mailboxes: Collection[str]
) -> dict[str, str | None]:
    """For each alias the one mailbox that it leads to, or None: a list, or mail for elsewhere.

    `owners` has the ends of each alias, without those to which a mailbox forwards a copy.
    """
    ends = {alias: {entry(end, mailboxes) for end in owners[alias]} for alias in aliases}
    return {
        alias: end if len(some) == 1 and (end := next(iter(some))) in mailboxes else None
        for alias, some in ends.items()
    }
