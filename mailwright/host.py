"""A mail host: one machine of the inventory and the mail that it serves."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, PlainValidator, ValidationError

from mailwright import address, capacity, delivery, storage
from mailwright.acme import GIVEN, ORDERED, Acme
from mailwright.capacity import Capacity
from mailwright.delivery import MAXIMAL_QUEUE_LIFETIME
from mailwright.groups import FILE, Data
from mailwright.mail import Alias, Domain, Mailbox, Purge, truth
from mailwright.problems import Invalid, Problem, listed, nearest
from mailwright.quotas import QuotaWarning
from mailwright.sieve import Script
from mailwright.site import Site
from mailwright.storage import FOLDERS, MDBOX
from mailwright.tls_profile import INTERMEDIATE, PROFILES

if TYPE_CHECKING:
    from mailwright.directory import Directory
    from mailwright.ownership import Logins

# Debian's release: its Dovecot and its Postfix. https://packages.debian.org
RELEASES = {12: ("2.3", "3.7"), 13: ("2.4", "3.10")}
WEB, ACME = "web", "acme"  # a host with a web server, one that orders certificates
VARIANTS = {name for pair in RELEASES.values() for name in pair} | {f"debian{n}" for n in RELEASES}
VARIANTS |= {GIVEN, ORDERED, ACME, WEB, MDBOX}

MAIL_CACHE_MAX_SIZE = 128 << 20  # what a folder of some 300,000 messages takes
_HTTP = "challenges of certificate authorities (RFC 8555 section 8.3)"
_HTTPS = "MTA-STS policies and the settings of mail programs (RFC 8461)"

# The services that show the host's certificate, with openssl's word for how TLS starts there.
_STARTTLS = {
    "smtp": "smtp",
    "submissions": "",
    "submission": "smtp",
    "imaps": "",
    "imap": "imap",
    "pop3s": "",
    "pop3": "pop3",
    "sieve": "sieve",
}

# What most hosts have of pyinfra's: for others it is loaded, which takes longer than all else here.
USUAL = {"ssh_user", "ssh_key", "ssh_port", "ssh_hostname", "ssh_known_hosts_file", "_sudo"}


@dataclass(frozen=True)
class Listener:
    """A TCP port that is open to the world, the service behind it and why it is open."""

    port: int
    service: str
    why: str


@dataclass(frozen=True)
class Machine:
    """What `hosts.py` says of a host. `name` is its myhostname, `target` pyinfra's name of it.

    With `dane` its key is published as TLSA, which has an effect only in a signed zone.
    `mail_driver` is Dovecot's word for how all mail of the host is kept.
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
    These are secrets, and like everything long not in the repr. `sites` are those that its web
    server shows.
    """

    domains: tuple[Domain, ...]
    sending_domains: tuple[Domain, ...]
    message_size_limit: int
    quota_warnings: tuple[QuotaWarning, ...]
    quota_trash: int
    postmaster: str
    mailboxes: tuple[Mailbox, ...] = field(repr=False)
    book: Directory = field(repr=False)
    tls_chain: str = field(repr=False)
    tls_keys: tuple[str, ...] = field(default=(), repr=False)
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
    def tlsa(self) -> tuple[str, ...]:
        """The data of its TLSA records: the key shown at port 25, the next and the previous one."""
        keys = self.tls_keys or (self.tls_chain,)
        if not (self.dane and all(keys)):
            return ()
        from mailwright.tls import tlsa  # cryptography takes a while to load

        return tuple(map(tlsa, keys))

    @property
    def tls_key(self) -> str:
        """PEM text with the private key that it serves with, and maybe the chain."""
        return (self.tls_keys or (self.tls_chain,))[0]

    @property
    def tls_ports(self) -> dict[int, str]:
        """The ports that show the host's certificate, with openssl's word for how TLS starts.

        None (an empty word) where it starts with the connection (openssl-s_client(1), -starttls).
        """
        services = {listener.port: listener.service for listener in self.listeners}
        return {port: _STARTTLS[name] for port, name in services.items() if name in _STARTTLS}

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
    def mail_folder(self) -> str:
        """The folder in a mailbox's home that has its mail."""
        return FOLDERS[self.mail_driver]

    @property
    def maximal_queue_lifetime(self) -> str:
        """Postfix's maximal_queue_lifetime."""
        return f"{MAXIMAL_QUEUE_LIFETIME.days}d"

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
            Listener(25, "smtp", "mail from other servers (RFC 5321)"),
            Listener(465, "submissions", "mail from clients, TLS from the start (RFC 8314)"),
            Listener(587, "submission", "mail from clients, after STARTTLS (RFC 6409)"),
            Listener(993, "imaps", "mailboxes, TLS from the start (RFC 8314)"),
            Listener(143, "imap", "mailboxes, after STARTTLS (RFC 9051)"),
            Listener(995, "pop3s", "mailboxes over POP3, TLS from the start (RFC 8314)"),
            Listener(110, "pop3", "mailboxes over POP3, after STLS (RFC 2595)"),
            Listener(4190, "sieve", "a user's filters, after STARTTLS (RFC 5804)"),
            *([Listener(80, "http", _HTTP)] if self.acme else ()),
            *([Listener(443, "https", _HTTPS)] if self.sites else ()),
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


