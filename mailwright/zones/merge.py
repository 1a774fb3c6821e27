"""What has to change in a zone so that it has our records, and what of others is in the way.

Ours is what we published before, and what means the same as what we want. The rest stays; where
ours cannot be beside it, that is a conflict, which whoever runs this decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

import dns.exception
import dns.name
import dns.rdata
from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import to_text as type_of

from mailwright.dns import meaning
from mailwright.dns.record import Record, strings
from mailwright.model import spf
from mailwright.model.problems import Invalid, listed, shown
from mailwright.net.data import parts, text
from mailwright.zones import senders
from mailwright.zones.change import Change, Verdict
from mailwright.zones.memory import Value
from mailwright.zones.present import Zone

_ALL = "all"  # what --replace may say instead of each id
_NEVER_REPLACED = frozenset({"SOA", "NS", "DS"})

# The data at a name outside the zone. Raises DNSException where nobody tells.
LookUp = Callable[[str, str], Sequence[Rdata]]


@dataclass
class Merging:
    """One zone. `replace` are the ids of records that may take the place of other people's."""

    zone: Zone
    records: Sequence[Record]
    remembered: Collection[Value]
    look_up: LookUp
    replace: Collection[str] = ()
    _sets: dict[tuple[Name, str], list[Record]] = field(init=False, default_factory=dict)
    _mine: dict[Name, list[Rdata]] = field(init=False, default_factory=dict)
    _known: dict[str, Change] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for record in self.records:
            key = dns.name.from_text(record.name), record.type
            self._sets.setdefault(key, []).append(record)
        for name, data in self.remembered:
            self._mine.setdefault(name, []).append(data)

    def changes(self) -> list[Change]:
        """One for each record, in their order, and one for each that is no longer wanted."""
        found = [self._decided(each) for each in self.records]
        open_ = {change.subject for change in found if change.verdict == Verdict.CONFLICT}
        found = [self._settled(self._waiting(each, open_)) for each in found]
        return [*found, *self._gone(found)]

    def _decided(self, record: Record) -> Change:
        """Worked out once; whatever asks for it meanwhile finds what is there."""
        if record.id not in self._known:
            name = dns.name.from_text(record.name)
            self._known[record.id] = Change(record.id, name, record.type, Verdict.RIGHT)
            self._known[record.id] = self._settled(self._unveiled(self._judged(record)))
        return self._known[record.id]

    def _judged(self, record: Record) -> Change:
        name = dns.name.from_text(record.name)
        kinds = self.zone.kinds(name)
        base = Change(record.id, name, record.type, Verdict.CONFLICT, record.ttl)
        if not self.zone.holds(name):
            cut = self.zone.cut(name)
            why = (
                f"{cut} is a zone of its own, so it has to be published there"
                if cut
                else f"not in the zone {self.zone.origin}"
            )
            return replace(base, added=record.rdatas, because=why, can_replace=False)
        if odd := self.zone.bar(name, record.type):
            why = f"{odd.where} has {odd.kind}, which it would contradict: {odd.why}"
            return replace(base, added=record.rdatas, because=why, can_replace=False)
        if redirection := self.zone.redirection(name):
            return self._redirected(record, base, *redirection)
        if "CNAME" in kinds and record.type != "CNAME":
            return self._aliased(record, base)
        if record.type == "CNAME" and kinds - {"CNAME"}:
            return self._crowded(record, base, kinds)
        if record.purpose == "spf":
            return self._spf(record, base)
        return self._set(record, base)

    # -- one kind of data at the name -------------------------------------------------------------

    def _set(self, record: Record, base: Change) -> Change:
        rule = meaning.rule(record)
        there = self.zone.rdatas(base.name, record.type)
        peers = [data for data in there if rule.covers(data)]
        owned = [data for data in peers if _is_ours(record, data)]
        if record.type == "TXT":  # of those for one purpose one counts, or none
            owned = owned[:1]
        extra = [data for data in peers if data not in owned]
        mine = [data for data in extra if data in self._mine.get(base.name, ())]
        foreign = [data for data in extra if data not in mine]
        missing = () if len(owned) >= len(record.values) else _missing(record, owned)
        if foreign and not rule.beside(record, foreign, bool(missing)):
            why = "somebody else's data is there"
            return self._change(base, record, missing, extra, owned, why)
        return self._change(base, record, missing, mine, owned)

    def _change(
        self,
        base: Change,
        record: Record,
        added: Iterable[Rdata],
        removed: Iterable[Rdata],
        owned: Iterable[Rdata] = (),
        conflict: str = "",
    ) -> Change:
        added, removed = tuple(added), tuple(removed)
        kinds = {type_of(data.rdtype) for data in removed} | {record.type}
        there = [data for kind in kinds for data in self.zone.rdatas(base.name, kind)]
        kept = [data for data in there if data not in removed and data not in owned]
        verdict = Verdict.CHANGE if removed else Verdict.ADD if added else Verdict.RIGHT
        ttl = self.zone.ttl(base.name, record.type) if kept or owned else None
        return replace(
            base,
            verdict=Verdict.CONFLICT if conflict else verdict,
            ttl=record.ttl if ttl is None else ttl,
            added=added,
            removed=removed,
            kept=tuple(kept),
            owned=(*owned, *added),
            because=conflict,
        )

    # -- SPF --------------------------------------------------------------------------------------

    def _spf(self, record: Record, base: Change) -> Change:
        there = [d for d in self.zone.rdatas(base.name, "TXT") if spf.is_spf(text(d))]
        (ours,) = record.values
        if not there and (meant := self._meant(base.name)):
            return self._unread(record, base, meant)
        theirs = [text(data) for data in there]
        try:
            others = senders.others(record.name, ours, theirs, self._before(base.name))
            whole = senders.merged(record.name, ours, theirs, self._before(base.name))
        except Invalid as error:
            why = f"{error.value!r} {error.what}, so receivers take none of it"
            return self._spf_change(base, record, there, ours, why)
        if others and not _has_senders(ours):
            why = "the name sends no mail, but there are senders in it"
            return self._spf_change(base, record, there, ours, why)
        if why := self._too_much(record, whole):
            hint = "take senders out, or write some of them as ip4: and ip6:"
            return self._spf_change(base, record, there, ours, f"{whole}: {why} ({hint})")
        why = f"there are {len(there)} SPF records, and receivers take none of them"
        return self._spf_change(base, record, there, whole, why if len(there) > 1 else "")

    def _meant(self, name: Name) -> list[Rdata]:
        """What is no SPF record, and was meant as one."""
        return [data for data in self.zone.rdatas(name, "TXT") if spf.is_meant(text(data))]

    def _unread(self, record: Record, base: Change, meant: Sequence[Rdata]) -> Change:
        """Ours beside it would shut out whom its owner believes to have let in."""
        ours = whole = record.values[0]
        said = listed((shown(text(data)) for data in meant), "and")
        why = f"{said} is meant as SPF, and none: receivers do not take it for any"
        if _has_senders(ours):
            with suppress(Invalid):
                theirs = [spf.mended(parts(data)) for data in meant]
                whole = senders.merged(record.name, ours, theirs)
        return self._spf_change(base, record, meant, whole, why)

    def _spf_change(
        self, base: Change, record: Record, there: Sequence[Rdata], whole: str, why: str
    ) -> Change:
        """`owned` is what we contribute, without the others' terms."""
        if [text(data) for data in there] == [whole]:
            found = self._change(base, record, (), (), there, why)
        else:
            found = self._change(base, record, [_txt(whole)], there, (), why)
        return replace(found, owned=record.rdatas)

    def _before(self, name: Name) -> list[str]:
        """The SPF record that we contributed the last time, and may be one more."""
        some = [text(d) for d in self._mine.get(name, ()) if type_of(d.rdtype) == "TXT"]
        return [value for value in some if spf.is_spf(value)]

    def _too_much(self, record: Record, whole: str) -> str:
        try:
            count = spf.Count(self._texts).follow(record.name, spf.parse(whole))
        except dns.exception.DNSException as error:
            return f"its look-ups cannot be counted: {error}"
        return "; ".join(count.over())

    def _texts(self, name: str, kind: str) -> list[str]:
        return [text(data) for data in self._after(dns.name.from_text(name), kind)]

    def _after(self, name: Name, kind: str, depth: int = 8) -> list[Rdata]:
        """The data at a name once ours is there, in the zone or elsewhere."""
        if not self.zone.holds(name):
            return list(self.look_up(str(name), kind))
        found = dict.fromkeys(self.zone.look_up(name, kind))
        for change in map(self._decided, self._sets.get((name, kind), ())):
            if change.verdict.is_done:
                found = dict.fromkeys(d for d in (*found, *change.added) if d not in change.removed)
        if not found and depth:
            if redirection := self.zone.redirection(name):
                return self._after(redirection[1], kind, depth - 1)
            for alias in self.zone.look_up(name, "CNAME"):
                return self._after(alias.target, kind, depth - 1)  # type: ignore[attr-defined]
        return list(found)

    # -- aliases ----------------------------------------------------------------------------------

    def _aliased(self, record: Record, base: Change) -> Change:
        """Where there is an alias, it is as good as ours if it leads to what we want."""
        (alias,) = self.zone.rdatas(base.name, "CNAME")
        if alias in self._mine.get(base.name, ()):
            return self._change(base, record, record.rdatas, [alias])
        target: Name = alias.target  # type: ignore[attr-defined]
        if record.purpose not in ("a", "aaaa") and self._is_right_at(target, record):
            because = f"by the alias {alias}"
            return replace(base, verdict=Verdict.RIGHT, kept=(alias,), because=because)
        why = "there is an alias, and nothing can be beside it (RFC 1034 section 3.6.2)"
        return self._change(base, record, record.rdatas, [alias], (), why)

    def _redirected(self, record: Record, base: Change, above: Name, target: Name) -> Change:
        """Below a DNAME there is nothing else, so where it leads is right, or in the way."""
        if self._is_right_at(target, record):
            return replace(base, verdict=Verdict.RIGHT, because=f"by the DNAME at {above}")
        why = f"the DNAME at {above} answers for it, with {target} (RFC 6672)"
        return replace(base, added=record.rdatas, because=why, can_replace=False)

    def _is_right_at(self, name: Name, record: Record) -> bool:
        """Whether what is at another name means what the record does."""
        try:
            return self._means(record, self._after(name, record.type))
        except dns.exception.DNSException:
            return False

    def _means(self, record: Record, found: Sequence[Rdata]) -> bool:
        if record.purpose != "spf":
            return not meaning.faults(record, found)
        if not _has_senders(record.values[0]):  # it would be for everybody that the other name lets
            return [text(d) for d in found if spf.is_spf(text(d))] == [*record.values]
        texts = [text(data) for data in found if spf.is_spf(text(data))]
        try:
            return [senders.merged(record.name, record.values[0], texts)] == texts
        except Invalid:
            return False

    def _crowded(self, record: Record, base: Change, kinds: Iterable[str]) -> Change:
        """Data where our alias should be: it goes if it is ours, or if somebody says so."""
        there = [data for kind in kinds for data in self.zone.rdatas(base.name, kind)]
        if all(data in self._mine.get(base.name, ()) for data in there):
            return self._change(base, record, record.rdatas, there)
        if {*kinds} <= {"A", "AAAA"} and self._leads_there(record, base.name):
            because = f"its addresses are those of {record.values[0]}"
            return replace(base, verdict=Verdict.RIGHT, kept=tuple(there), because=because)
        why = "an alias has nothing beside it (RFC 1034 section 3.6.2)"
        found = self._change(base, record, record.rdatas, there, (), why)
        return replace(found, can_replace=not _NEVER_REPLACED & {*kinds})

    def _leads_there(self, record: Record, name: Name) -> bool:
        target = dns.name.from_text(record.values[0])
        try:
            there = {kind: {*self._after(target, kind)} for kind in ("A", "AAAA")}
        except dns.exception.DNSException:
            return False
        return all({*self.zone.rdatas(name, kind)} <= there[kind] for kind in there)

    # -- what follows for others ------------------------------------------------------------------

    def _unveiled(self, change: Change) -> Change:
        """A name that is new ends what a wildcard has said of it (RFC 4592 section 2.2.1)."""
        if change.verdict != Verdict.ADD:
            return change
        name = change.name
        while not self.zone.has(name):
            star = self.zone.wildcard(name)
            is_service = any(label.startswith(b"_") for label in name.labels)
            kinds = self.zone.kinds(star) if star and not is_service else frozenset()
            if lost := sorted(kinds - self._published.get(name, set())):
                why = f"{star} {', '.join(lost)} answers for it, and would no longer"
                decision = f"name {str(name).rstrip('.')}"
                verdict = Verdict.CONFLICT
                return replace(change, verdict=verdict, because=why, decision=decision)
            name = name.parent()
        return change

    @cached_property
    def _published(self) -> dict[Name, set[str]]:
        """The types that we publish at a name."""
        found: dict[Name, set[str]] = {}
        for name, kind in self._sets:
            found.setdefault(name, set()).add(kind)
        return found

    def _settled(self, change: Change) -> Change:
        """A conflict that whoever runs this has decided."""
        is_allowed = bool({change.subject, change.decided_by, _ALL} & {*self.replace})
        if change.verdict != Verdict.CONFLICT or not change.can_replace or not is_allowed:
            return change
        verdict = Verdict.CHANGE if change.removed else Verdict.ADD
        return replace(change, verdict=verdict, because="")

    def _waiting(self, change: Change, conflicts: Collection[str]) -> Change:
        """No policy for forgeries while it is open which servers send."""
        purpose, _, name = change.subject.partition(" ")
        if purpose != "dmarc" or not change.verdict.is_done:
            return change
        sending = f"spf {name.removeprefix('_dmarc.')}"
        if sending not in conflicts:
            return change
        why = f"it waits for {sending}"
        return replace(change, verdict=Verdict.CONFLICT, because=why)

    def _gone(self, found: Sequence[Change]) -> Iterator[Change]:
        """What we published, is still there, and is wanted no longer."""
        ours = {
            (change.name, data) for change in found for data in (*change.owned, *change.removed)
        }
        stays = {change.name for change in found if change.subject.startswith("spf ")}
        for name, data in sorted(self.remembered, key=str):
            kind = type_of(data.rdtype)
            is_there = data in self.zone.rdatas(name, kind)
            is_merged = name in stays and kind == "TXT" and spf.is_spf(text(data))
            if is_there and (name, data) not in ours and not is_merged:
                subject = f"{kind} {str(name).rstrip('.')}"
                yield Change(subject, name, kind, Verdict.DELETE, removed=(data,))


def _txt(value: str) -> Rdata:
    return dns.rdata.from_text("IN", "TXT", " ".join(strings(value)))


def _is_ours(record: Record, data: Rdata) -> bool:
    """Whether it means what one of the record's values does."""
    if data in record.rdatas:
        return True
    return len(record.values) == 1 and not meaning.faults(record, [data])


def _missing(record: Record, owned: Sequence[Rdata]) -> tuple[Rdata, ...]:
    return tuple(data for data in record.rdatas if data not in owned)


def _has_senders(ours: str) -> bool:
    """Whether a record names anybody who sends."""
    return any(term.name != "all" for term in spf.parse(ours))
