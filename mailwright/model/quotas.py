"""How much a mailbox may hold: storage and messages, and at which levels its owner is warned."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mailwright.model import size
from mailwright.model.problems import Invalid
from mailwright.model.size import UNLIMITED

WARNINGS = (80, 95)  # percent
TRASH = 10  # percent of the quota that the folder Trash may hold beyond it
GRACE = 10  # percent of the quota by which the last message may go beyond it
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)  # a message has a UID of 32 bits (RFC 9051)
_PERCENT = re.compile(r"([0-9]{1,3})%", re.ASCII)


@dataclass(frozen=True)
class QuotaWarning:
    """The owner gets a message when `resource` (storage, messages) reaches `level` percent."""

    resource: str
    level: int


def storage(value: object) -> int:
    """Bytes of a quota; 0 is unlimited. Raises Invalid."""
    if value == "unlimited":
        return UNLIMITED
    try:
        return size.parse(value)
    except Invalid as error:
        error.expected += ", or unlimited"
        raise


def message_count(value: object) -> int:
    """How many messages a mailbox may hold; 0 is unlimited. Raises Invalid."""
    if value == "unlimited":
        return UNLIMITED
    digits = str(value) if isinstance(value, str | int) else ""
    if not _COUNT.fullmatch(digits) or not int(digits):
        raise Invalid(value, "is no number of messages", "one such as 50000, or unlimited")
    return int(digits)


def level(value: object) -> int:
    """Percent of a quota at which to warn, 1 to 100. Raises Invalid."""
    number = _percent(value)
    if not 0 < number <= 100:
        raise Invalid(value, "is no level of a quota", "a share from 1% to 100%, such as 80%")
    return number


def trash(value: object) -> int:
    """Percent of the quota that Trash may hold beyond it, 0 to 100. Raises Invalid."""
    number = _percent(value)
    if not 0 <= number <= 100:
        raise Invalid(value, "is no share of a quota", "one from 0% to 100%, such as 10%")
    return number


def warnings(levels: Iterable[int]) -> tuple[QuotaWarning, ...]:
    """The highest first: Dovecot sends only the first that a delivery has reached."""
    ordered = sorted(set(levels), reverse=True)
    return tuple(QuotaWarning(what, level) for what in ("storage", "messages") for level in ordered)


def _percent(value: object) -> int:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match else -1
