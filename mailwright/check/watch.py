"""Looks again and again until a change in DNS has spread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import click

from mailwright.report.finding import Finding, Severity

_PAUSE = 5.0  # seconds between looks
_COMING = ("missing", "changed", "duplicate", "differs", "remembered")
_PENDING = (Severity.ERROR, Severity.UNASKED)


def until_spread(look: Callable[[], list[Finding]], timeout: float | None) -> list[Finding]:
    """What the last look found: nothing more is on its way, or `timeout` seconds are over.

    Says on standard error what is still to come, whenever that has changed.
    """
    start, before = time.monotonic(), None
    while True:
        found = look()
        to_come = _to_come(found)
        passed = time.monotonic() - start
        if to_come != before:
            click.echo(f"{passed:5.0f} s  {_told(to_come)}", err=True)
        if not to_come or (timeout is not None and passed + _PAUSE > timeout):
            return found
        before = to_come
        time.sleep(_PAUSE)


def _to_come(found: Iterable[Finding]) -> list[str]:
    return [each.id for each in found if each.kind in _COMING or each.severity in _PENDING]


def _told(ids: list[str]) -> str:
    return f"{len(ids)} to come: {', '.join(ids)}" if ids else "all servers and the resolver agree"
