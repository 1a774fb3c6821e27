"""What published data means, and whether that is what was wanted; never compared as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mailwright.dns.catalogue import PURPOSES
from mailwright.dns.fault import Fault
from mailwright.dns.purpose import Rule
from mailwright.dns.record import Record

_RULES = {name: rule for each in PURPOSES for name, rule in each.rules.items()}
_FOR_ALL = Rule()


def rule(record: Record) -> Rule:
    """That of a record's purpose."""
    return _RULES.get(record.purpose, _FOR_ALL)


def faults(record: Record, rdatas: Sequence[Any]) -> list[Fault]:
    """What is wrong with the data at a record's name; nothing where it means the same."""
    return list(rule(record).judge(record, rdatas))
