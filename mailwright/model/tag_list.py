"""Tag-lists (RFC 6376 section 3.2), which DKIM, DMARC, MTA-STS and TLS-RPT records are."""

from __future__ import annotations

import re

from mailwright.model.problems import Invalid

WHITE = " \t\r\n"  # no other space is one, whatever Unicode calls it
_TAG = re.compile(rf"[{WHITE}]*([a-z]\w*)[{WHITE}]*=([!-~{WHITE}]*)", re.I | re.A)


def parse(text: str) -> dict[str, str]:
    """The tags in their order; white space around a value has no meaning, and in it its own.

    Raises Invalid where it is none.
    """
    found = [_TAG.fullmatch(part) for part in text.split(";") if part.strip(WHITE)]
    tags = {tag[1]: tag[2].strip(WHITE) for tag in found if tag}
    if len(tags) < len(found):
        raise Invalid(text, "is no list of tags", "tag=value, each tag once")
    return tags


def tags(text: str) -> dict[str, str]:
    """The tags of published text, and none where it is no list of them."""
    try:
        return parse(text)
    except Invalid:
        return {}


def items(value: str, sign: str) -> list[str]:
    """The parts of a value that is a list, between which there may be white space."""
    return [item.strip(WHITE) for item in value.split(sign)]


def base64(value: str) -> str:
    """A value without the white space that may be anywhere in it (`base64string`)."""
    return value.translate(dict.fromkeys(map(ord, WHITE)))
