"""Who shares a mailbox with nobody's own: members, their rights, and who may send as it."""

from __future__ import annotations

from dataclasses import dataclass

from mailwright.model.problems import Invalid, listed, nearest

# RFC 4314 section 2.1. Nobody gets `a`: who has which right is written in mail.toml.
RIGHTS = {"read": "lr", "write": "lrwstie", "manage": "lrwstiekx"}


@dataclass(frozen=True)
class Member:
    """Somebody who shares a mailbox; `right` is a key of RIGHTS.

    The address `@example.com` is everybody of that domain who reads by IMAP. Who is a member by
    name as well has the right that stands with his name.
    """

    address: str
    right: str

    @property
    def is_domain(self) -> bool:
        """Whether this is everybody of a domain."""
        return self.address.startswith("@")

    @property
    def identifier(self) -> str:
        """The name in Dovecot's ACL; there a domain is the group of its mailboxes."""
        return f"group={self.address[1:]}" if self.is_domain else f"user={self.address}"

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