@cache
def pyinfra_settings() -> frozenset[str]:
    """What a host's data may say to pyinfra."""
    from pyinfra.api.arguments import AllArguments
    from pyinfra.connectors.ssh import ConnectorData

    return frozenset({*ConnectorData.__annotations__, *AllArguments.__annotations__} - {"name"})


def machine(target: str, data: Data, found: list[Problem]) -> Machine:
    """The machine that a host's data describes. What is wrong with it goes to `found`."""
    where, ours = f'{FILE}: "{target}"', HostTable.model_fields
    for key in data:
        if key not in ours and key not in USUAL and key not in pyinfra_settings():
            hint = nearest(str(key), [*ours, *pyinfra_settings()])
            expected = listed([*ours, "one of pyinfra's"])
            found.append(Problem(where, "is no setting", key, expected, hint))
    if "debian" not in data:
        found.append(
            Problem(where, "has no debian", expected=f"debian = {listed(map(str, RELEASES))}")
        )
    if "ipv4" not in data and "ipv6" not in data:
        found.append(Problem(where, "has no address", expected="ipv4, ipv6 or both"))
    table = _table({key: data[key] for key in ours if key in data}, where, found)
    name = table.myhostname or _named(target, data, where, found)
    return Machine(
        name=name,
        target=target,
        ipv4=table.ipv4,
        ipv6=table.ipv6,
        debian=table.debian,
        ssh_port=table.ssh_port,
        tls_chain_file=table.tls_chain_file or f"tls/{name}.pem",
        dane=table.dane,
        capacity=Capacity(table.cores, table.memory, table.dovecot_mode),
        mail_driver=table.mail_driver,
    )


def _table(said: Data, where: str, found: list[Problem]) -> HostTable:
    """What is said, without what is wrong."""
    try:
        return HostTable.model_validate(said)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            key, invalid = str(detail["loc"][0]), detail["ctx"]["error"]
            found.append(invalid.at(f"{where}.{key}"))
            del said[key]
    return HostTable.model_validate(said)


def _named(target: str, data: Data, where: str, found: list[Problem]) -> str:
    if "myhostname" in data:  # wrong, and reported
        return target
    if target.startswith("@"):
        expected = "the name that the host has in DNS, such as mail.example.com"
        found.append(Problem(where, "has no myhostname", expected=expected))
        return target
    try:
        return address.domain(target)
    except Invalid as error:
        found.append(Problem(FILE, "is no host name", target, error.expected))
        return target


def _name(value: object) -> str:
    try:
        return address.domain(value if isinstance(value, str) else "")
    except Invalid as error:
        raise Invalid(value, "is no host name", error.expected) from None


