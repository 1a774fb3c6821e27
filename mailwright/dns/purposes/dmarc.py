"""DMARC: what receivers do with forgeries of a domain's mail, and whom they tell (RFC 9989)."""

from __future__ import annotations

from urllib.parse import quote

from mailwright.model.address import related
from mailwright.model.policy import Dmarc


def value(tags: Dmarc) -> str:
    """The text of a record: `v` and `p` first, then only what is said (section 4.7)."""
    optional = {name: getattr(tags, name) for name in ("sp", "np", "adkim", "aspf")}
    words = ["v=DMARC1", f"p={tags.p}"]
    words += [f"{name}={tag}" for name, tag in optional.items() if tag]
    words += ["t=y"] * tags.t
    words += [f"{name}={uris(to)}" for name, to in (("rua", tags.rua), ("ruf", tags.ruf)) if to]
    return "; ".join(words)


def is_record(text: str) -> bool:
    """Whether receivers take a TXT record for a policy (section 4.7)."""
    return "".join(text.partition(";")[0].split()) == "v=DMARC1"


def uris(addresses: tuple[str, ...]) -> str:
    """Addresses as a list of URIs; commas and exclamation marks are encoded (section 4.7)."""
    return ",".join(f"mailto:{quote(name, safe='@+=/')}" for name in addresses)


def outside(domain: str, tags: Dmarc) -> list[str]:
    """Other people's domains that reports go to: they must agree to get them (RFC 9990 section 4).

    A name above or below the domain is its own.
    """
    names = {name.rpartition("@")[2] for name in (*tags.rua, *tags.ruf)}
    return sorted(name for name in names if not related(name, domain))
