"""What commands ask for and tell, and how."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import click
from pydantic import TypeAdapter

from mailwright.inventory import password
from mailwright.inventory.load import Inventory, load
from mailwright.keys import dkim_files
from mailwright.model import address, size
from mailwright.model.mailbox import Mailbox
from mailwright.model.problems import ABSENT, NO_DOMAIN, Invalid, Problem, Problems, nearest

Value = TypeVar("Value")
CONFLICTS = 3  # exit code, where records are somebody else's
INVENTORY = click.argument("folder", metavar="[INVENTORY]", default="inventory", type=Path)

EVERYWHERE = click.option("--everywhere", is_flag=True, help="Out of whatever names it, too.")


@cache
def passphrase() -> str | None:
    """The passphrase of encrypted keys: from the environment or, once, from the terminal."""
    if (found := dkim_files.environment()) or not sys.stdin.isatty():
        return found
    return str(click.prompt("Passphrase of the DKIM keys", hide_input=True, err=True))


def published(folder: Path, domains: Collection[str] = ()) -> Inventory:
    """The inventory for whoever reads its DNS records, or those of some domains: no private keys.

    Certificates are read only where TLSA needs them.

    Raises Problems with everything that is wrong.
    """
    zones = frozenset(map(address.domain, domains)) or None
    inventory = load(folder, require_tls=False, passphrase=passphrase, public=True, zones=zones)
    if any(host.dane and not host.tlsa for host in inventory.hosts):  # say what is wrong with it
        return load(folder, passphrase=passphrase, public=True, zones=zones)
    return inventory


def chosen(inventory: Inventory, domains: tuple[str, ...]) -> list[str]:
    """The domains that were named, in their one form, or all."""
    known = [domain.name for domain in inventory.domains]
    for name in domains:
        if address.domain(name) not in known:
            hint = nearest(name, [*known, *map(address.unicode, known)])
            what = f"{name!r} is no domain of {inventory.folder}"
            raise click.UsageError(f"{what}; {hint}" if hint else what)
    return [address.domain(name) for name in domains] or known


def asked(
    question: str,
    where: str,
    valid: Callable[[str], Value],
    default: str | None = None,
    is_secret: bool = False,
) -> Value:
    """The answer of whoever sits at the terminal, asked for again until it is `valid`.

    `valid` gives what the answer means or raises Invalid; `where` is the option that would be it.
    What is secret is typed twice, and an empty default is not shown.
    """
    while True:
        text = click.prompt(
            question, default=default, show_default=bool(default), hide_input=is_secret,
            confirmation_prompt=is_secret, err=True,
        )  # fmt: skip
        try:
            return valid(str(text))
        except Invalid as error:
            click.echo(f"error: {error.at(where)}", err=True)


def new_password(question: str) -> str:
    """Typed twice on the terminal, never echoed; or one line of standard input."""
    if sys.stdin.isatty():
        return asked(question, "password", password.hashable, is_secret=True)
    return sys.stdin.readline().rstrip("\n")


_ANSWERS = TypeAdapter(dict[str, str])


class Remembered(dict[str, str]):
    """What was answered before about a folder that is not there yet, no secrets; a dialogue that
    did not come to its end offers it the next time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state")
        with suppress(OSError, ValueError, RuntimeError):  # they are a courtesy
            self._path = state.expanduser() / "mailwright" / "answers.json"
            known = _ANSWERS.validate_json(self._path.read_bytes())
            super().__init__(known if known.pop("folder", "") == self._folder else {})

    def keep(self) -> None:
        """For the next time."""
        if not self:
            return
        with suppress(OSError, AttributeError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            text = json.dumps({"folder": self._folder, **self})
            self._path.write_text(text, "utf-8")

    def forget(self) -> None:
        """They have become an inventory."""
        with suppress(OSError, AttributeError):
            self._path.unlink(missing_ok=True)


@contextmanager
def new_hash(name: str, generate: bool) -> Iterator[str]:
    """The hash of a mailbox's new password. One that is made up is shown this once, when it is the
    mailbox's: not when something goes wrong within.
    """
    typed = password.generate() if generate else new_password(f"Password of {name}")
    found = password.hash(typed, generate)
    if words := password.shortness(typed):
        click.echo(f"warning: {words}", err=True)
    yield found
    if generate:
        click.echo(f"Password of {name}, shown this once: {typed}")


@contextmanager
def removing(everywhere: bool) -> Iterator[None]:
    """Whatever still names who is removed is in the way, unless it is changed as well."""
    try:
        yield
    except Problems as error:
        if everywhere:
            raise
        raise type(error)(map(_healed, error.problems)) from None


def _healed(problem: Problem) -> Problem:
    """With what to do, if it is of that kind; of a name that nobody knows nothing is expected."""
    if problem.what not in (*ABSENT, NO_DOMAIN) or not problem.expected:
        return problem
    return replace(problem, hint="--everywhere takes it out of there as well")


def tell_left(left: Iterable[str]) -> None:
    """The settings that no longer name somebody who was removed."""
    for where in sorted({*left}):
        click.echo(f"  nor in {where}")


def described(each: Mailbox) -> str:
    """A mailbox on one line: `devices  1G  imap submission sieve`."""
    kept = "unlimited" if each.quota == size.UNLIMITED else size.format(each.quota)
    words = [each.use, kept if each.stores else "stores nothing"]
    words.append("suspended" if each.suspended else " ".join(each.protocols) or "no login")
    return "  ".join(words)
