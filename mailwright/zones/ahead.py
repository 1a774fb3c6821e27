"""Questions to somebody far away: the next few are asked while the first is answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def ahead(
    ask: Callable[[Item], Answer], items: Iterable[Item], width: int
) -> Iterator[tuple[Item, Future[Answer]]]:
    """Each item and what becomes of asking for it, in their order, `width` of them at once.

    However many there are, no more than that are held. With a `width` of one, whoever iterates is
    done with an item before the next is asked for.
    """
    waiting: deque[tuple[Item, Future[Answer]]] = deque()
    with ThreadPoolExecutor(width) as pool:
        for item in items:
            waiting.append((item, pool.submit(ask, item)))
            if len(waiting) == width:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
