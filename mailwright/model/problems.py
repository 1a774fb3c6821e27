"""What is wrong with a description of the mail system, one line each, and all of it at once."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

NOBODY, NO_MAILBOX = "is nobody's address", "is no mailbox of ours"
NO_DOMAIN = "is no domain of ours"
ABSENT = (NOBODY, NO_MAILBOX)  # of whoever is named and not there: adding him heals it
ALIKE = 20  # problems of one kind that are shown; of more only the number
_WORDS = 25  # in a phrase


@dataclass(frozen=True)
class Problem:
    """One mistake, as a user reads it: `where: 'value' what; expected (hint)`.

    `value` stays None where it is missing or must not be shown (a password, a key).
    """

    where: str
    what: str
    value: object = None
    expected: str = ""
    hint: str = ""

    @property
    def kind(self) -> str:
        """What many problems have in common: what is wrong, up to a word that it quotes."""
        return self.what.partition("'")[0].strip()

    def __str__(self) -> str:
        line = self.what if self.value is None else f"{shown(self.value)} {self.what}"
        line += f"; expected {self.expected}" if self.expected else ""
        line += f" ({self.hint})" if self.hint else ""
        return f"{self.where}: {line}"


class Problems(Exception):  # noqa: N818
    """Everything that is wrong, in `problems`; its text is `lines`."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.lines))

    @property
    def lines(self) -> list[str]:
        """One for each; where more than ALIKE are of one kind, a last one says how many more."""
        total = Counter(problem.kind for problem in self.problems)
        last = {problem.kind: problem.where for problem in self.problems}
        told: Counter[str] = Counter()
        lines = []
        for problem in self.problems:
            kind = problem.kind
            told[kind] += 1
            if told[kind] <= ALIKE:
                lines.append(str(problem))
            elif told[kind] == ALIKE + 1:
                lines.append(f"{last[kind]}: the last of {total[kind] - ALIKE} more: {kind}")
        return lines


class Failed(Problems):
    """What is in the way of a command though the description is right: each with a hint."""


@contextmanager
def gathered(found: list[Problem]) -> Iterator[None]:
    """Problems that are raised within join those in `found`, for whoever tells them all at once."""
    try:
        yield
    except Problems as error:
        found += error.problems


class Invalid(ValueError):  # noqa: N818
    """A value that is not what it should be; `at` makes it a Problem once its place is known."""

    def __init__(self, value: object, what: str, expected: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.value, self.what, self.expected, self.hint = value, what, expected, hint

    def at(self, where: str) -> Problem:
        """The Problem at `where` (a file and the path of the setting in it)."""
        return Problem(where, self.what, self.value, self.expected, self.hint)


def shown(value: object) -> str:
    """A value as it is quoted in a problem: on one line and of bearable length."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:96]}...{text[-1]}"


def nearest(word: str, known: Iterable[str]) -> str:
    """The hint `did you mean 'x'?`, or nothing when no known word is near."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.75)
    return f"did you mean {found[0]!r}?" if found else ""


def listed(words: Iterable[str], last: str = "or") -> str:
    """The words as a phrase: `a`, `a or b`, `a, b or c`; of very many the first, and a number."""
    *first, end = words
    if len(first) >= _WORDS:
        first, end = first[:_WORDS], f"{len(first) - _WORDS + 1} more"
    return f"{', '.join(first)} {last} {end}" if first else end
