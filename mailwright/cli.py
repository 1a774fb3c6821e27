"""The command line. What a user does wrong is an `error:` line, never a traceback."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import click

from mailwright.commands.terminal import INVENTORY, described, new_password, passphrase
from mailwright.inventory import password, verification
from mailwright.inventory.load import Inventory, load
from mailwright.model import address
from mailwright.model.problems import Failed, Invalid, Problems

INPUT, USAGE = 1, 2  # exit codes


# Commands that are loaded when they are asked for, so that each starts with what it needs itself;
# `lab` is a package of its own, which may be missing.
_LATER = {
    "alias": "mailwright.commands.alias",
    "check": "mailwright.commands.check",
    "dns": "mailwright.commands.dns",
    "domain": "mailwright.commands.domain",
    "init": "mailwright.commands.init",
    "keys": "mailwright.commands.keys",
    "lab": "lab.command",
    "mailbox": "mailwright.commands.mailbox",
    "order": "mailwright.commands.order",
    "push": "mailwright.commands.push",
    "rotate": "mailwright.commands.rotate",
}


class _Group(click.Group):
    """The commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _LATER:
            return super().get_command(ctx, cmd_name)
        try:
            command = getattr(import_module(_LATER[cmd_name]), cmd_name)
        except ModuleNotFoundError as error:
            if error.name not in ("lab", "lab.command"):
                raise
            return None
        assert isinstance(command, click.Command)
        return command


def main(args: list[str] | None = None) -> None:
    """Run a command and exit.

    With 0: done. 1: something is wrong with the input, or in the way. 2: wrong usage. 128 and the
    number of a signal: that ended it, as a shell says it.
    """
    try:
        with _stopped_by(signal.SIGHUP, signal.SIGTERM):
            sys.exit(cli.main(args, prog_name="mailwright", standalone_mode=False))
    except Failed as error:
        for hint, some in groupby(error.problems, attrgetter("hint")):
            _tell([str(replace(problem, hint="")) for problem in some], hint)
        sys.exit(INPUT)
    except Problems as error:
        _fail(INPUT, *error.lines)
    except Invalid as error:
        _fail(INPUT, str(error.at("input")))
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "mailwright"
        _fail(USAGE, f"{error.format_message()} (see '{path} --help')")
    except click.ClickException as error:
        _fail(error.exit_code, error.format_message())
    except (click.Abort, KeyboardInterrupt) as error:
        _tell([""])  # the cursor stands behind a question
        what, hint = error.args if len(error.args) == 2 else ("interrupted", _AGAIN)
        _fail(128 + _signal(error), what, hint=hint)
    except OSError as error:
        place = error.filename or "network"
        if error.filename is None and error.errno in _FULL:
            place = "standard output"
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what it has left
        hint = _HINTS.get(error.errno or 0, "run it again when that is mended")
        _fail(INPUT, f"{place}: {error.strerror or error}", hint=hint)


_AGAIN = "run it again: it goes on where it was"
_ROOM = "make room there, and run it again"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_RIGHTS = "'ls -ld' says who may do that there; run it as its owner"
_HINTS = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EROFS: "that file system is mounted read-only",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.ENOTDIR: "a folder is wanted there; say which it is",
    errno.EEXIST: "something else is there; move it away",
    errno.ENOENT: "say where it is",
    errno.EISDIR: "a file is wanted there, not a folder",
}


@contextmanager
def _stopped_by(*numbers: signal.Signals) -> Iterator[None]:
    """Signals that would kill at once end it like Ctrl-C, so that nothing half-written is left."""

    def stop(number: int, _: object) -> None:
        raise KeyboardInterrupt(signal.Signals(number))

    before = {number: signal.getsignal(number) for number in numbers}
    caught = [number for number in numbers if before[number] == signal.SIG_DFL]  # else: nohup(1)
    for number in caught:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def _signal(error: BaseException | None) -> int:
    """The signal that was at the beginning of an exception."""
    while error:
        if error.args and isinstance(error.args[0], signal.Signals):
            return error.args[0]
        error = error.__context__
    return signal.SIGINT


def _tell(lines: Iterable[str], hint: str = "") -> None:
    """On standard error, if there is anybody who reads it."""
    with suppress(OSError):
        for line in lines:
            click.echo(f"error: {line}" if line else "", err=True)
        if hint:
            click.echo(f"hint: {hint}", err=True)


def _fail(code: int, *lines: str, hint: str = "") -> None:
    _tell(lines, hint)
    sys.exit(code)


@click.group(
    cls=_Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Turns a fresh Debian server into a mail server that other servers trust.

    \b
      mailwright init inventory       describe your host, domain and first mailbox
      mailwright mailbox --help       add mailboxes, change them, suspend them
      mailwright alias --help         addresses whose mail goes to others
      mailwright domain --help        another domain: its keys, and what to publish
      mailwright show inventory       check the description, see what follows from it
      mailwright dns inventory        the DNS records to publish
      mailwright push --help          publish them, where your name server takes updates
      mailwright rotate --help        replace DKIM keys, without a gap
      mailwright check inventory      whether the world sees them
      pyinfra inventory deploy.py     set the host up, or bring it up to date

    INVENTORY is a folder with hosts.py, mail.toml, keys/ and tls/, maybe sieve/ and mailboxes/.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@cli.command()
@INVENTORY
def show(folder: Path) -> None:
    """Check everything and print what follows from it.

    \b
      mailwright show inventory
    """
    inventory = load(folder, passphrase=passphrase)
    click.echo("\n".join(_shown(inventory)))
    boxes = {each.address: each for each in inventory.mailboxes}
    unusable = verification.problems(verification.read(folder), boxes)
    for warning in (*inventory.warnings, *unusable):
        click.echo(f"warning: {warning}", err=True)


def _shown(inventory: Inventory) -> list[str]:
    lines = ["hosts"]
    for host in inventory.hosts:
        source = "acme" if host.tls_keys else host.tls_chain_file
        addresses = " ".join(host.addresses)
        lines.append(f"  {host.name}  Debian {host.debian}  {addresses}  tls {source}")
    lines.append("domains")
    for domain in inventory.domains:
        keys = " ".join(key.selector for key in domain.signing)
        name = address.both(domain.name)
        others = [f"sent from {name} too" for name in domain.other_senders]
        hosts = ", ".join([domain.host, *others])
        here = f"on {hosts}  dkim {keys}  dmarc {domain.policy.dmarc.p}"
        lines.append(f"  {name}  {'parked' if domain.parked else here}")
    lines.append("mailboxes")
    for each in inventory.mailboxes:
        lines.append(f"  {each.address}  {described(each)}")
    lines.append("aliases")
    for alias in inventory.aliases:
        lines.append(f"  {alias.address} -> {' '.join(sorted(inventory.ends[alias.address]))}")
    return lines


@cli.command("password")
@click.option("--generate", is_flag=True, help="Make one up and show it on standard error.")
def password_command(generate: bool) -> None:
    """Ask for a password and print its hash, for mail.toml.

    \b
      mailwright password
      mailwright password --generate
    """
    if generate:
        typed = password.generate()
        click.echo(typed, err=True)
    else:
        typed = new_password("Password")
    click.echo(password.hash(typed, generate))
    if words := password.shortness(typed):
        click.echo(f"warning: {words}", err=True)
