"""What pyinfra is given: the groups of `hosts.py`, with the mail system added to each mail host.

`config.py` puts SOURCE in the place of an inventory folder, which pyinfra would try to execute.
"""

from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from pyinfra.api.exceptions import InventoryError

from mailwright.inventory.hosts_file import FILE, Data
from mailwright.inventory.load import GROUP, load
from mailwright.model.problems import Problem, Problems
from mailwright.picture.render import picture

Groups = dict[str, tuple[list[tuple[str, Data]], Data]]

SOURCE = """\
from mailwright.commands.provision import groups
globals().update(groups(__file__, {limit!r}))
"""


def folder_of(inventory: str) -> Path | None:
    """The folder that this argument of pyinfra's names; None if it is something of pyinfra's own.

    Raises:
        InventoryError: there is no such folder or file.
    """
    path = Path(inventory).expanduser()
    if path.is_dir():
        return path
    if path.name == FILE and path.with_name("mail.toml").exists():
        return path.parent
    if path.exists() or "@" in inventory or "," in inventory:
        return None
    known = [p.parent.name for p in Path().glob(f"*/{FILE}")]
    hint = f"here are: {', '.join(known)}" if known else "make one with 'mailwright init'"
    raise _error(Problems([Problem("inventory", "is no folder", inventory, hint=hint)]))


def groups(inventory: str, limit: Iterable[str] = ()) -> Groups:
    """The groups, each host of group `mail` with `mail` (MailHost) and `picture` in its data.

    Raises:
        InventoryError: with everything that is wrong with the inventory or with a template, or a
            `--limit` that matches nothing, which pyinfra would take for a job well done.
    """
    try:
        folder = folder_of(inventory)
        assert folder
        loaded = load(folder)
        ours: dict[str, Data] = {
            host.target: {"mail": host, "picture": picture(host)} for host in loaded.hosts
        }
    except Problems as problems:
        raise _error(problems) from None
    _check_limit(loaded.groups, limit)
    return {
        name: (
            [(t, {**data, **ours[t]} if name == GROUP else data) for t, data in hosts],
            group_data,
        )
        for name, (hosts, group_data) in loaded.groups.items()
    }


def _check_limit(groups: Groups, limit: Iterable[str]) -> None:
    """Each pattern is a group or matches a host, as pyinfra would match it."""
    targets = sorted({target for hosts, _ in groups.values() for target, _ in hosts})
    unmatched = [p for p in limit if p not in groups and not any(fnmatch(t, p) for t in targets)]
    if unmatched:
        expected = f"a group or one of {', '.join(targets)}"
        what = "matches no host"
        raise _error(Problems(Problem("--limit", what, p, expected) for p in unmatched))


def _error(problems: Problems) -> InventoryError:
    return InventoryError("\n".join(["the inventory is not usable:", *problems.lines]))
