"""Mail that another mail server still has to deliver when our Postfix takes its place."""

from collections.abc import Iterable, Sequence
from pathlib import Path

SHELL = Path(__file__).with_name("queues.sh").read_text()

# Exim's own words for what `mailq` does elsewhere, and what mailq cannot do.
_ADVICE = {
    "exim4": "`exim4 -bp` lists them, `exim4 -qff` tries each once more, `exim4 -Mrm ID` deletes"
}


def unfinished(lines: Iterable[Sequence[str]]) -> list[str]:
    """What to tell the operator of the queues that `waiting` in queues.sh has found."""
    return [
        f"{'1 message waits' if count == '1' else f'{count} messages wait'} in the queue of "
        f"{server} ({folder}), which nobody would empty any more; do that, then deploy again "
        f"({_ADVICE.get(server, '`mailq` lists them')}), or move the folder away"
        for server, count, folder in lines
    ]
