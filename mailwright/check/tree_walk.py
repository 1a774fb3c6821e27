"""The DNS tree walk of DMARC (RFC 9989 section 4.10): whose policy a name's mail is judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mailwright.dns.purposes import dmarc
from mailwright.model import tag_list

TextLookUp = Callable[[str], Sequence[str]]
_LABELS = 7  # a longer name is cut to so many after its own record


@dataclass(frozen=True)
class Step:
    """A DMARC record on the way up: the name that it is of, its text and its tag `psd`."""

    name: str
    text: str
    psd: str


def walk(domain: str, texts: TextLookUp) -> Iterator[Step]:
    """The records from the domain upwards. `texts` gives the TXT data at a name.

    Where a name has several, none counts; one that says where the organization ends ends the walk.
    """
    for name in _names(domain):
        found = [text for text in texts(f"_dmarc.{name}.") if dmarc.is_record(text)]
        if len(found) == 1:
            psd = tag_list.tags(found[0]).get("psd", "u").lower()
            yield Step(name, found[0], psd)
            if psd in ("n", "y"):
                return


def _names(domain: str) -> Iterator[str]:
    labels = domain.rstrip(".").split(".")
    yield ".".join(labels)
    for start in range(max(1, len(labels) - _LABELS), len(labels)):
        yield ".".join(labels[start:])


def organizational(domain: str, steps: Sequence[Step]) -> str:
    """The organizational domain, below which names are aligned with each other (4.10.2)."""
    for step in steps:
        if step.psd == "n":
            return step.name
        if step.psd == "y" and step.name != domain:
            above = step.name.count(".") + 1
            return ".".join(domain.split(".")[-above - 1 :])
    return min((step.name for step in steps), key=lambda name: name.count("."), default=domain)


def deciding(domain: str, steps: Sequence[Step]) -> Step | None:
    """Whose policy holds for the domain: its own, its organization's, its public suffix's."""
    by_name = {step.name: step for step in steps}
    above = next((step for step in steps if step.psd == "y"), None)
    return by_name.get(domain) or by_name.get(organizational(domain, steps)) or above
