"""The register of state, for people: `python -m tests.register` writes docs/state.md."""

from collections.abc import Iterable
from pathlib import Path

from mailwright.model.state import INVENTORY, REGISTER, Backup, Entry, Move

PAGE = Path(__file__).parents[1] / "docs" / "state.md"
_HEAD = """\
# State

What a deploy brings can be brought again. This page has the rest, which a host writes by itself:
who writes it, whether a backup takes it, how it comes to another machine, and what its loss costs.
[Restoring](operations.md#restoring) has the commands.

In a path `*` stands for a part of a name and `**` for anything; what lies below it belongs to it,
and what two rows name is the first one's. Whatever else is on a host came with a deploy or with a
package.

`python -m tests.register` writes this page from the register, `mailwright/model/state.py`.
"""
_VARIANTS = {"acme": "with `[acme]`", "maildir": "Maildir", "mdbox": "mdbox", "web": "web sites"}


def page() -> str:
    """The text of docs/state.md."""
    kept = [entry for entry in REGISTER if entry.backup is not Backup.NO]
    left = [entry for entry in REGISTER if entry.backup is Backup.NO]
    parts = (
        ("What a backup of a host takes", kept),
        ("What it leaves out", left),
        ("In the folder of the inventory", INVENTORY),
    )
    return "\n".join([_HEAD, *(_section(title, entries) for title, entries in parts)])


def _section(title: str, entries: Iterable[Entry]) -> str:
    head = "| what | where | written by | in a backup | to another machine | what its loss costs |"
    rows = (f"| {' | '.join(_cells(entry))} |" for entry in entries)
    return "\n".join([f"## {title}", "", head, f"|{'---|' * 6}", *rows, ""])


def _cells(entry: Entry) -> tuple[str, ...]:
    only = f" ({_VARIANTS[entry.variant]})" if entry.variant else ""
    where = ", ".join(f"`{path}`" for path in entry.paths)
    still = f", `{entry.unit}` stopped" if entry.unit else ""
    how = entry.how if entry.move is Move.NEVER else f"{entry.move}{still}: {entry.how}"
    return (f"{entry.what}{only}", where, entry.maker, entry.backup, how, entry.loss)


if __name__ == "__main__":
    PAGE.write_text(page())
