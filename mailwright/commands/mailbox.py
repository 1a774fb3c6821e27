"""`mailwright mailbox`: the mailboxes, edited from the command line."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from mailwright.advice import usage
from mailwright.advice.fit import advice, span_words
from mailwright.commands.terminal import (
    EVERYWHERE,
    INVENTORY,
    described,
    new_hash,
    removing,
    tell_left,
)
from mailwright.inventory.edit import Editor, edited
from mailwright.inventory.load import check, load
from mailwright.model.problems import Problem, Problems, listed
from mailwright.model.services import PROTOCOLS
from mailwright.model.sharing import RIGHTS
from mailwright.model.use import USES
from mailwright.net import remote

_ADDRESS = click.argument("address")
_GENERATE = click.option("--generate", is_flag=True, help="Make a password up and show it once.")
_DEFAULT, _NO_MEMBER = "default", "none"


@click.group()
def mailbox() -> None:
    """Edit the mailboxes in mail.toml, or in mailboxes/DOMAIN.csv; comments and order stay.

    \b
      mailwright mailbox add carol@example.com our-mail --use both
      mailwright mailbox set carol@example.com our-mail --quota 5G
      mailwright mailbox list our-mail

    A change that would break the description is not written. It reaches the hosts with the next
    deploy.
    """


def _settings(function: Any) -> Any:
    """The options that are settings of a mailbox in mail.toml."""
    for option in reversed(
        [
            click.option("--use", help=f"What it is used for: {', '.join(USES)}."),
            click.option("--quota", help="Such as 500M, 2G or unlimited."),
            click.option("--quota-message-count", help="Such as 50000 or unlimited."),
            click.option("--protocols", help=f"Some of {','.join(PROTOCOLS)}, with commas."),
            click.option("--owner", help="Who gets the mail of a mailbox that only sends."),
            click.option(
                "--member",
                "members",
                multiple=True,
                metavar="ADDRESS=RIGHT",
                help=f"Who shares it: {', '.join(RIGHTS)}; or {_NO_MEMBER}. May be repeated.",
            ),
            click.option("--send-as", help="Members and programs that send as it, with commas."),
            click.option(
                "--private-seen/--no-private-seen",
                default=None,
                help="What one member has read is new to the others.",
            ),
        ]
    ):
        function = option(function)
    return function


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given; `default` becomes None, which takes a setting out."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    for name in ("protocols", "send_as"):
        if given.get(name, _DEFAULT) != _DEFAULT:
            given[name] = [word for word in given[name].split(",") if word]
    if "members" in given:
        given["members"] = dict(map(_member, given["members"]))
    if given.get("private_seen") is False:
        given["private_seen"] = None
    return {name: None if value == _DEFAULT else value for name, value in given.items()}


def _member(text: str) -> tuple[str, str | None]:
    """An address and its right; None is for who is a member no more."""
    name, equals, right = text.rpartition("=")
    if not equals or right not in (*RIGHTS, _NO_MEMBER):
        expected = f"such as alice@example.com=write; {listed([*RIGHTS, _NO_MEMBER])}"
        raise Problems([Problem("--member", "is no member", text, expected)])
    return name, None if right == _NO_MEMBER else right


def _wants_password(use: str) -> bool:
    return use not in USES or "password" not in USES[use].without


@mailbox.command()
@_ADDRESS
@INVENTORY
@_settings
@click.option("--keep-mail", is_flag=True, help="It has the mail of whoever had it before.")
@_GENERATE
def add(address: str, folder: Path, generate: bool, keep_mail: bool, **options: Any) -> None:
    """Add a mailbox; asks for its password.

    Where mail of somebody who had the address before is still on the host, the new owner would
    read it: that is refused, here or by the deploy, unless you say --keep-mail.

    \b
      mailwright mailbox add carol@example.com our-mail
      mailwright mailbox add scanner@example.com our-mail --use send-only --generate
      mailwright mailbox add team@example.com our-mail --use shared --member bob@example.com=read
    """
    settings = {name: value for name, value in _given(options).items() if value is not None}
    with ExitStack() as stack:
        if _wants_password(settings.get("use", "devices")):
            Editor(folder).vacant(address)
            settings["password"] = stack.enter_context(new_hash(address, generate))
        editor = stack.enter_context(edited(folder))
        editor.add(address, settings, keep_mail, datetime.now(UTC).date())
        file = editor.file(address)
    click.echo(f"{address} is in {file}")


@mailbox.command("set")
@_ADDRESS
@INVENTORY
@_settings
@click.option("--suspended/--active", default=None, help="Nobody logs in; mail still arrives.")
@_GENERATE
def set_command(
    address: str, folder: Path, generate: bool, suspended: bool | None, **options: Any
) -> None:
    """Change settings of a mailbox; `default` takes one out.

    \b
      mailwright mailbox set carol@example.com our-mail --use archive --quota default
      mailwright mailbox set carol@example.com our-mail --suspended
      mailwright mailbox set team@example.com our-mail --member alice@example.com=write \\
          --member bob@example.com=none --send-as alice@example.com
    """
    settings = _given(options)
    if suspended is not None:
        settings["suspended"] = True if suspended else None
    if not settings:
        raise click.UsageError("nothing to set")
    there = Editor(folder).settings(address)
    use = settings.get("use", there.get("use")) or "devices"
    if "use" in settings and use in USES:
        settings = {**dict.fromkeys(USES[use].without), **settings}
    with ExitStack() as stack:
        if _wants_password(use) and "password" not in there:
            settings["password"] = stack.enter_context(new_hash(address, generate))
        editor = stack.enter_context(edited(folder))
        editor.set(address, settings)
        file = editor.file(address)
    click.echo(f"{address} is changed in {file}")


@mailbox.command("password")
@_ADDRESS
@INVENTORY
@_GENERATE
def password_command(address: str, folder: Path, generate: bool) -> None:
    """Give a mailbox a new password; asks for it.

    \b
      mailwright mailbox password carol@example.com our-mail
      mailwright mailbox password carol@example.com our-mail --generate
    """
    Editor(folder).settings(address)
    with new_hash(address, generate) as hashed, edited(folder) as editor:
        editor.set(address, {"password": hashed})
        file = editor.file(address)
    click.echo(f"{address} has a new password in {file}")


@mailbox.command()
@_ADDRESS
@INVENTORY
@EVERYWHERE
def remove(address: str, folder: Path, everywhere: bool) -> None:
    """Take a mailbox out of mail.toml. Its mail stays on the host, in /var/vmail.

    Whatever still names it, an alias for example, is in the way; with --everywhere it is taken out
    of that as well. The postmaster stays.

    \b
      mailwright mailbox remove carol@example.com our-mail
      mailwright mailbox remove carol@example.com our-mail --everywhere
    """
    left: list[str] = []
    with removing(everywhere), edited(folder) as editor:
        file = editor.file(address)
        store = editor.remove(address, left if everywhere else None)
    click.echo(f"{address} is no longer in {file}; its mail stays on the host, as {store}")
    tell_left(left)


@mailbox.command()
@click.argument("old")
@click.argument("new")
@INVENTORY
@click.option("--alias/--no-alias", default=True, help="OLD becomes an alias of NEW: the default.")
def rename(old: str, new: str, folder: Path, alias: bool) -> None:
    """Give a mailbox another address, wherever mail.toml names it.

    Its mail stays where it is, and with it every UID of IMAP and UIDL of POP3. Who logs in uses
    NEW from the next deploy on.

    \b
      mailwright mailbox rename carol@example.com caroline@example.com our-mail
      mailwright mailbox rename carol@example.com caroline@example.org our-mail --no-alias
    """
    with edited(folder) as editor:
        editor.rename(old, new, alias)
        file = editor.file(new)
    end = f"; {old} is an alias of it" if alias else ""
    click.echo(f"{old} is now {new} in {file}{end}")


@mailbox.command()
@_ADDRESS
@INVENTORY
@click.option("--on", "day", metavar="DATE", help="The first day without it, such as 2026-12-31.")
@click.option("--cancel", is_flag=True, help="Keep the mail after all.")
def purge(address: str, folder: Path, day: str | None, cancel: bool) -> None:
    """Have the mail of a mailbox that is removed deleted from a day on.

    The host does it by itself, once a deploy has told it; until then --cancel takes it back.

    \b
      mailwright mailbox purge carol@example.com our-mail --on 2026-12-31
      mailwright mailbox purge carol@example.com our-mail --cancel
    """
    if bool(day) == cancel:
        raise click.UsageError("either --on or --cancel")
    with edited(folder) as editor:
        editor.purge(address, _date(day) if day else None)
        store, known = editor.store(address), editor.has_removed(address)
    end = "stays on the host" if cancel else f"is deleted on {day}, once the hosts are deployed"
    lies = "" if store == address.lower() else f", which lies there as {store},"
    click.echo(f"the mail of {address}{lies} {end}")
    if not known and not cancel:
        why = f"no mailbox {address} was removed with 'mailwright mailbox remove'"
        click.echo(f"{why}; the deploy says if its host has nothing of it", err=True)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        problem = Problem("--on", "is no date", text, "one such as 2026-12-31")
        raise Problems([problem]) from None


@mailbox.command()
@INVENTORY
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650))
def advise(folder: Path, days: int) -> None:
    """Ask the hosts how each mailbox is used, and say what would fit better.

    Prints a line for each mailbox that its use or its quota does not fit, and nothing when all do.
    Reads each host's journal, which may be shorter than --days, and changes nothing.

    \b
      mailwright mailbox advise our-mail
      mailwright mailbox advise our-mail --days 7
    """
    inventory = load(folder, require_keys=False, require_tls=False)
    now = datetime.now(UTC)
    for host, lines in sorted(remote.ask(inventory, usage.script(days)).items()):
        report = usage.read(lines, days, now)
        span = now - report.since
        if span < timedelta(days=days):
            click.echo(f"warning: {host}: its journal has {span_words(span)} only", err=True)
        (found,) = (each for each in inventory.hosts if each.name == host)
        for box in found.mailboxes:
            if line := advice(box, report.usages, span):
                click.echo(line)


@mailbox.command("list")
@INVENTORY
def list_command(folder: Path) -> None:
    """List the mailboxes: address, use, quota, protocols; and mail that will be deleted.

    \b
      mailwright mailbox list our-mail
    """
    found = check(folder)
    for name, each in sorted(found.mailboxes.items()):
        click.echo(f"{name}  {described(each)}")
    days = {purged.address: purged.day for purged in found.purges}
    gone = dict(found.removed) | {store: store for store in days.keys() - found.removed.values()}
    for name, store in sorted(gone.items()):
        lies = "" if store == name else f", as {store},"
        end = f"is deleted on {days[store]}" if store in days else "stays on the host"
        click.echo(f"{name}  removed; its mail{lies} {end}")
