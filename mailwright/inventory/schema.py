"""`mail.toml`: what may stand in it, and what each setting must be (with the sheets beside it)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
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

from mailwright.inventory import password, sheets
from mailwright.inventory.places import FILE, Places
from mailwright.model import acme, address, policy, quotas, sharing, size, spf
from mailwright.model.policy import MTA_STS_MODES, OFF, TTL
from mailwright.model.problems import Invalid, Problem, listed, nearest
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
Profile = Annotated[str, _one_of(*PROFILES)]
Issuer = Annotated[str, PlainValidator(policy.issuer)]
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

    host: str | None = None
    alias_of: DomainName | None = None
    dkim: Algorithms = Field(default_factory=lambda: ["rsa"])
    dkim_delegated: DomainName | None = None
    spf: SpfAll = spf.ALL[0]
    spf_mechanisms: Mechanisms = Field(default_factory=list)
    dmarc: DmarcPolicy = "quarantine"
    dmarc_sp: DmarcPolicy | None = None
    dmarc_np: DmarcPolicy | None = None
    dmarc_adkim: Alignment | None = None
    dmarc_aspf: Alignment | None = None
    dmarc_t: Truth = False
    dmarc_rua: Targets | None = None
    dmarc_ruf: Targets = Field(default_factory=list)
    mta_sts: MtaSts = OFF
    tls_rpt: Reports | None = None
    no_mail: Names = Field(default_factory=list)
    parked: Truth = False
    quota: Quota | None = None
    quota_message_count: MessageCount | None = None


class MailboxTable(_Table):
    """`[mailboxes."alice@example.com"]`."""

    use: UseName = "devices"
    password: Hash | None = None
    quota: Quota | None = None
    quota_message_count: MessageCount | None = None
    protocols: Protocols | None = None
    suspended: Truth | None = None
    owner: Address | None = None
    members: dict[str, Right] | None = None
    send_as: Targets | None = None
    private_seen: Truth | None = None
    stored_as: OwnAddress | None = None


class AcmeTable(_Table):
    """`[acme]`."""

    directory: Directory = acme.LETS_ENCRYPT
    contact: Address | None = None


class MailTable(_Table):
    """The whole file. What is required is None or empty here where it is missing."""

    message_size_limit: Size = 50 << 20
    quota: Quota = 1 << 30
    quota_message_count: MessageCount = UNLIMITED
    quota_trash: Trash = quotas.TRASH
    quota_warnings: Levels = list(quotas.WARNINGS)
    postmaster: Address | None = None
    caa: Issuers = []
    ttl: Ttl = TTL
    smtpd_tls_profile: Profile = "intermediate"
    acme: AcmeTable | None = None
    dkim_days: Days | None = None
    domains: dict[str, DomainTable] = {}
    mailboxes: dict[str, MailboxTable] = {}
    aliases: dict[str, Targets] = {}
    purge: dict[str, Day] = {}
    removed: dict[str, OwnAddress] = {}


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
