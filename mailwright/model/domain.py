"""A mail domain: its name, its keys, who sends for it and what it tells the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailwright.model import address, spf
from mailwright.model.dkim import DkimKey, State
from mailwright.model.policy import Policy


@dataclass(frozen=True)
class Domain:
    """A mail domain. `name` in A-labels; `host` is the myhostname of the host that stores it.

    `quota` (bytes) and `quota_message_count` are what its mailboxes get; 0 is unlimited. Every
    address of the domain `alias_of` has a twin here; there are no others. A `parked` domain has no
    mail, no host and no keys. On `other_senders`, hosts too, somebody may send as an address of it.
    `keys` are all that it has or had; `dkim_delegated` is the domain whose zone holds them, and
    after `dkim_days` they are replaced.
    """

    name: str
    host: str
    algorithms: tuple[str, ...]
    policy: Policy = field(default_factory=Policy)
    other_senders: tuple[str, ...] = ()
    alias_of: str | None = None
    parked: bool = False
    keys: tuple[DkimKey, ...] = ()
    quota: int = 0
    quota_message_count: int = 0
    dkim_delegated: str | None = None
    dkim_days: int | None = None

    @property
    def unicode(self) -> str:
        """The name in U-labels."""
        return address.unicode(self.name)

    @property
    def senders(self) -> tuple[str, ...]:
        """The hosts that send for it, and sign: that which stores it, and others."""
        return () if self.parked else (self.host, *self.other_senders)

    def spf_senders(self, is_host: bool, addresses: Mapping[str, Sequence[str]]) -> list[str]:
        """The SPF mechanisms of a domain that is a host's name as well, or is not.

        `addresses` are those of each host, by its name.
        """
        more = self.policy.spf_mechanisms
        hosts = [h for h in self.other_senders if h != self.name and f"a:{h}" not in more]
        others = [spf.sender(host, addresses[host]) for host in hosts]
        own = ["a"] if is_host else []
        return list(dict.fromkeys([*own, "mx", *others, *more]))

    @property
    def published(self) -> tuple[DkimKey, ...]:
        """The keys that have a record in DNS."""
        return tuple(key for key in self.keys if key.state != State.REMOVED)

    @property
    def signing(self) -> tuple[DkimKey, ...]:
        """The keys that its hosts sign with, one of each algorithm once it has been rotated."""
        return tuple(key for key in self.keys if key.state == State.SIGNING)