def _ip(value: object, version: int) -> str:
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    example = "198.51.100.10" if version == 4 else "2001:db8::10"
    try:
        found = kind(value if isinstance(value, str) else "")
    except ValueError:
        raise Invalid(value, f"is no IPv{version} address", f"one such as {example}") from None
    if found.is_loopback or found.is_unspecified or found.is_multicast or found.is_link_local:
        raise Invalid(value, "is no address that the world can reach", f"one such as {example}")
    return str(found)


def _debian(value: object) -> int:
    if value in RELEASES and type(value) is int:
        return value
    raise Invalid(value, "is no supported release of Debian", listed(map(str, RELEASES)))


def _port(value: object) -> int:
    if type(value) is int and 0 < value < 65536:
        return value
    raise Invalid(value, "is no port", "a number from 1 to 65535")


def _path(value: object) -> str:
    if isinstance(value, str | Path):
        return str(value)
    raise Invalid(value, "is no path", "a path relative to the inventory folder")


class HostTable(BaseModel):
    """What a host's data in `hosts.py` says to mailwright; the rest is pyinfra's."""

    debian: Annotated[int, PlainValidator(_debian)] = Field(
        default=min(RELEASES),
        description="The release of Debian that the host runs.",
        examples=[13],
        json_schema_extra={"default": "required"},
    )
    ipv4: Annotated[str | None, PlainValidator(lambda value: _ip(value, 4))] = Field(
        default=None,
        description="Its IPv4 address in the world: in DNS, and where mail leaves from.",
        examples=["198.51.100.10"],
        json_schema_extra={"default": "none; one of `ipv4` and `ipv6` is required"},
    )
    ipv6: Annotated[str | None, PlainValidator(lambda value: _ip(value, 6))] = Field(
        default=None,
        description="Its IPv6 address, the same.",
        examples=["2001:db8::10"],
        json_schema_extra={"default": "none; one of `ipv4` and `ipv6` is required"},
    )
    myhostname: Annotated[str | None, PlainValidator(_name)] = Field(
        default=None,
        description="The name of the host in DNS, in its greeting, its PTR and its certificate,"
        " where pyinfra reaches it by another one.",
        examples=["mail.example.com"],
        json_schema_extra={"default": "the name that pyinfra reaches it by; required for `@local`"},
    )
    ssh_port: Annotated[int, PlainValidator(_port)] = Field(
        default=22,
        description="The port of SSH, which pyinfra uses and the firewall keeps open.",
        examples=[2222],
    )
    tls_chain_file: Annotated[str | None, PlainValidator(_path)] = Field(
        default=None,
        description="The file with a certificate of yours (private key, certificate, chain), seen"
        " from the inventory's folder.",
        examples=["certificates/mail.pem"],
        json_schema_extra={"default": "`tls/` and the host's name with `.pem`"},
    )
    dane: Annotated[bool, PlainValidator(truth)] = Field(
        default=False,
        description="Whether TLSA records with the key of its certificate are published (DANE);"
        " for a zone that is signed.",
        examples=[True],
    )
    cores: Annotated[int, PlainValidator(capacity.cores)] = Field(
        default=Capacity.cores,
        description="How many cores it has: as many processes wait for logins.",
        examples=[4],
    )
    memory: Annotated[int, PlainValidator(capacity.memory)] = Field(
        default=Capacity.memory,
        description="How much memory it has: half of it is for sessions, a MiB each.",
        examples=["8G"],
    )
    dovecot_mode: Annotated[str, PlainValidator(capacity.dovecot_mode)] = Field(
        default=Capacity.dovecot_mode,
        description="Whether processes of Dovecot serve many connections, or one each.",
        examples=["high-security"],
    )
    mail_driver: Annotated[str, PlainValidator(storage.mail_driver)] = Field(
        default=storage.MAILDIR,
        description="How all of its mail is kept: a file for each message, or many in one.",
        examples=["mdbox"],
    )
