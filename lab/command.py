"""The command `mailwright lab`."""

import json
import os
from pathlib import Path
from typing import Any

import click

from lab.disk import FRESH
from lab.error import LabError
from lab.home import Home
from lab.lab import Lab
from lab.machine import PACKAGES

_NAME = click.option("--name", default="lab", show_default=True, help="Which lab.")
_PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


class _Group(click.Group):
    """A group whose LabErrors end as `error:` and `hint:` lines, and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LabError as error:
            click.echo(f"error: {error.message}", err=True)
            if error.hint:
                click.echo(f"hint: {error.hint}", err=True)
            ctx.exit(1)


@click.group(cls=_Group)
def lab() -> None:
    """Run a small internet on this machine, with hosts to deploy to.

    \b
    mailwright lab up                                   hosts of ./inventory, in seconds
    mailwright lab run -- pyinfra -y inventory deploy.py
    mailwright lab run -- swaks --to alice@example.com --server mail.example.com
    mailwright lab ssh mail.example.com
    mailwright lab reset mail.example.com               as fresh as on the first day
    mailwright lab down
    """


@lab.command()
@_NAME
@click.option(
    "--inventory",
    type=click.Path(path_type=Path, file_okay=False),
    default="inventory",
    show_default=True,
    help="The folder with hosts.py.",
)
@click.option("--no-foreign", is_flag=True, help="Without the foreign mail server.")
def up(name: str, inventory: Path, no_foreign: bool) -> None:
    """Start what is missing of the lab."""
    Lab(name).up(inventory, has_foreign=not no_foreign)


@lab.command()
@_NAME
@click.option("--all", "everything", is_flag=True, help="All labs, images, packages and keys.")
def down(name: str, everything: bool) -> None:
    """Remove the lab; what the next one can use again stays."""
    if not everything:
        Lab(name).down()
        return
    home = Home.here()
    for folder in home.labs.glob("*/"):
        Lab(folder.name).down()
    home.remove()


@lab.command()
@_NAME
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def status(name: str, as_json: bool) -> None:
    """Show the hosts, their addresses and how to reach them."""
    facts = Lab(name).status()
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for host in [*facts["hosts"], *filter(None, [facts["foreign"]])]:
        click.echo(
            f"{host['name']:24} Debian {host['debian']}  {host['state']:8}"
            f" {host['ipv4'] or '-':15} {host['ipv6'] or '-':16} {host['ssh']}"
        )


@lab.command(context_settings=_PASS_ON)
@_NAME
@click.option("--user", default="root", show_default=True, help="root or admin.")
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(name: str, user: str, host: str, command: tuple[str, ...]) -> None:
    """Log in to a host, or run a command there."""
    _become(Lab(name).ssh_command(host, command, user))


@lab.command(context_settings=_PASS_ON)
@_NAME
@click.option("--at", default="operator", help="Run it at a host's addresses.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(name: str, at: str, command: tuple[str, ...]) -> None:
    """Run a program of this machine as a client in the lab's network."""
    _become(Lab(name).command(command, at))


@lab.command()
@_NAME
def publish(name: str) -> None:
    """Serve the inventory's zones as they are now."""
    Lab(name).publish()


@lab.command()
@_NAME
@click.argument("host")
@click.argument("label", default=FRESH)
def snapshot(name: str, host: str, label: str) -> None:
    """Keep a host's disk, to return to."""
    Lab(name).snapshot(host, label)


@lab.command()
@_NAME
@click.argument("host")
@click.argument("label", default=FRESH)
def reset(name: str, host: str, label: str) -> None:
    """Return a host's disk to a snapshot, or to the day it was made."""
    Lab(name).reset(host, label)


@lab.command()
@_NAME
@click.argument("host")
@click.option("--hard", is_flag=True, help="As when the mains fail.")
def stop(name: str, host: str, hard: bool) -> None:
    """Power a host off."""
    Lab(name).stop(host, graceful=not hard)


@lab.command()
@_NAME
@click.argument("host")
def start(name: str, host: str) -> None:
    """Power a host on."""
    Lab(name).start(host)


@lab.command()
def requirements() -> None:
    """List the Debian packages that this machine needs."""
    click.echo("\n".join(PACKAGES))


def _become(argv: list[str]) -> None:
    """Turn this process into another program: its streams, signals and status are the user's."""
    os.execvp(argv[0], argv)
