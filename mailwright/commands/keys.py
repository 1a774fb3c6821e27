"""The command `mailwright keys`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import click

from mailwright.commands.terminal import INVENTORY, chosen, passphrase
from mailwright.inventory.load import Inventory, load
from mailwright.inventory.lock import locked
from mailwright.keys import dkim_files
from mailwright.keys.tls_keys import KeyFiles
from mailwright.model.dkim import DkimKey
from mailwright.model.host import MailHost
from mailwright.model.problems import Problem, Problems, listed, nearest
from mailwright.rotation import birth

_MANY = 50  # keys that are told one by one


@click.command()
@INVENTORY
@click.option("--domain", help="Only the DKIM keys of this domain.")
@click.option("--encrypt", is_flag=True, help="Ask for a passphrase for the new DKIM keys.")
@click.option("--roll", metavar="HOST", help="Make a host's next TLS key the current one.")
def keys(folder: Path, domain: str | None, encrypt: bool, roll: str | None) -> None:
    """Make the keys that are missing, for DKIM and for ACME; list those that are there.

    Many keys show how long they take, and a run that is interrupted has lost none: the next makes
    the rest. A key that is there stays as it is. What is added to a domain that has signed before
    does not sign at once: 'mailwright rotate' says when it may. MAILWRIGHT_PASSPHRASE, where it is
    set, encrypts new DKIM keys and opens encrypted ones.

    \b
      mailwright keys inventory
      mailwright keys inventory --domain example.com --encrypt
      mailwright keys inventory --roll mail.example.com
    """
    if roll is not None and domain is not None:
        raise click.UsageError("--roll is about a host's TLS key, --domain about DKIM keys")
    inventory = load(folder, require_keys=False, require_tls=False, passphrase=passphrase)
    if roll is not None:
        _roll(inventory, roll)
        return
    for host in inventory.hosts if domain is None else ():
        _tls_keys(folder, host)
    wanted = chosen(inventory, (domain,) if domain else ())
    missing = []
    for each in inventory.domains:
        if each.name in wanted:
            for key in each.keys:
                if not key.life.has_ended:
                    _publish(folder, key)
                    click.echo(f"{each.name}: {key.stem} ({key.algorithm}), {key.state}")
            missing += [(each, name) for name in birth.lacking(each)]
    phrase = dkim_files.environment() or (_new_passphrase() if encrypt else None)
    made = birth.make(folder, missing, birth.lacking, datetime.now(UTC), phrase)
    if len(missing) > _MANY:
        with click.progressbar(
            made, len(missing), "DKIM keys", show_eta=True, show_pos=True, file=sys.stderr
        ) as progress:
            click.echo(f"{sum(1 for _ in progress)} new keys: publish them in DNS")
        return
    for key in made:
        click.echo(f"{key.domain}: {key.stem} ({key.algorithm}), new: publish it in DNS")


def _tls_keys(folder: Path, host: MailHost) -> None:
    """Those of a host that gets its certificates by ACME."""
    if host.tls_keys:
        files = KeyFiles(folder, host.name)
        with locked(folder) if files.missing else nullcontext():
            made = list(files.make())
        for path in made:
            click.echo(f"{host.name}: {path.relative_to(folder)}, new: publish its TLSA record")


def _publish(folder: Path, key: DkimKey) -> None:
    """The public value beside the private key, which a run has left alone that died."""
    if not dkim_files.path_of(folder, key, ".txt").exists():
        with locked(folder):
            if dkim_files.path_of(folder, key).exists():  # still: a rotation may have ended it
                dkim_files.publish(folder, key)


def _roll(inventory: Inventory, name: str) -> None:
    hosts = {host.name: host for host in inventory.hosts if host.tls_keys}
    if name not in hosts:
        what, known = "is no host with certificates by ACME", [*hosts] or ["[acme] in mail.toml"]
        raise Problems([Problem("--roll", what, name, listed(known), nearest(name, hosts))])
    with locked(inventory.folder):
        KeyFiles(inventory.folder, name).roll()
    click.echo(f"{name}: deploy, verify, and delete tls/{name}.previous.key; then publish the rest")


def _new_passphrase() -> str:
    question = "Passphrase of the new DKIM keys"
    return str(click.prompt(question, hide_input=True, confirmation_prompt=True, err=True))
