"""A Sieve script (RFC 5228) that the operator wrote for a domain or a mailbox."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailwright.model.mailbox import Mailbox

TIMES = ("before", "after", "default")  # Dovecot's sieve_before, sieve_after, sieve_default
MAX_SCRIPT_SIZE = 1 << 20  # bytes: sieve_max_script_size, which no setting of ours changes


@dataclass(frozen=True)
class Script:
    """A script that runs for `whom`, a domain or a mailbox; `time` is one of TIMES.

    `file` is its path in the inventory folder.
    """

    time: str
    whom: str
    file: str
    text: str = field(repr=False)

    @property
    def name(self) -> str:
        """Where it is on the host, below Dovecot's folder of scripts."""
        return f"{self.time}/{self.whom}"

    @property
    def domain(self) -> str:
        """The domain that it is for, or its mailbox is in."""
        return self.whom.rpartition("@")[2]

    @property
    def files_mail(self) -> bool:
        """Whether it may put mail into folders: no script does without this word."""
        return '"fileinto"' in self.text

    def reaches(self, mailbox: Mailbox) -> bool:
        """Whether it may run for mail to this mailbox."""
        return mailbox.stores and self.whom in (mailbox.address, mailbox.domain)
