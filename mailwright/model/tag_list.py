"""Tag-lists (RFC 6376 section 3.2), which DKIM, DMARC, MTA-STS and TLS-RPT records are."""

from __future__ import annotations

from mailwright.model.problems import Invalid


def parse(text: str) -> dict[str, str]:
    """The tags in their order; white space has no meaning here. Raises Invalid where it is none."""
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    names = [name.strip() for name, _, _ in pairs]
    if len(names) != len(set(names)) or not all(sign for _, sign, _ in pairs):
        raise Invalid(text, "is no list of tags", "tag=value, each tag once")
    return {name.strip(): "".join(value.split()) for name, _, value in pairs}


def tags(text: str) -> dict[str, str]:
    """The tags of published text, and none where it is no list of them."""
    try:
        return parse(text)
    except Invalid:
        return {}
