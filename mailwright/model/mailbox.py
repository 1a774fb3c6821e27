"""A mailbox: where its mail lies, who logs in to it and how much it may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from mailwright.model import quotas
from mailwright.model.services import LOGINS
from mailwright.model.sharing import Member
from mailwright.model.use import USES

# Whose all mail is: vmail, an account that nobody logs in to, and its folder.
VMAIL, VMAIL_UID = "/var/vmail", 5000


def home(store: str) -> str:
    """The folder on the host where the mail of this address of ours lies."""
    local, _, domain = store.rpartition("@")
    return f"{VMAIL}/{domain}/{local}"


@dataclass(frozen=True)
class Mailbox:
    """A mailbox; `password` is a hash, empty without a login.

    `quota` (bytes) and `quota_message_count` are what it may hold; 0 is unlimited.

    `protocols` are those that its owner may log in with, unless it is `suspended`: then he may not
    at all, and mail still arrives. `owner` gets the mail of a mailbox that stores none. `members`
    share it, `send_as` are those of them, and programs, that may send as it, and with
    `private_seen` each has seen flags of his own. `stored_as` is the address that it was first
    stored under, before it was renamed. With `keeps_mail` it says itself where its mail lies.
    """

    address: str
    quota: int
    password: str = field(repr=False)
    use: str = "devices"
    protocols: tuple[str, ...] = USES["devices"].protocols
    suspended: bool = False
    owner: str | None = None
    quota_message_count: int = 0
    members: tuple[Member, ...] = ()
    send_as: tuple[str, ...] = ()
    private_seen: bool = False
    stored_as: str | None = None
    keeps_mail: bool = False

    @property
    def store(self) -> str:
        """The address that its mail lies under on the host; no two mailboxes have the same."""
        return self.stored_as or self.address

    @property
    def domain_folder(self) -> str:
        """The folder on the host that holds the homes of the store's domain."""
        return self.home.rpartition("/")[0]

    @property
    def home(self) -> str:
        """Its folder on the host: Dovecot's home (mail, indexes, UIDs, Sieve scripts)."""
        return home(self.store)

    @property
    def quota_grace(self) -> int:
        """By how many bytes the last message may go over, so that a mailbox is full at all."""
        return self.quota * quotas.GRACE // 100

    @property
    def localpart(self) -> str:
        """What stands before the @."""
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """The name of the domain, in A-labels."""
        return self.address.rpartition("@")[2]

    @property
    def stores(self) -> bool:
        """Whether mail is kept here."""
        return USES[self.use].stores

    @property
    def services(self) -> tuple[str, ...]:
        """Dovecot's names of the services that let the owner in."""
        return () if self.suspended else tuple(LOGINS[name] for name in self.protocols)

    @property
    def refused_services(self) -> tuple[str, ...]:
        """Those that tell him, once his password was right, that they are not for this mailbox."""
        others = (name for name in LOGINS if name not in self.protocols)
        return () if self.suspended or not self.password else tuple(LOGINS[n] for n in others)

    @property
    def fetched_days(self) -> int:
        """How many days a message stays in Fetched after POP3 deleted it; 0 is not at all."""
        return USES[self.use].fetched_days if "pop3" in self.protocols else 0

    @property
    def reads_imap(self) -> bool:
        """Whether its owner sees the folders of others."""
        return self.stores and "imap" in self.protocols

    @property
    def is_unread(self) -> bool:
        """Whether nobody can read what is stored here."""
        return self.stores and not self.members and not {"imap", "pop3"} & {*self.protocols}

    @property
    def sees_folders(self) -> bool:
        """Whether anything but the inbox is ever looked at: POP3 shows no folders (RFC 1939)."""
        return "pop3" not in self.protocols or "imap" in self.protocols


@dataclass(frozen=True)
class Purge:
    """The mail of a mailbox that is gone; its host deletes it on this day or soon after."""

    address: str
    day: date

    @property
    def domain(self) -> str:
        """The name of the domain, in A-labels."""
        return self.address.rpartition("@")[2]

    @property
    def home(self) -> str:
        """The folder on the host."""
        return home(self.address)
