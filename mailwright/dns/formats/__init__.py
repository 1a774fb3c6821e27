"""What records are written as, for whoever publishes them: one module for each format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailwright.dns.formats import bind, dnscontrol, json, nsupdate, octodns, terraform, values
from mailwright.dns.record import Record


@dataclass(frozen=True)
class Format:
    """How zones are written: one by `text`, several as one stream with the other three.

    A format that is not `everywhere` has no place for records outside the zones of our domains. One
    that is a `whole` zone has everybody's records, where they are known; others are put into one.
    """

    text: Callable[[str, Sequence[Record]], str]
    suffix: str
    between: str = "\n"
    head: str = ""
    foot: str = ""
    everywhere: bool = False
    whole: bool = False
    lacking: Callable[[str, Sequence[Record]], Iterable[tuple[str, str]]] = lambda *_: ()

    def stream(self, zones: Iterable[tuple[str, Sequence[Record]]]) -> Iterator[str]:
        """All zones, piece by piece; one that has no record is left out."""
        start = self.head
        for origin, some in zones:
            if some and (origin or self.everywhere):
                yield start + self.text(origin, some)
                start = self.between
        yield self.foot if start != self.head else self.head + self.foot


FORMATS = {
    "bind": Format(bind.text, ".zone", everywhere=True, whole=True),
    "values": Format(values.text, ".txt", everywhere=True),
    "json": Format(json.text, ".json", ",\n", "[\n", "]\n", everywhere=True, whole=True),
    "octodns": Format(octodns.text, ".yaml", "---\n", whole=True, lacking=octodns.lacking),
    "dnscontrol": Format(dnscontrol.text, ".js"),
    "terraform": Format(terraform.text, ".tf.json", ",\n", "[\n", "]\n"),
    "nsupdate": Format(nsupdate.text, ".nsupdate"),
}
