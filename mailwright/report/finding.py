"""What a check found: what is wrong, why that matters, and what to publish."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """`error`: something required is wrong. `unasked`: nobody could tell."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    UNASKED = "unasked"


@dataclass(frozen=True)
class Finding:
    """About a `subject`: the id of a record, or a zone. `publish` are lines of a master file.

    `kind` is one word or two that stay the same: `missing`, `changed`, `duplicate`, …
    """

    subject: str
    kind: str
    severity: Severity
    what: str
    why: str = ""
    publish: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Stable, for programs: `mx example.com: missing`."""
        return f"{self.subject}: {self.kind}"

    def lines(self) -> list[str]:
        """For people."""
        lines = [f"{self.severity}: {self.subject}: {self.what}"]
        lines += [f"    why: {self.why}"] if self.why else []
        return lines + [f"    publish: {line}" for line in self.publish]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id,
            "subject": self.subject,
            "kind": self.kind,
            "severity": str(self.severity),
            "what": self.what,
            "why": self.why,
            "publish": list(self.publish),
        }
