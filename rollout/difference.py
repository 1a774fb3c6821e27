"""What a rollout would change, in words and by `--diff` in lines; never the text of a secret."""

import base64
import shlex
from collections.abc import Sequence

from pyinfra import logger
from pyinfra.api.facts import FactBase
from pyinfra.context import host, state
from pyinfra.operations.util.files import generate_color_diff

from rollout.observed import Observed
from rollout.service import File, Service

_TOLD = "mailwright told as wrong"


def tell(changed: Sequence[File], others: Sequence[str], seen: Observed) -> None:
    """Log the files that differ and the other things that would be done.

    A run that makes the changes says only what `--diff` asks for. What not everybody may read, as
    it will be or as somebody has left it on the host, is not shown.
    """
    if state.is_executing and not state.config.DIFF:
        return
    for words in others:
        logger.info("%s%s", host.print_prefix, words)
    shown = [file for file in changed if not file.secret and not seen.is_secret(file.path)]
    current = _current(shown) if state.config.DIFF else {}
    for file in changed:
        note = "" if file in shown else " (secret)"
        logger.info("%s%s differs%s", host.print_prefix, file.path, note)
        if file.path in current:
            _tell_lines(current[file.path], file.text)


def tell_wrong(wrong: Sequence[str]) -> None:
    """Log what the host does not do as it should, once, also in a run that heals it."""
    told = host.connector_data.setdefault(_TOLD, set())
    for words in wrong:
        if words not in told:
            logger.warning("%s%s", host.print_prefix, words)
        told.add(words)


def _tell_lines(old: str, new: str) -> None:
    for line in generate_color_diff(old.splitlines(), new.splitlines()):
        logger.info("  %s", line)


def warn(service: Service) -> None:
    """Log what the service's rollout found for the operator to know."""
    for text in host.get_fact(Contents, paths=[service.warning]).values():
        for line in text.splitlines():
            logger.warning("%s%s", host.print_prefix, line)


class Contents(FactBase[dict[str, str]]):
    """The text of some files, in one round trip; a file that is not there is empty."""

    def command(self, paths: Sequence[str]) -> str:
        """One line a file: its path and its text in base64."""
        loop = " ".join(shlex.quote(path) for path in paths)
        return f'for f in {loop}; do echo "$f $(base64 -w0 "$f" 2>/dev/null)"; done'

    def process(self, output: list[str]) -> dict[str, str]:
        """Path to text."""
        pairs = (line.partition(" ") for line in output)
        return {path: base64.b64decode(text).decode(errors="replace") for path, _, text in pairs}


def _current(files: Sequence[File]) -> dict[str, str]:
    return host.get_fact(Contents, paths=[file.path for file in files]) if files else {}
