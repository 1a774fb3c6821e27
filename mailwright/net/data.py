"""DNS data that was asked for, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def text(item: Any) -> str:
    """dnspython's Rdata as text; of TXT the strings as one.

    RFC 7208 section 3.3, RFC 6376 section 3.6.2.2.
    """
    strings: Sequence[bytes] | None = getattr(item, "strings", None)
    return str(item) if strings is None else b"".join(strings).decode("utf-8", "replace")


def parts(item: Any) -> list[str]:
    """The strings of a TXT, each as text."""
    return [string.decode("utf-8", "replace") for string in item.strings]
