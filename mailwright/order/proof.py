"""What an authority wants to see in DNS before it believes that a name is ours."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import dns.name

from mailwright.dns.record import Record
from mailwright.net.authority import Answer, Authority
from mailwright.zones.change import Change, Verdict
from mailwright.zones.present import Zone
from mailwright.zones.primary import Primary, Refused, Unusable

TTL = 1  # second: nobody needs to remember it
_PAUSE = 1.0  # seconds between two looks


class NotShown(Exception):  # noqa: N818
    """Which servers do not show what was published, as one line."""


@dataclass(frozen=True)
class Proofs:
    """Texts at names, published at `primary` for a while; `patience` is in seconds.

    What could not be taken out again is in `left`, a line each: that spoils no certificate.
    """

    primary: Primary
    authority: Authority
    patience: float
    left: list[str] = field(default_factory=list)

    @contextmanager
    def shown(self, texts: Mapping[str, str]) -> Iterator[None]:
        """Within, every authoritative server shows them; afterwards they are gone, or in `left`.

        Raises Refused and Unusable where the primary does not take them, and NotShown.
        """
        records = [
            Record("acme-challenge", f"{name}.", "TXT", (text,), "", ttl=TTL)
            for name, text in texts.items()
        ]
        with ExitStack() as taken_out:
            for record in records:
                zone, change = self._change(record, Verdict.ADD)
                # Before it is sent: an answer that is lost does not say whether it was done.
                taken_out.callback(self._take_out, record)
                self.primary.send(zone, change)
            self._await(records)
            time.sleep(2 * TTL)  # nobody remembers the proof of an order before
            yield

    def _take_out(self, record: Record) -> None:
        try:
            self.primary.send(*self._change(record, Verdict.DELETE))
        except (Refused, Unusable) as error:
            self.left.append(f"{record.name.rstrip('.')}: {error}")

    def _change(self, record: Record, verdict: Verdict) -> tuple[Zone, list[Change]]:
        """The zone, and what is to be done there; what others have at the same name stays."""
        name = dns.name.from_text(record.name)
        zone = self.primary.zone(self.primary.apex(name), [record])
        is_there = set(record.rdatas) <= set(zone.rdatas(name, "TXT"))
        if is_there == (verdict == Verdict.ADD):
            return zone, []
        added = record.rdatas if verdict == Verdict.ADD else ()
        removed = () if added else record.rdatas
        return zone, [Change(record.id, name, "TXT", verdict, record.ttl, added, removed)]

    def _await(self, records: Iterable[Record]) -> None:
        end = time.monotonic() + self.patience
        for record in records:
            while missing := [a for a in self._asked(record) if record.values[0] not in a.values]:
                if time.monotonic() > end:
                    who, what = missing[0].server, missing[0].fault or "does not show it"
                    waited = f"after {self.patience:.0f} s"
                    raise NotShown(f"{record.name.rstrip('.')}: {waited} {who} {what}")
                time.sleep(_PAUSE)

    def _asked(self, record: Record) -> list[Answer]:
        return self.authority.ask(record.name, "TXT")
