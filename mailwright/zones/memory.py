"""What is ours in a zone: the values that pushes of this inventory have published.

`published/<zone>.zone` has them as lines of a master file. It proves that a record may be changed
or taken out without asking; what stands in DNS and not in it is somebody else's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import dns.exception
import dns.name
import dns.rdatatype
import dns.zonefile
from dns.name import Name
from dns.rdata import Rdata

from mailwright.inventory.lock import locked
from mailwright.keys.secret import naming
from mailwright.model.problems import Problem, Problems

FOLDER = "published"
_HEAD = "; What mailwright has published here; see docs/dns.md. Keep it with the inventory.\n"

Value = tuple[Name, Rdata]


class Memory:
    """The folder of an inventory that remembers."""

    def __init__(self, inventory: Path) -> None:
        self._inventory = inventory
        self._folder = inventory / FOLDER

    def read(self, origin: Name) -> frozenset[Value]:
        """What was published in a zone. Raises Problems where the file cannot be understood."""
        path = self._path(origin)
        try:
            rrsets = dns.zonefile.read_rrsets(path.read_text("utf-8"), rdclass=None)
        except FileNotFoundError:
            return frozenset()
        except (dns.exception.DNSException, ValueError) as error:
            hint = "restore it; without it nothing that is published counts as ours"
            raise Problems([Problem(str(path), f"is damaged: {error}", hint=hint)]) from None
        return frozenset((rrset.name, rdata) for rrset in rrsets for rdata in rrset)

    def change(
        self, origin: Name, forgotten: Collection[Value], remembered: Collection[Value]
    ) -> None:
        """Of what is there now, forget some and remember others; the file is the old or the new.

        Raises what `locked` does.
        """
        with locked(self._inventory):
            before = self.read(origin)
            values = (before - {*forgotten}) | {*remembered}
            if values != before:
                self._write(self._path(origin), values)

    def _write(self, path: Path, values: Iterable[Value]) -> None:
        lines = sorted(
            f"{name} 0 IN {dns.rdatatype.to_text(data.rdtype)} {data}" for name, data in values
        )
        self._folder.mkdir(exist_ok=True)
        staged = path.with_name(f".{path.name}")
        with naming(path):
            staged.write_text(_HEAD + "".join(f"{line}\n" for line in lines), "utf-8")
            staged.replace(path)

    def _path(self, origin: Name) -> Path:
        """The name of a reverse zone may have a slash in it (RFC 2317)."""
        name = str(origin).rstrip(".").replace("/", "%2f")
        return self._folder / f"{name}.zone"
