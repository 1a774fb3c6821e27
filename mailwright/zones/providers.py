"""Zones at whatever octoDNS has a provider for (octodns.readthedocs.io).

Its own sync deletes what its source does not have. So the source is the zone as the provider shows
it, with our changes in it; and what the provider plans from that must be our changes and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import dns.exception
import dns.name
import dns.rdatatype
import dns.rrset
from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import to_text as type_of
from dns.rrset import RRset

from mailwright.dns.formats.octodns import VALUES
from mailwright.dns.record import Record
from mailwright.net.authority import Authority
from mailwright.zones.change import Change
from mailwright.zones.present import Odd, Zone
from mailwright.zones.primary import Refused, Unusable

_INSTALL = "pip install --editable '.[octodns]' in the clone, and the package of its provider"
_CHANGED = "the zone has changed meanwhile, so nothing was done there; run it again"
_EVERY = "*"  # how its configuration says: every zone that the provider has
_SECRET = 8  # letters of a setting that may be one

# TTL and data of each set that is touched, as it has to be.
Sets = dict[tuple[Name, str], tuple[int, list[Rdata]]]


class OctoDns:
    """The targets of an octoDNS configuration, its sources and processors put aside."""

    side_by_side: ClassVar[int] = 1  # providers have limits of their own

    def __init__(self, config: Path, authority: Authority) -> None:
        self._authority = authority
        self._secrets: list[str] = []
        try:
            from octodns.manager import Manager
        except ModuleNotFoundError:
            raise Unusable(f"octoDNS is not installed: {_INSTALL}") from None
        with self._told(str(config), Unusable):
            self._manager: Any = Manager(str(config))
            zones = self._manager.config["zones"].items()
            self._zones = {_one_form(zone): setting or {} for zone, setting in zones}
            handlers = self._manager.secret_handlers
            self._secrets = list(_secrets(self._manager.config.get("providers", {}), handlers))
        self._read: dict[Name, Any] = {}

    def apex(self, name: Name) -> Name:
        """The nearest zone of the configuration; of all zones, the one that a resolver knows."""
        known = {dns.name.from_text(zone) for zone in self._zones if zone != _EVERY}
        above = [zone for zone in known if name.is_subdomain(zone)]
        if not above and _EVERY in self._zones:
            return dns.name.from_text(self._authority.zone(str(name)))
        if not above:
            raise Refused("octoDNS's configuration has no such zone")
        return max(above, key=lambda zone: len(zone.labels))

    def zone(self, origin: Name, records: Iterable[Record]) -> Zone:
        """The zone as its provider shows it."""
        found = self._populated(origin)
        self._read[origin] = found
        sets = {record: _rrset(record) for record in found.records}
        odd = [_odd(record) for record, rrset in sets.items() if rrset is None]
        return Zone(origin, (rrset for rrset in sets.values() if rrset is not None), odd=odd)

    def send(self, zone: Zone, changes: list[Change]) -> None:
        """Do the changes, as the provider does them: record by record with most."""
        provider, existing = self._provider(zone.origin), self._read.pop(zone.origin)
        wanted = _wanted(zone, changes)
        with self._told(provider.id):
            desired = _desired(existing, wanted)
            plan = provider.plan(desired)
        if plan is None:
            return
        if any(not _is_agreed(change, zone, wanted) for change in plan.changes):
            raise Refused(_CHANGED)
        for record in (change.new for change in plan.changes if change.new):
            if not _is_exact(record, wanted):
                raise Refused(f"octoDNS cannot write {record.fqdn} {record._type} as it is")
        with self._told(provider.id):
            provider.apply(plan)

    def _populated(self, origin: Name) -> Any:
        from octodns.zone import Zone as Records

        provider = self._provider(origin)
        found = Records(str(origin), [])
        with self._told(provider.id):
            if provider.populate(found, target=True, lenient=True) is False:
                raise Refused(f"{provider.id} has no such zone")
        return found

    def _provider(self, origin: Name) -> Any:
        setting = self._zones.get(_one_form(str(origin))) or self._zones.get(_EVERY) or {}
        targets = setting.get("targets") or []
        if len(targets) != 1 or targets[0] not in self._manager.providers:
            raise Refused(
                f"octoDNS's configuration has {len(targets)} targets, where one is pushed to"
            )
        return self._manager.providers[targets[0]]

    @contextmanager
    def _told(self, who: str, as_: Callable[[str], Exception] = Refused) -> Iterator[None]:
        """Whatever a provider raises as one line, without what the configuration has of secrets."""
        try:
            yield
        except (Refused, Unusable):
            raise
        except Exception as error:  # a provider raises what it likes
            said = (str(error).strip() or "nothing more is said").splitlines()[0]
            for word in self._secrets:
                said = said.replace(word, "…")
            raise as_(f"{who}: {type(error).__name__}: {said}") from None


def _one_form(zone: str) -> str:
    return zone if zone == _EVERY else str(dns.name.from_text(zone)).lower()


def _secrets(settings: Any, handlers: dict[str, Any]) -> Iterator[str]:
    """Every value of the providers that is long enough to be one, be it from elsewhere (`env/`)."""
    if isinstance(settings, dict):
        for value in settings.values():
            yield from _secrets(value, handlers)
    elif isinstance(settings, str):
        handler, _, name = settings.partition("/")
        if name and handler in handlers:
            settings = str(handlers[handler].fetch(name, settings))
        if len(settings) >= _SECRET:
            yield settings


def _rrset(record: Any) -> RRset | None:
    """None for what is no DNS record, such as a provider's redirects and ALIAS."""
    try:
        kind = dns.rdatatype.from_text(record._type)
    except dns.exception.DNSException:
        return None
    name = dns.name.from_text(record.fqdn)
    return dns.rrset.from_text(name, record.ttl, "IN", kind, *record.to_rrset().rdatas)


