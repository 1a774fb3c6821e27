"""`mail.toml`: the schema that a user writes, and the frozen objects that everything else reads."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
)
from pydantic_core import ErrorDetails

from mailwright import acme, address, password, quotas, sharing, sheets, size
from mailwright.dkim import DkimKey
from mailwright.dns import caa, dmarc, spf, tls_rpt
from mailwright.dns.record import TTL
from mailwright.policy import MTA_STS_MODES, OFF, Policy
from mailwright.problems import Invalid, Problem, listed, nearest
from mailwright.rotation.life import State
from mailwright.sharing import Member
from mailwright.size import UNLIMITED
from mailwright.tls_profile import PROFILES
from mailwright.use import PROTOCOLS, SERVICES, USES

FILE = "mail.toml"
VMAIL = "/var/vmail"
DKIM_DAYS = 30  # the keys before are still published for about 20
SMALLEST_MESSAGE = 64 << 10  # RFC 5321 section 4.5.3.1.7
_BARE = re.compile(r"[A-Za-z0-9_-]+")  # a key without quotes (TOML 1.0)
LONGEST_TTL = 7 * 86400  # resolvers go no further (RFC 8767 section 4)


def home(store: str) -> str:
    """The folder on the host where the mail of this address of ours lies."""
    local, _, domain = store.rpartition("@")
    return f"{VMAIL}/{domain}/{local}"


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

    @property
    def published(self) -> tuple[DkimKey, ...]:
        """The keys that have a record in DNS."""
        return tuple(key for key in self.keys if key.state != State.REMOVED)

    @property
    def signing(self) -> tuple[DkimKey, ...]:
        """The keys that its hosts sign with, one of each algorithm once it has been rotated."""
        return tuple(key for key in self.keys if key.state == State.SIGNING)


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
        return () if self.suspended else tuple(SERVICES[name] for name in self.protocols)

    @property
    def refused_services(self) -> tuple[str, ...]:
        """Those that tell him, once his password was right, that they are not for this mailbox."""
        others = (name for name in SERVICES if name not in self.protocols)
        return () if self.suspended or not self.password else tuple(SERVICES[n] for n in others)

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


@dataclass(frozen=True)
class Alias:
    """An address whose mail goes to other addresses; `@example.com` is a domain's catch-all.

    It may be a mailbox as well, and is then one of its own targets: the copy that it keeps.
    """

    address: str
    targets: tuple[str, ...]

    @property
    def domain(self) -> str:
        """The name of the domain, in A-labels."""
        return self.address.rpartition("@")[2]


def _message_size(value: object) -> int:
    number = size.parse(value)
    if number < SMALLEST_MESSAGE:
        raise Invalid(value, "is too small for mail", "at least 64K (RFC 5321 section 4.5.3.1.7)")
    return number


def _one_of(*words: str) -> PlainValidator:
    def check(value: object) -> object:
        if value in words:
            return value
        hint = nearest(value.lower(), words) if isinstance(value, str) else ""
        raise Invalid(value, "is unknown", listed(words), hint)

    return PlainValidator(check)


def _domain_name(value: object) -> str:
    try:
        return address.domain(value if isinstance(value, str) else "")
    except Invalid as error:
        raise Invalid(value, "is no domain name", error.expected) from None


def truth(value: object) -> bool:
    """Yes or no. Raises Invalid."""
    if isinstance(value, bool):
        return value
    raise Invalid(value, "is no yes or no", "true or false")


def _day(value: object) -> date:
    if type(value) is date:  # a time of day is one of its subclasses
        return value
    raise Invalid(value, "is no date", "one such as 2026-12-31, without quotes")


def _days(value: object) -> int:
    if type(value) is int and value >= DKIM_DAYS:
        return value
    raise Invalid(value, "is too short a life for a key", f"{DKIM_DAYS} days or more, such as 180")


def _seconds(value: object) -> int:
    if type(value) is int and 0 < value <= LONGEST_TTL:
        return value
    raise Invalid(value, "is no TTL", f"seconds, from 1 to {LONGEST_TTL}")


def _list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Size = Annotated[int, PlainValidator(_message_size)]
Quota = Annotated[int, PlainValidator(quotas.storage)]
MessageCount = Annotated[int, PlainValidator(quotas.message_count)]
Trash = Annotated[int, PlainValidator(quotas.trash)]
Level = Annotated[int, PlainValidator(quotas.level)]
Levels = Annotated[list[Level], BeforeValidator(_list)]
DomainName = Annotated[str, PlainValidator(_domain_name)]
Address = Annotated[str, PlainValidator(address.parse)]
OwnAddress = Annotated[str, PlainValidator(address.own)]
Hash = Annotated[str, PlainValidator(password.check)]
Algorithm = Annotated[str, _one_of("rsa", "ed25519")]
SpfAll = Annotated[str, _one_of(*spf.ALL)]
Mechanism = Annotated[str, PlainValidator(spf.mechanism)]
Mechanisms = Annotated[list[Mechanism], BeforeValidator(_list)]
DmarcPolicy = Annotated[str, _one_of(*dmarc.POLICIES)]
Alignment = Annotated[str, _one_of(*dmarc.ALIGNMENTS)]
MtaSts = Annotated[str, _one_of(OFF, *MTA_STS_MODES)]
Report = Annotated[str, PlainValidator(tls_rpt.target)]
Reports = Annotated[list[Report], BeforeValidator(_list)]
Profile = Annotated[str, _one_of(*PROFILES)]
Issuer = Annotated[str, PlainValidator(caa.issuer)]
Directory = Annotated[str, PlainValidator(acme.directory)]
Issuers = Annotated[list[Issuer], BeforeValidator(_list)]
UseName = Annotated[str, _one_of(*USES)]
Protocol = Annotated[str, _one_of(*PROTOCOLS)]
Protocols = Annotated[list[Protocol], BeforeValidator(_list)]
Right = Annotated[str, PlainValidator(sharing.right)]
Truth = Annotated[bool, PlainValidator(truth)]
Ttl = Annotated[int, PlainValidator(_seconds)]
Days = Annotated[int, PlainValidator(_days)]
Day = Annotated[date, PlainValidator(_day)]
Targets = Annotated[list[Address], BeforeValidator(_list)]
Names = Annotated[list[DomainName], BeforeValidator(_list)]
Algorithms = Annotated[list[Algorithm], BeforeValidator(_list)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DomainTable(_Table):
    """`[domains."example.com"]`. Lists have factories, since pydantic copies any other default."""

    host: str | None = Field(
        default=None,
        description="The host that stores its mail, by its name in `hosts.py`.",
        examples=["mail.example.com"],
        json_schema_extra={"default": "the only host; required where there are several"},
    )
    alias_of: DomainName | None = Field(
        default=None,
        description="The domain whose addresses it has, all of them and no others.",
        examples=["example.com"],
        json_schema_extra={"default": "none: its addresses are its own"},
    )
    dkim: Algorithms = Field(
        default_factory=lambda: ["rsa"],
        description="The algorithms that its mail is signed with (DKIM), one signature each.",
        examples=[["rsa", "ed25519"]],
    )
    dkim_delegated: DomainName | None = Field(
        default=None,
        description="The domain whose zone holds its DKIM keys; its own has CNAMEs to them.",
        examples=["operator.example"],
        json_schema_extra={"default": "none: its own zone holds them"},
    )
    spf: SpfAll = Field(
        default=spf.ALL[0],
        description="How its SPF record ends: what is said of mail from any other server.",
        examples=["~all"],
    )
    spf_mechanisms: Mechanisms = Field(
        default_factory=list,
        description="Its other senders, as they stand in the SPF record.",
        examples=[["include:_spf.newsletter.example", "ip4:192.0.2.0/28"]],
    )
    dmarc: DmarcPolicy = Field(
        default="quarantine",
        description="What receivers should do with mail that is forged in its name (DMARC, `p`).",
        examples=["reject"],
    )
    dmarc_sp: DmarcPolicy | None = Field(
        default=None,
        description="The same for the names below it that exist (`sp`).",
        examples=["reject"],
        json_schema_extra={"default": "not published: as `dmarc`"},
    )
    dmarc_np: DmarcPolicy | None = Field(
        default=None,
        description="The same for the names below it that do not exist (`np`).",
        examples=["reject"],
        json_schema_extra={"default": "not published: as `dmarc_sp`"},
    )
    dmarc_adkim: Alignment | None = Field(
        default=None,
        description="Whether DKIM counts for the very name in From only, `s`, or for its"
        " organisation, `r` (`adkim`).",
        examples=["s"],
        json_schema_extra={"default": "not published: `r`"},
    )
    dmarc_aspf: Alignment | None = Field(
        default=None,
        description="The same for SPF (`aspf`).",
        examples=["s"],
        json_schema_extra={"default": "`s` where a mail host's name is related; otherwise `r`"},
    )
    dmarc_t: Truth = Field(
        default=False,
        description="Whether it is tested only, so that receivers do not apply it yet (`t`).",
        examples=[True],
    )
    dmarc_rua: Targets | None = Field(
        default=None,
        description="Who gets the daily reports of DMARC; `[]` is nobody.",
        examples=["postmaster@example.com"],
        json_schema_extra={"default": "`postmaster@` of the domain"},
    )
    dmarc_ruf: Targets = Field(
        default_factory=list,
        description="Who gets a report of each message that failed DMARC.",
        examples=["postmaster@example.com"],
    )
    mta_sts: MtaSts = Field(
        default=OFF,
        description="What senders should do when TLS to its server fails (MTA-STS).",
        examples=["testing"],
    )
    tls_rpt: Reports | None = Field(
        default=None,
        description="Who hears that TLS to its server failed (TLS-RPT): addresses and https: URIs;"
        " `[]` is nobody.",
        examples=["https://reports.example.net/tls"],
        json_schema_extra={"default": "`postmaster@` of the domain"},
    )
    no_mail: Names = Field(
        default_factory=list,
        description="Names below it that exist, and neither send nor take mail.",
        examples=["www.example.com"],
    )
    parked: Truth = Field(
        default=False,
        description="Whether it neither sends nor takes mail; nothing else is set then.",
        examples=[True],
    )
    quota: Quota | None = Field(
        default=None,
        description="The quota of its mailboxes, unless they have one of their own.",
        examples=["500M"],
        json_schema_extra={"default": "`quota` at the top"},
    )
    quota_message_count: MessageCount | None = Field(
        default=None,
        description="How many messages its mailboxes hold, unless they say so themselves.",
        examples=[50_000],
        json_schema_extra={"default": "`quota_message_count` at the top"},
    )


class MailboxTable(_Table):
    """`[mailboxes."alice@example.com"]`."""

    use: UseName = Field(
        default="devices",
        description="What it is used for, which decides what its other settings are.",
        examples=["both"],
    )
    password: Hash | None = Field(
        default=None,
        description="The hash of its password; `mailwright password` makes one.",
        examples=["{BLF-CRYPT}$2y$10$Z4Q70FLOenU9jfYTGCDHu.80TCyIf76qzl/av08qTDGSH3nG3.7aq"],
        json_schema_extra={"default": "required, except for use `shared`, which has none"},
    )
    quota: Quota | None = Field(
        default=None,
        description="How much mail it holds.",
        examples=["5G"],
        json_schema_extra={"default": "its domain's; for use `compact` 200M at most"},
    )
    quota_message_count: MessageCount | None = Field(
        default=None,
        description="How many messages it holds.",
        examples=[50_000],
        json_schema_extra={"default": "its domain's"},
    )
    protocols: Protocols | None = Field(
        default=None,
        description="What its owner may log in with.",
        examples=[["imap", "submission"]],
        json_schema_extra={"default": "those of its use"},
    )
    suspended: Truth | None = Field(
        default=None,
        description="Whether nobody logs in while its mail still arrives.",
        examples=[True],
        json_schema_extra={"default": "`false`"},
    )
    owner: Address | None = Field(
        default=None,
        description="Who gets the mail to a mailbox for use `send-only`.",
        examples=["alice@example.com"],
        json_schema_extra={"default": "nobody: mail to it is refused"},
    )
    members: dict[str, Right] | None = Field(
        default=None,
        description="Who shares a mailbox for use `shared`, with the right to `read`, `write` or"
        " `manage`; `@example.com` is everybody of a domain.",
        examples=[{"bob@example.com": "write"}],
        json_schema_extra={"default": "nobody"},
    )
    send_as: Targets | None = Field(
        default=None,
        description="Who of its members, and which mailboxes for use `send-only`, may send as a"
        " mailbox for use `shared`.",
        examples=["bob@example.com"],
        json_schema_extra={"default": "nobody"},
    )
    private_seen: Truth | None = Field(
        default=None,
        description="Whether what one member has read is still new to the others.",
        examples=[True],
        json_schema_extra={"default": "`false`"},
    )
    stored_as: OwnAddress | None = Field(
        default=None,
        description="The address that its mail lies under on the host, also where somebody else"
        " had that address before.",
        examples=["carol@example.com"],
        json_schema_extra={"default": "its own address, where nothing lies yet"},
    )


class AcmeTable(_Table):
    """`[acme]`."""

    directory: Directory = Field(
        default=acme.LETS_ENCRYPT,
        description="The authority that hosts order certificates from: its ACME directory.",
        examples=["https://acme.example.net/directory"],
    )
    contact: Address | None = Field(
        default=None,
        description="Whose account at the authority it is.",
        examples=["alice@example.com"],
        json_schema_extra={"default": "`postmaster`"},
    )


class MailTable(_Table):
    """The whole file. What is required is None or empty here where it is missing."""

    message_size_limit: Size = Field(
        default=50 << 20,
        description="The largest message that is taken and sent, in bytes as they travel.",
        examples=["100M"],
    )
    quota: Quota = Field(
        default=1 << 30,
        description="How much mail a mailbox holds, unless it or its domain says otherwise.",
        examples=["5G"],
    )
    quota_message_count: MessageCount = Field(
        default=UNLIMITED,
        description="How many messages a mailbox holds, unless it or its domain says otherwise.",
        examples=[50_000],
    )
    quota_trash: Trash = Field(
        default=quotas.TRASH,
        description="How much more than the quota the folder Trash takes, so that a full mailbox"
        " can be emptied.",
        examples=["20%"],
    )
    quota_warnings: Levels = Field(
        default=list(quotas.WARNINGS),
        description="How full a mailbox is when its owner is sent a warning.",
        examples=[["80%", "90%", "99%"]],
    )
    postmaster: Address | None = Field(
        default=None,
        description="Who gets `postmaster@` and `abuse@` of every domain, and root's mail.",
        examples=["alice@example.com"],
        json_schema_extra={"default": "required"},
    )
    caa: Issuers = Field(
        default=[],
        description="The authorities that may issue certificates for the hosts (CAA).",
        examples=["letsencrypt.org"],
    )
    ttl: Ttl = Field(
        default=TTL,
        description="How many seconds resolvers may remember the DNS records.",
        examples=[300],
    )
    smtpd_tls_profile: Profile = Field(
        default="intermediate",
        description="Which TLS 1.2 suites port 25 takes: `compatible` has old ones as well.",
        examples=["compatible"],
    )
    acme: AcmeTable | None = Field(
        default=None,
        description="That hosts order their certificates; an empty table is enough.",
        examples=[{"contact": "alice@example.com"}],
        json_schema_extra={"default": "none: certificates are files in `tls/`"},
    )
    dkim_days: Days | None = Field(
        default=None,
        description="For how many days a DKIM key signs before `rotate --auto` makes a new one.",
        examples=[180],
        json_schema_extra={"default": "none: no key is replaced by itself"},
    )
    domains: dict[str, DomainTable] = Field(
        default={},
        description="The mail domains, a table each.",
        examples=[{"example.com": {"dmarc": "reject"}}],
    )
    mailboxes: dict[str, MailboxTable] = Field(
        default={},
        description="The mailboxes, a table each; or rows of a sheet.",
        examples=[{"team@example.com": {"use": "shared"}}],
    )
    aliases: dict[str, Targets] = Field(
        default={},
        description="Addresses whose mail goes to others; `@example.com` is a domain's catch-all.",
        examples=[{"info@example.com": ["alice@example.com", "bob@example.org"]}],
    )
    purge: dict[str, Day] = Field(
        default={},
        description="The first day without the mail of a mailbox that is gone, by the address that"
        " it lies under; `mailwright mailbox purge` writes it.",
        examples=[{"carol@example.com": date(2026, 12, 31)}],
    )
    removed: dict[str, OwnAddress] = Field(
        default={},
        description="The address that the mail of a mailbox that is gone lies under;"
        " `mailwright mailbox remove` writes it.",
        examples=[{"caroline@example.com": "carol@example.com"}],
    )


class Places(dict[str, str]):
    """Where each mailbox stands that is a row of a sheet; all others stand in `mail.toml`."""

    def setting(self, *names: str | int) -> str:
        """The place of a setting: `mailboxes/example.com.csv:17: "alice@example.com".quota`."""
        place = self.get(str(names[1])) if len(names) > 1 and names[0] == "mailboxes" else None
        if place is None:
            return setting(*names)
        return f'{place}: "{names[1]}"{_path(names[2:])}'


def read(
    folder: Path, found: list[Problem], texts: Mapping[str, str] | None = None
) -> tuple[MailTable, Places] | None:
    """What `mail.toml` and the sheets say, without what is wrong, which goes to `found`.

    A text in `texts` stands for the file of that name. None when there is nothing to check further:
    no file, or no TOML.
    """
    texts = texts or {}
    try:
        raw = tomllib.loads(texts[FILE] if FILE in texts else (folder / FILE).read_text("utf-8"))
    except FileNotFoundError:
        found.append(Problem(FILE, "is missing", expected="the domains and mailboxes"))
    except (OSError, UnicodeDecodeError) as error:
        found.append(Problem(FILE, f"cannot be read: {error}"))
    except tomllib.TOMLDecodeError as error:
        found.append(Problem(FILE, f"is no TOML: {str(error)[0].lower()}{str(error)[1:]}"))
    else:
        places = _with_sheets(raw, folder, texts, found)
        return _validated(raw, places, found), places
    return None


def _with_sheets(
    raw: dict[str, Any], folder: Path, texts: Mapping[str, str], found: list[Problem]
) -> Places:
    """Add the rows of the sheets to the mailboxes."""
    places, boxes = Places(), raw.setdefault("mailboxes", {})
    rows = sheets.read(folder, lambda: _domains(raw), MailboxTable.model_fields, texts, found)
    for row in rows if isinstance(boxes, dict) else ():
        if row.written in boxes:
            hint = f"first in {places.get(row.written, FILE)}"
            found.append(Problem(row.place, "is there twice", row.written, "each name once", hint))
        else:
            boxes[row.written], places[row.written] = row.settings, row.place
    return places


def _domains(raw: dict[str, Any]) -> dict[str, str | None]:
    """Our domains, each with the one that it is an alias of, as far as they are right."""
    found: dict[str, str | None] = {}
    tables = raw.get("domains", {})
    for written, table in tables.items() if isinstance(tables, dict) else ():
        with suppress(Invalid):
            found[address.domain(written)] = (
                table.get("alias_of") if isinstance(table, dict) else None
            )
    return found


def setting(*names: str | int) -> str:
    """The place of a setting: `mail.toml: mailboxes."alice@example.com".quota`."""
    path = _path(names).removeprefix(".")
    return f"{FILE}: {path}" if path else FILE


def _path(names: tuple[str | int, ...]) -> str:
    words = (name for name in names if isinstance(name, str))
    return "".join(f".{name if _BARE.fullmatch(name) else _quoted(name)}" for name in words)


def _quoted(name: str) -> str:
    is_plain = name.isprintable() and '"' not in name and "\\" not in name
    return f'"{name}"' if is_plain else json.dumps(name, ensure_ascii=False)


def _validated(raw: dict[str, Any], places: Places, found: list[Problem]) -> MailTable:
    try:
        return MailTable.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False)
    found += (_problem(detail, places) for detail in details)
    for detail in reversed(details):  # the last item of a list first: indexes stay true
        _take_out(raw, detail["loc"])
    return MailTable.model_validate(raw)


def _take_out(raw: Any, loc: tuple[int | str, ...]) -> None:
    """Remove the setting that is wrong, so that the rest is checked in the same run."""
    for step, below in pairwise(loc):
        if isinstance(below, int) and not isinstance(raw[step], list):
            raw[step] = [raw[step]]  # one value where a list may stand
        raw = raw[step]
    del raw[loc[-1]]


def _problem(detail: ErrorDetails, places: Places) -> Problem:
    loc, kind = detail["loc"], detail["type"]
    if kind == "value_error":
        invalid = detail["ctx"]["error"]
        assert isinstance(invalid, Invalid)
        return invalid.at(places.setting(*loc))
    if kind == "extra_forbidden":
        known = _known(loc)
        hint = nearest(str(loc[-1]), known)
        return Problem(places.setting(*loc[:-1]), "is no setting", loc[-1], listed(known), hint)
    if kind in ("model_type", "dict_type"):  # may hold a password: not shown
        return Problem(places.setting(*loc), "is no table")
    return Problem(places.setting(*loc), "is no text", detail["input"])


def _known(loc: tuple[int | str, ...]) -> list[str]:
    tables: dict[object, type[_Table]] = {
        "acme": AcmeTable,
        "domains": DomainTable,
        "mailboxes": MailboxTable,
    }
    return list((tables[loc[0]] if len(loc) > 1 else MailTable).model_fields)
