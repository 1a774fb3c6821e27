"""What becomes of one record set of ours in a zone, and how that is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import to_text as type_of

from mailwright.model.problems import shown


class Verdict(StrEnum):
    """`conflict`: somebody else's data is in the way, so nothing is done."""

    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"
    RIGHT = "right"
    CONFLICT = "conflict"

    @property
    def is_done(self) -> bool:
        """Whether a push does it."""
        return self in (Verdict.ADD, Verdict.CHANGE, Verdict.DELETE)


@dataclass(frozen=True)
class Change:
    """`subject` is the id of the record. `removed` may be of other types, such as an alias.

    `kept` is somebody else's at the same place and stays; `owned` is ours from then on. A conflict
    has what would be done if it were allowed, and `because` says why it is not; where others have
    the same `decision`, it is told once.
    """

    subject: str
    name: Name
    type: str
    verdict: Verdict
    ttl: int = 0  # seconds
    added: tuple[Rdata, ...] = ()
    removed: tuple[Rdata, ...] = ()
    kept: tuple[Rdata, ...] = ()
    owned: tuple[Rdata, ...] = ()
    because: str = ""
    can_replace: bool = True
    decision: str = ""

    @property
    def decided_by(self) -> str:
        """What settles a conflict: its record's id, or what several have in common."""
        return self.decision or self.subject

    def lines(self) -> Iterator[str]:
        """For people: what is done, old and new, and what is left alone."""
        if self.verdict == Verdict.CONFLICT:
            yield from self._conflict()
            return
        yield f"{self.verdict:8} {self._values()}"
        if self.because:
            yield f"{'':8} {self.because}"
        if self.kept:
            yield f"foreign  {self.name} {self.type} {_shown(self.kept)}: left alone"

    def _values(self) -> str:
        where = f"{self.name} {self.type}"
        if not self.removed:
            return f"{where} {_shown(self.added or self.owned)}"
        old = _shown(self.removed, self.type)
        return f"{where} {old} → {_shown(self.added)}" if self.added else f"{where} {old}"

    def _conflict(self) -> Iterator[str]:
        yield f"conflict {self.decided_by}: {self.because}"
        if self.removed:
            yield f"{'':8} there  {_shown(self.removed, self.type)}"
        yield f"{'':8} ours   {_shown(self.added or self.owned)}"
        if self.can_replace:
            yield f"{'':8} --replace '{self.decided_by}' publishes ours instead"


def _shown(rdatas: Sequence[Rdata], kind: str = "") -> str:
    """Values on one line; of another type than `kind` with that type."""
    words = []
    for data in rdatas:
        own = type_of(data.rdtype)
        words.append(f"{own} {_text(data)}" if kind and own != kind else _text(data))
    return ", ".join(words) or "nothing"


def _text(data: Rdata) -> str:
    strings: Sequence[bytes] | None = getattr(data, "strings", None)
    if strings is None:
        return str(data)
    return shown(b"".join(strings).decode("utf-8", "replace"))
