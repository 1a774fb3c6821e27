"""A DNS record set that the mail system needs, and how its data is written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mailwright.model.policy import TTL

REQUIRED, RECOMMENDED = "required", "recommended"
# The levels, where a whole zone is written, of what is somebody else's, and of what is told only as
# text, since it is no record that can be in a zone.
FOREIGN, ODD = "foreign", "odd"
STRING = 255  # bytes, RFC 1035 section 3.3


@dataclass(frozen=True)
class Record:
    """A record set. `name` ends in a dot; `ttl` in seconds; `why` is one sentence.

    `purpose` is what it is for: `mx`, `spf`, `dkim`, … One name may have several TXT record sets
    here, of different purpose, and in DNS they are one. `values` are in the presentation format of
    RFC 1035, but a TXT value is the whole text, neither quoted nor split. `level` is required (mail
    suffers without) or recommended. `found` is the same data of a zone as it is there, string for
    string and octet for octet.
    """

    purpose: str
    name: str
    type: str
    values: tuple[str, ...]
    why: str
    level: str = REQUIRED
    ttl: int = TTL
    found: tuple[Any, ...] = ()

    @property
    def id(self) -> str:
        """Stable, and the only one: `mx example.com`."""
        return f"{self.purpose} {self.name.rstrip('.')}"

    @property
    def data(self) -> tuple[str, ...]:
        """The values as a master file has them: TXT quoted and split (RFC 1035 section 5.1)."""
        if self.found:
            return tuple(item.to_text() for item in self.found)
        if self.type != "TXT":
            return self.values
        return tuple(" ".join(strings(value)) for value in self.values)

    @cached_property
    def rdatas(self) -> tuple[Any, ...]:
        """The values as dnspython has them, with a field for each part."""
        if self.found:
            return self.found
        import dns.rdata  # takes a while to load, and most formats do without

        return tuple(dns.rdata.from_text("IN", self.type, text) for text in self.data)

    def below(self, origin: str) -> str:
        """The name as it stands in the zone `origin`: without the zone's, and `@` for that."""
        return self.name.removesuffix(f"{origin}.").rstrip(".") or "@"


def strings(text: str) -> list[str]:
    """A TXT value as quoted strings of 255 bytes at most; what is ASCII but special is escaped."""
    pieces = (text[start : start + STRING] for start in range(0, max(len(text), 1), STRING))
    return ['"{}"'.format(piece.replace("\\", r"\\").replace('"', r"\"")) for piece in pieces]
