"""Who shares a mailbox with nobody's own: members, their rights, and who may send as it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailwright import address
from mailwright.problems import Invalid, listed, nearest

# RFC 4314 section 2.1. Nobody gets `a`: who has which right is written in mail.toml.
RIGHTS = {"read": "lr", "write": "lrwstie", "manage": "lrwstiekx"}


@dataclass(frozen=True)
class Member:
    """Somebody who shares a mailbox; `right` is a key of RIGHTS."""

    address: str
    right: str

    def rights(self, private_seen: bool) -> str:
        """The letters of RFC 4314; seen flags of his own are his to change, `s`."""
        letters = RIGHTS[self.right]
        return f"{letters}s" if private_seen and "s" not in letters else letters


def right(value: object) -> str:
    """The name of a right. Raises Invalid."""
    if isinstance(value, str) and value in RIGHTS:
        return value
    hint = nearest(value.lower(), RIGHTS) if isinstance(value, str) else ""
    raise Invalid(value, "is no right", listed(RIGHTS), hint)


def members(table: Mapping[str, str]) -> tuple[Member, ...]:
    """Sorted by address. Raises Invalid for what is no address."""
    found = {address.parse(name): right for name, right in table.items()}
    return tuple(Member(name, found[name]) for name in sorted(found))
