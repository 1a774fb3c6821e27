"""The web site of a mail domain: its MTA-STS policy, and the settings of mail programs.

    mta-sts.example.com       the policy (RFC 8461 section 3.3), unless mta_sts is off
    autoconfig.example.com    settings for Thunderbird and others, Apple's profiles, a page to read
    autodiscover.example.com  settings for Outlook (MS-OXDSCLI), where the address is the login

Only what somebody can use has a name, and only what a certificate covers is served: the operator's
file `tls/web/example.com.pem`, apart from the mail host's own, or one that the host orders by ACME.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

from mailwright.model.acme import GIVEN, ORDERED
from mailwright.model.domain import Domain
from mailwright.model.policy import AUTOCONFIG, AUTODISCOVER, MTA_STS, OFF
from mailwright.model.services import CLIENT, Listener

FOLDER = "tls/web"
SUFFIX = ".pem"
_READING = {"imap", "pop3"}


@dataclass(frozen=True, order=True)
class Offer:
    """What a mailbox is read and sent with: `protocols` of a mailbox, the preferred first."""

    protocols: tuple[str, ...]

    @property
    def name(self) -> str:
        """`imap+submission`: a file of this name has it."""
        return "+".join(self.protocols)

    @property
    def incoming(self) -> list[Listener]:
        """Where mail is read, the preferred first: IMAP to POP3, TLS from the start to STARTTLS."""
        return [s for s in CLIENT if s.protocol in self.protocols and s.protocol in _READING]

    @property
    def outgoing(self) -> list[Listener]:
        """Where mail is submitted, in the same order."""
        return [s for s in CLIENT if s.protocol in self.protocols and s.protocol == "submission"]


@dataclass(frozen=True, eq=False)
class Site:
    """The web names of a domain. `names` are those that are served, with `chain`.

    `offers` has for each local part what its mailbox may use, as far as somebody reads it. `chain`
    is PEM text, a secret (private key, leaf, intermediates); without it the host orders one itself.
    """

    domain: Domain
    offers: Mapping[str, Offer] = field(default_factory=dict, repr=False)
    names: tuple[str, ...] = ()
    chain: str = field(default="", repr=False)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names that somebody can use."""
        use = {
            MTA_STS: self.domain.policy.mta_sts != OFF,
            AUTOCONFIG: bool(self.offers),
            AUTODISCOVER: bool(self.offers) and self.login == self.domain.unicode,
        }
        return tuple(f"{label}.{self.domain.name}" for label, is_wanted in use.items() if is_wanted)

    @property
    def file(self) -> str:
        """Where the operator's certificate is in the inventory."""
        return f"{FOLDER}/{self.domain.name}{SUFFIX}"

    @property
    def is_ordered(self) -> bool:
        """Whether the host orders its certificate by ACME."""
        return bool(self.names) and not self.chain

    @property
    def variants(self) -> frozenset[str]:
        """Which `name@variant` templates of a site it gets."""
        return frozenset((ORDERED if self.is_ordered else GIVEN,))

    @property
    def has_settings(self) -> bool:
        """Whether mail programs are told theirs."""
        return f"{AUTOCONFIG}.{self.domain.name}" in self.names

    @property
    def mta_sts(self) -> str:
        """The text of the policy."""
        return self.domain.policy.mta_sts_text(self.domain.host)

    @property
    def login(self) -> str:
        """The domain that stands in a login: what the user types may be an alias or U-labels."""
        return self.domain.alias_of or self.domain.name

    @property
    def username(self) -> str:
        """The login, in the placeholders of Thunderbird's file."""
        if self.login == self.domain.unicode:
            return "%EMAILADDRESS%"
        return f"%EMAILLOCALPART%@{self.login}"

    @property
    def usual(self) -> Offer:
        """What most mailboxes may use; everybody is told so who is none of the others."""
        counted = Counter(self.offers.values())
        return min(counted, key=lambda offer: (-counted[offer], offer))

    @property
    def particular(self) -> dict[str, Offer]:
        """Those mailboxes, by local part, that may use something else."""
        usual = self.usual
        return {local: offer for local, offer in self.offers.items() if offer != usual}

    @property
    def every_offer(self) -> list[Offer]:
        """Each of them once."""
        return sorted(set(self.offers.values()))

    @property
    def reading(self) -> list[Listener]:
        """With what mail can be read by anybody here, TLS from the start."""
        used = {protocol for offer in self.offers.values() for protocol in offer.protocols}
        return [s for s in Offer(tuple(used)).incoming if s.is_implicit]

    @property
    def sending(self) -> Listener:
        """Where mail is submitted, TLS from the start."""
        return next(s for s in CLIENT if s.protocol == "submission" and s.is_implicit)

    def uuid(self, part: str) -> str:
        """The UUID of a part of a profile; it stays, so that a profile replaces the one before."""
        return str(uuid5(NAMESPACE_URL, f"https://{AUTOCONFIG}.{self.domain.name}/{part}")).upper()
