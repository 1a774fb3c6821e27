"""Zones in master files, as people and programs write them (RFC 1035 section 5, RFC 2308).

dnspython reads the entries, one by one: what it cannot read is odd, by file and line, and the rest
is read all the same.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.ttl
import dns.zonefile
from dns.name import Name
from dns.rdata import Rdata
from dns.rrset import RRset
from dns.tokenizer import Tokenizer

from mailwright.model.policy import TTL
from mailwright.model.problems import Problem, Problems, shown
from mailwright.zones.present import SIGNATURES, Odd, Zone, is_type

_DIRECTIVES = ("$TTL", "$ORIGIN", "$GENERATE")  # and $INCLUDE, which is followed here
_MOST = 65536  # records of one $GENERATE
_DEEPEST = 10  # files that include each other
_ALONE = frozenset({"CNAME", "DNAME", "SOA"})  # types of which a name has one (RFC 1034, RFC 6672)
_SEVERAL = "a name has one alias, and here are several (RFC 1034 section 3.6.2)"
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


def read(path: Path, origin: str) -> Zone:
    """The zone in a file, with what is odd in it.

    Raises Problems for a file that cannot be read, and for one that has no record of the zone.
    """
    reading = _Reading(dns.name.from_text(origin), path.parent)
    reading.file(path)
    if reading.odd and not reading.found:
        lines = (Problem(odd.where, f"is no zone file of {origin}: {odd.why}")
                 for odd in reading.odd)  # fmt: skip
        raise Problems(lines)
    return reading.zone()


class _Taken(dns.zonefile.RRsetsReaderTransaction):
    """Records as they come, whatever is beside them."""

    def __init__(self, manager: dns.zonefile.RRSetsReaderManager) -> None:
        super().__init__(manager, True, False)  # type: ignore[no-untyped-call]  # dnspython's
        self.records: list[tuple[Name, int, Rdata]] = []

    def add(self, *record: Any) -> None:
        if len(self.records) == _MOST:
            raise ValueError(f"it makes more than {_MOST} records")
        self.records.append(record)


@dataclass(frozen=True)
class _Entry:
    """What may be several lines, if there are parentheses; `fault` says why it is none."""

    file: Path
    line: int
    text: str
    fault: str = ""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def has_owner(self) -> bool:
        return bool(self.text) and self.text[0] not in " \t\n;($"

    def words(self) -> list[str]:
        """Its words as far as they can be told; quoted ones have their quotes."""
        tokens, found = Tokenizer(self.text, ""), []
        with suppress(dns.exception.SyntaxError):
            while not (token := tokens.get()).is_eol_or_eof():
                found.append(f'"{token.value}"' if token.is_quoted_string() else token.value)
        return found

    def odd(self, name: Name | None, why: str) -> Odd:
        """This entry, which is kept only as a comment."""
        whole = self.words()
        words = whole[1:] if self.has_owner else whole
        kinds = [word for word in words if _ttl(word) is None and word.upper() != "IN"]
        ttl = next((found for word in words if (found := _ttl(word)) is not None), TTL)
        is_record = name is not None and not self.text.startswith("$")
        kind = kinds[0].upper() if kinds and is_record else ""
        text = " ".join([str(name), *words] if is_record else whole)
        if kind and not is_type(kind):
            why = f"{kind} is not a type of the DNS"
        elif kind:
            why = f"it cannot be read as {kind}: {why}"
        return Odd(self.where, name if is_record else None, kind, text, why, ttl)


@dataclass(frozen=True)
class _Record:
    entry: _Entry
    name: Name
    ttl: int
    data: Rdata

    def odd(self, kind: str, why: str) -> Odd:
        """The same, where it cannot be beside the rest."""
        text = f"{self.name} {self.ttl} IN {kind} {self.data}"
        return Odd(self.entry.where, self.name, kind, text, why, self.ttl, why == _SEVERAL)


@dataclass
class _Reading:
    """One zone. `folder` is where its file is, and what that includes has to be."""

    origin: Name
    folder: Path
    found: list[_Record] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._taken = _Taken(dns.zonefile.RRSetsReaderManager(self.origin))
        self._reader = dns.zonefile.Reader(
            Tokenizer(""), dns.rdataclass.IN, self._taken, allow_directives=_DIRECTIVES
        )

    def file(self, path: Path, depth: int = 0) -> None:
        """Read all that a file has, and what it includes. Raises Problems."""
        for entry in _entries(path, _text(path)):
            if entry.text[:8].upper() == "$INCLUDE":
                self._include(entry, depth)
            else:
                self._read(entry)

    def zone(self) -> Zone:
        """What was read, without what is odd."""
        return Zone(self.origin, [*self._rrsets()], odd=self.odd)

    # -- one entry --------------------------------------------------------------------------------

    def _read(self, entry: _Entry) -> None:
        if entry.has_owner:
            self._reader.last_name = None  # one that cannot be read is not the next line's either
        fault = self._fault(entry) or entry.fault
        records = self._taken.records
        if fault:
            self.odd.append(entry.odd(self._reader.last_name, fault))
        elif not records and not entry.text.startswith("$") and entry.words():
            why = f"{self._reader.last_name} is not in the zone {self.origin}"
            self.odd.append(entry.odd(None, why))
        for name, ttl, data in records if not fault else ():
            if data.rdtype == dns.rdatatype.SOA and name == _twice(self.origin):
                name = self.origin  # as Cloudflare writes it, without the final dot
            self.found.append(_Record(entry, name, ttl, data))

    def _fault(self, entry: _Entry) -> str:
        """Why it cannot be read; empty where it can. Without any TTL it has that of ours."""
        fault, reader = self._attempt(entry), self._reader
        if fault and not (reader.default_ttl_known or reader.last_ttl_known):
            reader.default_ttl, reader.default_ttl_known = TTL, True
            reader.default_ttl_from_soa = True  # which gives way to one that is said
            if fault := self._attempt(entry):
                reader.default_ttl_known = reader.default_ttl_from_soa = False
        return fault

    def _attempt(self, entry: _Entry) -> str:
        self._taken.records.clear()
        self._reader.tok = Tokenizer(entry.text, "")
        try:
            self._reader.read()
        except (dns.exception.DNSException, ValueError) as error:
            return re.sub(r"^:\d+: ", "", str(error)) or "it cannot be read"
        return ""

    def _include(self, entry: _Entry, depth: int) -> None:
        """What the file says of origin and owner does not hold after it (section 5.1)."""
        _, name, *origin = [*entry.words(), ""]
        path = self.folder / name.strip('"')
        if self.folder.resolve() not in path.resolve().parents or not path.is_file():
            what = f"includes {shown(name)}, which is not in the folder of the zone file"
            hint = f"copy it to {self.folder}, and say its name there"
            raise Problems([Problem(entry.where, what, hint=hint)])
        if depth == _DEEPEST:
            raise Problems([Problem(entry.where, f"includes {shown(name)} for ever")])
        reader = self._reader
        before = reader.current_origin, reader.last_name
        if origin[0]:
            reader.current_origin = dns.name.from_text(origin[0], reader.current_origin)
        self.file(path, depth + 1)
        reader.current_origin, reader.last_name = before

    # -- what is beside what ----------------------------------------------------------------------

    def _rrsets(self) -> Iterable[RRset]:
        """The sets; of what cannot be beside the rest of its name, the entries are odd."""
        nodes: dict[Name, dict[str, list[_Record]]] = {}
        for record in self.found:
            kind = dns.rdatatype.to_text(record.data.rdtype)
            nodes.setdefault(record.name, {}).setdefault(kind, []).append(record)
        for name, node in nodes.items():
            for kind, records in node.items():
                fits, why = self._fitting(name, kind, node)
                self.odd += (record.odd(kind, why) for record in records[len(fits) :])
                if fits:
                    yield _rrset(fits)

    def _fitting(
        self, name: Name, kind: str, node: Mapping[str, list[_Record]]
    ) -> tuple[Sequence[_Record], str]:
        """Those of a kind that may be there, the first ones, and why the others may not."""
        records = node[kind]
        if kind == "SOA" and name != self.origin:
            return (), f"a zone has its SOA at its own name, {self.origin}"
        if kind == "CNAME" and node.keys() - {"CNAME"} - SIGNATURES:
            return (), "an alias has nothing beside it (RFC 1034 section 3.6.2)"
        if kind not in _ALONE or len({record.data for record in records}) == 1:
            return records, ""
        if kind == "CNAME":
            return (), _SEVERAL
        return records[:1], f"there are several {kind} records, and a name has one"


def _rrset(records: Sequence[_Record]) -> RRset:
    first = records[0]
    rrset = RRset(first.name, dns.rdataclass.IN, first.data.rdtype)
    for record in records:
        rrset.add(record.data, record.ttl)
    return rrset


def _text(path: Path) -> str:
    """What is in a file, in any encoding: octets that are not UTF-8 as the escapes of a TXT.

    Raises Problems where it cannot be read.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Problems([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # PowerShell's
    text = raw.decode(*(("utf-16", "replace") if is_utf16 else ("utf-8-sig", "surrogateescape")))
    text = _NOT_UTF8.sub(lambda octet: f"\\{ord(octet[0]) - 0xDC00:03}", text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _entries(file: Path, text: str) -> Iterator[_Entry]:
    """All entries, blank ones too. Raises Problems where one has no end."""
    source = StringIO(text)
    tokens, start, line = Tokenizer(source, str(file)), 0, 1
    while start < len(text):
        fault = ""
        try:
            while not tokens.get().is_eol_or_eof():
                pass
        except dns.exception.SyntaxError as error:
            if tokens.eof:
                what = "a parenthesis or a quote is not closed"
                raise Problems([Problem(f"{file}:{line}", what)]) from None
            fault = str(error) or "a parenthesis is closed that was not opened"
            if text[source.tell() - 1] != "\n":
                source.readline()
                tokens.line_number += 1
            tokens, at = Tokenizer(source, str(file)), tokens.line_number
            tokens.line_number = at
        yield _Entry(file, line, text[start : source.tell()], fault)
        start, line = source.tell(), tokens.line_number


def _twice(origin: Name) -> Name:
    """The name of a zone that is taken for one within it."""
    return dns.name.Name((*origin.labels[:-1], *origin.labels))


def _ttl(word: str) -> int | None:
    """None where it is none."""
    try:
        return dns.ttl.from_text(word)
    except dns.ttl.BadTTL:
        return None
