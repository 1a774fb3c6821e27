"""How much of itself a host gives to Dovecot: the sizes of its pools of processes."""

from __future__ import annotations

from dataclasses import dataclass

from mailwright.model import size
from mailwright.model.problems import Invalid

MODES = ("high-performance", "high-security")
SESSION = 1 << 20  # what one more session takes of the memory that processes do not share
SMALLEST = 512 << 20
# What Dovecot's auth takes for the users file of a domain, and for a mailbox in it: nearly twice
# what was measured, since its pools double as they grow.
_DOMAIN = 24 << 10
_MAILBOX = 2 << 10
_OTHERS = 1000  # processes that are no sessions: deliveries, logins, quota-status, doveadm


@dataclass(frozen=True)
class Capacity:
    """What `hosts.py` says of the machine: `cores`, and `memory` in bytes.

    `dovecot_mode` as Dovecot's manual names them (Login processes). With `high-security` each
    connection has processes of its own, before the login and after it, so that a hole in one shows
    nobody else's mail. With `high-performance` a login process serves many connections and holds
    their TLS keys, and an IMAP or POP3 process serves a hundred users, one after the other.
    """

    cores: int = 2
    memory: int = 2 << 30
    dovecot_mode: str = MODES[0]

    @property
    def sessions(self) -> int:
        """How many sessions of each protocol there may be at once: half of the memory is theirs."""
        return self.memory // 2 // SESSION

    @property
    def user_sessions(self) -> int:
        """How many sessions of each protocol one user has from one address, and leaves to others.

        A mail program keeps five connections or so, and one more for each shared mailbox.
        """
        return min(50, self.sessions // 5)

    @property
    def auth_clients(self) -> int:
        """How many processes may talk to Dovecot's auth and anvil, so that neither runs out."""
        return 2 * self.sessions + _OTHERS

    def check(self, domains: int, mailboxes: int) -> None:
        """Raises Invalid when Dovecot's auth has no room for the users files of so many."""
        needed = domains * _DOMAIN + mailboxes * _MAILBOX
        if needed > self.memory:
            what = f"is too little for {domains} domains with {mailboxes} mailboxes"
            expected = f"{-(-needed >> 20)}M or more"
            hint = "Dovecot's auth keeps all accounts in memory"
            raise Invalid(size.format(self.memory), what, expected, hint)


def cores(value: object) -> int:
    """Raises Invalid."""
    if type(value) is int and 0 < value <= 1024:
        return value
    raise Invalid(value, "is no number of cores", "a number such as 4, without quotes")


def memory(value: object) -> int:
    """Bytes. Raises Invalid."""
    number = size.parse(value)
    if number < SMALLEST:
        raise Invalid(value, "is too little memory for a mail server", "at least 512M")
    return number


def dovecot_mode(value: object) -> str:
    """Raises Invalid."""
    if value in MODES:
        return str(value)
    raise Invalid(value, "is unknown", " or ".join(MODES))
