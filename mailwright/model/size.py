"""Sizes: `100K`, `50M`, `2G`, `1T` (powers of 1024) or plain bytes."""

from __future__ import annotations

import re

from mailwright.model.problems import Invalid

UNLIMITED = 0  # where a size is a limit
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_SIZE = re.compile(r"([0-9]{1,18})([KMGT]?)", re.ASCII)


def parse(value: object) -> int:
    """Bytes of a size, at least 1. Raises Invalid."""
    match = _SIZE.fullmatch(value.upper() if isinstance(value, str) else str(value))
    number = int(match[1]) << _UNITS[match[2]] if match else 0
    if not 0 < number < 1 << 63:  # Postfix and Dovecot keep sizes in 64 bits, signed
        raise Invalid(value, "is no size", "a number with K, M, G or T, such as 500M")
    return number


def format(number: int) -> str:
    """The shortest text that `parse` reads back as `number` bytes."""
    for unit, bits in reversed(_UNITS.items()):
        if number % (1 << bits) == 0 and number:
            return f"{number >> bits}{unit}"
    return str(number)


def about(number: int) -> str:
    """Bytes as people say them: `4.7G`."""
    unit, bits = next((u, b) for u, b in reversed(_UNITS.items()) if number >> b or not b)
    return f"{round(number / (1 << bits), 1):g}{unit}"
