"""What a mailbox is used for: who logs in and how, whether mail is stored, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailwright.model.services import PROTOCOLS
from mailwright.model.size import UNLIMITED


@dataclass(frozen=True)
class Use:
    """What follows from a `use` where the mailbox does not say otherwise.

    `protocols` are those of a login, in the order of PROTOCOLS. `quota` is the most that this use
    gets from the default quota, in bytes. `fetched_days` is how long a message that POP3 deleted
    stays in the folder Fetched; 0 is not at all. `without` has the settings of a mailbox that make
    no sense here, and why.
    """

    protocols: tuple[str, ...]
    stores: bool = True
    quota: int = UNLIMITED
    fetched_days: int = 0
    without: Mapping[str, str] = field(default_factory=dict)

    def share(self, quota: int) -> int:
        """The quota of a mailbox that names none, out of the default one."""
        limits = [limit for limit in (self.quota, quota) if limit != UNLIMITED]
        return min(limits, default=UNLIMITED)


_NO_LOGIN = "nobody logs in to it"
_EMPTY = "nothing is stored in it"
_STORAGE = ("quota", "quota_message_count", "protocols")

USES = {
    "devices": Use(("imap", "submission", "sieve")),
    "archive": Use(("pop3", "submission"), fetched_days=7),
    "compact": Use(("pop3", "submission"), quota=200 << 20),
    "shared": Use((), without=dict.fromkeys(("password", "protocols", "suspended"), _NO_LOGIN)),
    "send-only": Use(("submission",), stores=False, without=dict.fromkeys(_STORAGE, _EMPTY)),
    "both": Use(PROTOCOLS, fetched_days=30),
}
