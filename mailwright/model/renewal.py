"""When a certificate is due for another one, and when it is late, by what is left of its life.

Not by days: authorities make lives ever shorter. They ask for a new one at a third (Let's Encrypt,
"Integration Guide"). It is ordered somewhat before, so that an order which has to be tried again
for a day or two alarms nobody; from a third on the postmaster is told, and whoever looks from
outside.
"""

from __future__ import annotations

from datetime import UTC, datetime

DUE = 35  # percent
LATE = 3  # a third


def is_due(start: datetime, end: datetime) -> bool:
    """Whether it is time to order another."""
    return (end - datetime.now(UTC)) * 100 <= (end - start) * DUE


def is_late(start: datetime, end: datetime) -> bool:
    """Whether another one should have come."""
    return (end - datetime.now(UTC)) * LATE < end - start
