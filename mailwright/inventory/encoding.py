"""The text of a file that somebody's editor or spreadsheet wrote; other than UTF-8 is named."""

from __future__ import annotations

import codecs

from mailwright.model.problems import Problem, Problems

MARK = "\ufeff"  # what some programs put before a text in UTF-8
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP = b"PK\x03\x04"  # xlsx, ods
_SAVE = "save it as UTF-8"
_EXPORT = f"{_SAVE}, which a spreadsheet calls CSV UTF-8"


def decoded(raw: bytes, place: str) -> str:
    """The text, with its own line ends and its mark. Raises Problems."""
    hint = _EXPORT if place.endswith(".csv") else _SAVE
    if raw.startswith(_ZIP):
        what = "is a spreadsheet's own file"
        raise Problems([Problem(place, what, None, "text in UTF-8", "export it as CSV UTF-8")])
    if raw.startswith(_UTF_16) or 0 in raw[:2]:  # a letter and a zero, or the other way round
        raise Problems([Problem(place, "is in UTF-16", None, "UTF-8", hint)])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Problems([Problem(f"{place}:{line}", "is no text in UTF-8", hint=hint)]) from None