def _odd(record: Any) -> Odd:
    name, kind = dns.name.from_text(record.fqdn), record._type
    return Odd(
        "the provider", name, kind, f"{record.fqdn} {kind}", f"{kind} is not a type of the DNS"
    )


def _wanted(zone: Zone, changes: Iterable[Change]) -> Sets:
    """TTL and data of each set that is touched, as it has to be."""
    found: Sets = {}
    for change in changes:
        for data in (*change.removed, *change.added):
            key = change.name, type_of(data.rdtype)
            ttl = zone.ttl(*key) or change.ttl
            _, some = found.setdefault(key, (ttl, list(zone.rdatas(*key))))
            if data in change.removed and data in some:
                some.remove(data)
            elif data in change.added and data not in some:
                some.append(data)
    return found


def _desired(existing: Any, wanted: Sets) -> Any:
    """The zone of octoDNS with these sets in it; what goes goes first."""
    from octodns.record import Record as OctoRecord

    desired = existing.copy()
    for (name, kind), _ in wanted.items():
        for record in list(desired.records):
            if dns.name.from_text(record.fqdn) == name and record._type == kind:
                desired.remove_record(record)
    for (name, kind), (ttl, some) in wanted.items():
        if some:
            values = [VALUES[kind](data) for data in some]
            data = {"type": kind, "ttl": ttl, "values": values}
            if kind == "CNAME":
                data = {"type": kind, "ttl": ttl, "value": values[0]}
            label = desired.hostname_from_fqdn(str(name))
            desired.add_record(OctoRecord.new(desired, label, data, lenient=True), lenient=True)
    return desired


def _is_agreed(change: Any, zone: Zone, wanted: Sets) -> bool:
    """Whether a change that octoDNS has planned is one of ours, from what we have seen."""
    record = change.new or change.existing
    key = dns.name.from_text(record.fqdn), record._type
    before = _rrset(change.existing) if change.existing else ()
    return key in wanted and before is not None and {*before} == {*zone.rdatas(*key)}


def _is_exact(record: Any, wanted: Sets) -> bool:
    """Whether octoDNS has a set octet for octet, other people's values in it too."""
    _, some = wanted[dns.name.from_text(record.fqdn), record._type]
    return {*(_rrset(record) or ())} == {*some}
