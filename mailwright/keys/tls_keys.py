"""The keys that certificates ordered by ACME are for.

They are made here, not on the host, so that their TLSA records are known before the first order:
`tls/<host>.key` is the one that serves, `tls/<host>.next.key` the one after it, whose record is
published as long as it waits. A renewal keeps the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from mailwright.keys import pem, secret
from mailwright.model.problems import Invalid, Problem, Problems


@dataclass(frozen=True)
class KeyFiles:
    """Where the keys of one host lie in an inventory folder."""

    folder: Path
    host: str

    @property
    def current(self) -> Path:
        """The key that the host serves with."""
        return self._path("key")

    @property
    def next(self) -> Path:
        """The key that comes after it."""
        return self._path("next.key")

    @property
    def previous(self) -> Path:
        """The key before, as long as the host may still serve with it."""
        return self._path("previous.key")

    def _path(self, suffix: str) -> Path:
        return self.folder / "tls" / f"{self.host}.{suffix}"

    def read(self, found: list[Problem]) -> tuple[str, ...]:
        """The keys as PEM: the current one, the next and, if there is one, the previous.

        What is missing or wrong goes to `found`.
        """
        paths = [self.current, self.next]
        paths += [self.previous] if self.previous.exists() else []
        return tuple(self._read(path, found) for path in paths)

    def _read(self, path: Path, found: list[Problem]) -> str:
        where = path.relative_to(self.folder).as_posix()
        if not path.exists():
            hint = f"make it with 'mailwright keys {self.folder}'"
            found.append(Problem(where, "is missing", hint=hint))
            return ""
        try:
            return pem.read_key(path)
        except Invalid as error:
            found.append(error.at(where))
            return ""

    @property
    def missing(self) -> list[Path]:
        """Those that `make` would make."""
        return [path for path in (self.current, self.next) if not path.exists()]

    def make(self) -> Iterator[Path]:
        """Make those that are missing, and yield each once it is there."""
        self.current.parent.mkdir(mode=0o700, exist_ok=True)
        for path in self.missing:
            secret.create(path, new_key())
            yield path

    def roll(self) -> None:
        """Make the next key the current one. Whenever it dies, a second call finishes it.

        Raises Problems when a key is missing, or the one before is still published.
        """
        found: list[Problem] = []
        before = self.read(found)
        if self.previous.exists() and before[2:] != before[:1]:
            where = self.previous.relative_to(self.folder).as_posix()
            hint = "delete it when the host serves with the key after it, which its tests tell"
            found.append(Problem(where, "is of the roll before", hint=hint))
        if found:
            raise Problems(found)
        if not self.previous.exists():
            secret.create(self.previous, before[0])
        self.next.replace(self.current)
        secret.create(self.next, new_key())


def new_key() -> str:
    """ECDSA P-256: small, fast, and verified by everybody (Mozilla Server Side TLS 6.0)."""
    return pem.key_pem(ec.generate_private_key(ec.SECP256R1()))
