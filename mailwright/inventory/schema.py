"""`mail.toml`: what may stand in it, and what each setting must be (with the sheets beside it)."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from contextlib import suppress
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

from mailwright.inventory import encoding, password, sheets
from mailwright.inventory.places import FILE, Places
from mailwright.model import acme, address, policy, quotas, sharing, size, spf
from mailwright.model.policy import MTA_STS_MODES, OFF, TTL
from mailwright.model.problems import Invalid, Problem, Problems, listed, nearest
from mailwright.model.services import PROTOCOLS
from mailwright.model.size import UNLIMITED
from mailwright.model.tls_profile import PROFILES
from mailwright.model.use import USES

DKIM_DAYS = 30  # the keys before are still published for about 20
SMALLEST_MESSAGE = 64 << 10  # RFC 5321 section 4.5.3.1.7
LONGEST_TTL = 7 * 86400  # resolvers go no further (RFC 8767 section 4)


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


def _issuers(value: object) -> object:
    return [] if value == OFF else _list(value)


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
DmarcPolicy = Annotated[str, _one_of(*policy.DMARC_POLICIES)]
Alignment = Annotated[str, _one_of(*policy.DMARC_ALIGNMENTS)]
MtaSts = Annotated[str, _one_of(OFF, *MTA_STS_MODES)]
Report = Annotated[str, PlainValidator(policy.report_target)]
Reports = Annotated[list[Report], BeforeValidator(_list)]
Logo = Annotated[policy.Bimi, PlainValidator(policy.bimi)]
Profile = Annotated[str, _one_of(*PROFILES)]
Issuer = Annotated[str, PlainValidator(policy.issuer)]
Directory = Annotated[str, PlainValidator(acme.directory)]
Kid = Annotated[str, PlainValidator(acme.eab_kid)]
Issuers = Annotated[list[Issuer], BeforeValidator(_issuers)]
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
    bimi: Logo | None = Field(
        default=None,
        description="The logo that receivers show beside its mail (BIMI), by a URI that ends in"
        " `.svg`; or a table of that, `l`, and the evidence that it is yours, `a`.",
        examples=[
            "https://example.com/logo.svg",
            {"l": "https://example.com/logo.svg", "a": "https://example.com/logo.pem"},
        ],
        json_schema_extra={"default": "none"},
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
    eab_kid: Kid | None = Field(
        default=None,
        description="Who we are to an authority that has accounts of its own (external account"
        " binding); the key that it gave us is in `tls/acme-eab.key`.",
        examples=["kid-1"],
        json_schema_extra={"default": "none: the authority takes everybody"},
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
    caa: Issuers | None = Field(
        default=None,
        description="The authorities that may issue certificates for the hosts (CAA), or `off`.",
        examples=["letsencrypt.org"],
        json_schema_extra={"default": "that of `acme`, for hosts that order from it"},
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


def read(
    folder: Path,
    found: list[Problem],
    texts: Mapping[str, str] | None = None,
    without: Collection[str] = (),
) -> tuple[MailTable, Places] | None:
    """What `mail.toml` and the sheets say, without what is wrong, which goes to `found`.

    A text in `texts` stands for the file of that name; sheets `without` which it shall be are not
    looked at. None when there is nothing to check further: no file, or no TOML.
    """
    texts = texts or {}
    try:
        text = texts.get(FILE)
        if text is None:
            text = encoding.decoded((folder / FILE).read_bytes(), FILE)
        raw = tomllib.loads(text.removeprefix(encoding.MARK))
    except FileNotFoundError:
        found.append(Problem(FILE, "is missing", expected="the domains and mailboxes"))
    except Problems as error:
        found += error.problems
    except OSError as error:
        found.append(Problem(FILE, f"cannot be read: {error.strerror}"))
    except tomllib.TOMLDecodeError as error:
        found.append(Problem(FILE, f"is no TOML: {str(error)[0].lower()}{str(error)[1:]}"))
    else:
        places = _with_sheets(raw, folder, texts, found, without)
        return _validated(raw, places, found), places
    return None


def _with_sheets(
    raw: dict[str, Any],
    folder: Path,
    texts: Mapping[str, str],
    found: list[Problem],
    without: Collection[str],
) -> Places:
    """Add the rows of the sheets to the mailboxes."""
    places, boxes = Places(), raw.setdefault("mailboxes", {})
    columns = MailboxTable.model_fields
    rows = sheets.read(folder, lambda: _domains(raw), columns, texts, found, without)
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
