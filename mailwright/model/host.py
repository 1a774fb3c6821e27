"""A mail host: one machine of the inventory and the mail that it serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mailwright.model import delivery, quotas
from mailwright.model.acme import GIVEN, ORDERED, Acme
from mailwright.model.address_book import AddressBook, Alias
from mailwright.model.capacity import Capacity
from mailwright.model.delivery import MAXIMAL_QUEUE_LIFETIME
from mailwright.model.domain import Domain
from mailwright.model.mailbox import VMAIL_UID, Mailbox, Purge
from mailwright.model.ownership import Logins
from mailwright.model.quotas import QuotaWarning
from mailwright.model.script import Script
from mailwright.model.services import HTTP, HTTPS, MAIL, Listener
from mailwright.model.site import Site
from mailwright.model.storage import FOLDERS, MDBOX
from mailwright.model.tls_profile import INTERMEDIATE, PROFILES
from mailwright.model.use import USES

# Debian's release: its Dovecot and its Postfix. https://packages.debian.org
RELEASES = {12: ("2.3", "3.7"), 13: ("2.4", "3.10")}
WEB, ACME = "web", "acme"  # a host with a web server, one that orders certificates
VARIANTS = {name for pair in RELEASES.values() for name in pair} | {f"debian{n}" for n in RELEASES}
VARIANTS |= {GIVEN, ORDERED, ACME, WEB, MDBOX}

MAIL_CACHE_MAX_SIZE = 128 << 20  # what a folder of some 300,000 messages takes


@dataclass(frozen=True)
class Machine:
    """What `hosts.py` says of a host. `name` is its myhostname, `target` pyinfra's name of it.

    With `dane` its key is published as TLSA, which has an effect only in a signed zone.
    `mail_driver` is Dovecot's word for how all mail of the host is kept. `acme_account` is the URL
    of its account at the authority that it orders from, if that is known.
    """

    name: str
    target: str
    ipv4: str | None
    ipv6: str | None
    debian: int
    ssh_port: int
    tls_chain_file: str
    dane: bool
    capacity: Capacity
    mail_driver: str
    acme_account: str | None

    @property
    def default_chain_file(self) -> str:
        """Where its certificate is, unless hosts.py says so."""
        return f"tls/{self.name}.pem"

    @property
    def addresses(self) -> list[str]:
        """The IPv4 address and the IPv6 address, as far as there are."""
        return [address for address in (self.ipv4, self.ipv6) if address]


@dataclass(frozen=True, eq=False)
class MailHost(Machine):
    """A machine with the domains stored there; what templates and roles read as `host`.

    `sending_domains` are these, and those stored elsewhere that somebody here may send as an
    address of: it signs for them. Sizes are bytes. `quota_trash` is by how many percent of the
    quota the folder Trash may go beyond it. `book` has the addresses of all hosts. `tls_chain` is
    the operator's file (PEM: private key, leaf, intermediates); where the host orders its
    certificate there are `tls_keys` instead, the current one, the next and maybe the previous.
    These are secrets, and like everything long not in the repr. `tlsa` is the data of its TLSA
    records: the key shown at port 25, the next and the previous one. `sites` are those that its web
    server shows.
    """

    domains: tuple[Domain, ...]
    sending_domains: tuple[Domain, ...]
    message_size_limit: int
    quota_warnings: tuple[QuotaWarning, ...]
    quota_trash: int
    postmaster: str
    mailboxes: tuple[Mailbox, ...] = field(repr=False)
    book: AddressBook = field(repr=False)
    tls_chain: str = field(repr=False)
    tls_keys: tuple[str, ...] = field(default=(), repr=False)
    tlsa: tuple[str, ...] = ()
    acme: Acme | None = None
    purges: tuple[Purge, ...] = ()
    caa: tuple[str, ...] = ()
    scripts: tuple[Script, ...] = ()
    smtpd_tls_profile: str = "intermediate"
    sites: tuple[Site, ...] = ()

    @cached_property
    def aliases(self) -> tuple[Alias, ...]:
        """Those of the domains here, by address."""
        here = {domain.name for domain in self.domains}
        return tuple(each for _, each in sorted(self.book.aliases.items()) if each.domain in here)

    @property
    def domain_around(self) -> Domain | None:
        """The domain that its own name lies in, if it signs for it.

        What the host itself writes (bounces, root's mail) is signed by that domain, and aligned.
        """
        own = f".{self.name}"
        around = (each for each in self._signing_domains if own.endswith(f".{each.name}"))
        return max(around, key=lambda domain: len(domain.name), default=None)

    @property
    def domain_lending(self) -> Domain | None:
        """Where the name lies in none: the domain whose keys are published under it as well.

        The postmaster's, or the first.
        """
        if self.domain_around:
            return None
        own = self.postmaster.rpartition("@")[2]
        return min(self._signing_domains, key=lambda each: each.name != own, default=None)

    @property
    def _signing_domains(self) -> list[Domain]:
        return [domain for domain in self.sending_domains if domain.signing]

    @property
    def sender_logins(self) -> Logins:
        """For each address the logins here that may send as it."""
        return self.book.sender_logins.get(self.name, {})

    @cached_property
    def alias_mailboxes(self) -> dict[str, Mailbox | None]:
        """For each alias that is no mailbox itself the one here that it leads to, if it is one."""
        storing = {box.address: box for box in self.mailboxes if box.stores}
        names = [alias.address for alias in self.aliases if alias.address not in storing]
        ends = delivery.only_mailbox(names, self.book.owners, storing)
        return {alias: storing[name] if name else None for alias, name in ends.items()}

    @property
    def tls_key(self) -> str:
        """PEM text with the private key that it serves with, and maybe the chain."""
        return (self.tls_keys or (self.tls_chain,))[0]

    @property
    def tls_ports(self) -> dict[int, str]:
        """The ports that show the host's certificate, with openssl's word for how TLS starts.

        None (an empty word) where it starts with the connection (openssl-s_client(1), -starttls).
        """
        tls = (each for each in self.listeners if each.starttls is not None)
        return {each.port: each.starttls or "" for each in tls}

    @property
    def dovecot(self) -> str:
        """The release line of Debian's Dovecot."""
        return RELEASES[self.debian][0]

    @property
    def postfix(self) -> str:
        """The release line of Debian's Postfix."""
        return RELEASES[self.debian][1]

    @property
    def postfix_unit(self) -> str:
        """Debian 12's `postfix.service` is a dummy that is always active."""
        return "postfix@-" if self.debian == 12 else "postfix"

    @property
    def variants(self) -> frozenset[str]:
        """Which `name@variant` templates this host gets."""
        release = (self.dovecot, self.postfix, f"debian{self.debian}")
        certificate = ORDERED if self.tls_keys else GIVEN
        special = {ACME: self.acme, WEB: self.has_web, MDBOX: self.mail_driver == MDBOX}
        return frozenset((*release, certificate, *(name for name in special if special[name])))

    @property
    def largest_file(self) -> int:
        """How many bytes a file may have that an IMAP session writes: a message, or a cache."""
        return max(2 * self.message_size_limit, 2 * MAIL_CACHE_MAX_SIZE)

    @property
    def mail_cache_max_size(self) -> int:
        """Dovecot's mail_cache_max_size, in bytes."""
        return MAIL_CACHE_MAX_SIZE

    @property
    def has_web(self) -> bool:
        """Whether it runs a web server: for web sites, or for the challenges of an authority."""
        return bool(self.sites or self.acme)

    @property
    def mail_uid(self) -> int:
        """Dovecot's mail_uid."""
        return VMAIL_UID

    @property
    def quota_grace(self) -> int:
        """Dovecot's quota_grace, in percent."""
        return quotas.GRACE

    @property
    def fetched_days(self) -> int:
        """The longest that a mailbox keeps a message which POP3 deleted, in days."""
        return max(use.fetched_days for use in USES.values())

    @property
    def mail_folder(self) -> str:
        """The folder in a mailbox's home that has its mail."""
        return FOLDERS[self.mail_driver]

    @property
    def maximal_queue_lifetime(self) -> str:
        """Postfix's maximal_queue_lifetime."""
        return f"{MAXIMAL_QUEUE_LIFETIME.days}d"

    @property
    def broken_here(self) -> str:
        """An ERE for Postfix's delay_reason where something of this host keeps mail waiting."""
        return r"\[private/dovecot-lmtp\]|User unknown|loops back to myself|of this host"

    @property
    def inet_protocols(self) -> str:
        """Postfix's inet_protocols: a family without an address of ours would send from no name."""
        return "all" if self.ipv4 and self.ipv6 else "ipv4" if self.ipv4 else "ipv6"

    @property
    def listen(self) -> str:
        """Dovecot's listen, for the same families."""
        return ", ".join(["*"] * bool(self.ipv4) + ["::"] * bool(self.ipv6))

    @property
    def trash_percentage(self) -> int:
        """What is the limit in the folder Trash, in percent of the quota."""
        return 100 + self.quota_trash

    @property
    def loopback(self) -> str:
        """Where the host's services meet: Postfix uses the families of inet_protocols only."""
        return "127.0.0.1" if self.ipv4 else "::1"

    @property
    def virtual_alias_domains(self) -> tuple[str, ...]:
        """The host's own name, unless it is a mail domain: mail for root and postmaster."""
        return () if self.name in {domain.name for domain in self.domains} else (self.name,)

    @property
    def authserv_ids(self) -> list[str]:
        """The names that verdicts of our hosts begin with (RFC 8601 section 2.2)."""
        return sorted({self.name, *(d.host for d in self.book.domains.values() if d.host)})

    @property
    def foreign_senders(self) -> list[str]:
        """The addresses of domains stored elsewhere that have an entry in `sender_logins`."""
        here = {domain.name for domain in self.domains}
        return [name for name in self.sender_logins if name.rpartition("@")[2] not in here]

    @property
    def ssl_cipher_list(self) -> str:
        """TLS 1.2 suites: AEAD with forward secrecy (Mozilla Server Side TLS 6.0, intermediate)."""
        return ":".join(INTERMEDIATE)

    def suites(self, port: int) -> tuple[str, ...]:
        """The TLS 1.2 suites that this port takes, by their names in OpenSSL."""
        return PROFILES[self.smtpd_tls_profile] if port == 25 else INTERMEDIATE

    @property
    def self_mapped(self) -> list[str]:
        """Mailboxes that their domain's catch-all would empty if they had no entry of their own."""
        known = {alias.address for alias in self.aliases}
        boxes = (box for box in self.mailboxes if box.stores and f"@{box.domain}" in known)
        return [box.address for box in boxes if box.address not in known]

    def has_own_default(self, mailbox: Mailbox) -> bool:
        """Whether a Sieve script of the inventory is this one mailbox's default."""
        return mailbox.address in self._own_defaults

    @cached_property
    def _own_defaults(self) -> frozenset[str]:
        return frozenset(script.whom for script in self.scripts if "@" in script.whom)

    def mailboxes_of(self, domain: Domain) -> list[Mailbox]:
        """The mailboxes of one domain."""
        return self._by_domain.get(domain.name, [])

    @cached_property
    def _by_domain(self) -> dict[str, list[Mailbox]]:
        found: dict[str, list[Mailbox]] = {}
        for mailbox in self.mailboxes:
            found.setdefault(mailbox.domain, []).append(mailbox)
        return found

    def alias_mailboxes_of(self, domain: Domain) -> list[tuple[str, Mailbox | None]]:
        """The aliases of one domain, each with the one mailbox of this host that it leads to."""
        return self._aliases_by_domain.get(domain.name, [])

    @cached_property
    def _aliases_by_domain(self) -> dict[str, list[tuple[str, Mailbox | None]]]:
        found: dict[str, list[tuple[str, Mailbox | None]]] = {}
        for alias, mailbox in self.alias_mailboxes.items():
            found.setdefault(alias.rpartition("@")[2], []).append((alias, mailbox))
        return found

    @cached_property
    def shared(self) -> tuple[Mailbox, ...]:
        """The mailboxes that have members."""
        return tuple(mailbox for mailbox in self.mailboxes if mailbox.members)

    def shared_with(self, mailbox: Mailbox) -> list[Mailbox]:
        """The mailboxes that the owner of this one is a member of, himself or with his domain."""
        names = (mailbox.address, f"@{mailbox.domain}") if mailbox.reads_imap else ()
        found = {box.address: box for name in names for box in self._by_member.get(name, ())}
        return [found[name] for name in sorted(found)]

    @cached_property
    def _by_member(self) -> dict[str, list[Mailbox]]:
        found: dict[str, list[Mailbox]] = {}
        for mailbox in self.shared:
            for member in mailbox.members:
                found.setdefault(member.address, []).append(mailbox)
        return found

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Every port that the firewall opens and that verification expects to answer."""
        return (
            Listener(self.ssh_port, "ssh", "the operator and pyinfra"),
            *MAIL,
            *([HTTP] if self.acme else ()),
            *([HTTPS] if self.sites else ()),
        )

    def to_json(self) -> dict[str, Any]:
        """What pyinfra prints of this host; no secrets."""
        return {
            "name": self.name,
            "debian": self.debian,
            "ipv4": self.ipv4,
            "ipv6": self.ipv6,
            "domains": [domain.name for domain in self.domains],
            "mailboxes": [mailbox.address for mailbox in self.mailboxes],
            "aliases": {alias.address: alias.targets for alias in self.aliases},
        }
