"""What commands ask for, and how."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import click

from mailwright import address, dkim, password
from mailwright.inventory import Inventory, load
from mailwright.problems import nearest

INVENTORY = click.argument("folder", metavar="[INVENTORY]", default="inventory", type=Path)


@cache
def passphrase() -> str | None:
    """The passphrase of encrypted keys: from the environment or, once, from the terminal."""
    if (found := dkim.environment()) or not sys.stdin.isatty():
        return found
    return str(click.prompt("Passphrase of the DKIM keys", hide_input=True, err=True))


def published(folder: Path) -> Inventory:
    """The inventory for whoever reads its DNS records: no private keys.

    Certificates are read only where TLSA needs them.

    Raises Problems with everything that is wrong.
    """
    inventory = load(folder, require_tls=False, passphrase=passphrase, public=True)
    if any(host.dane and not host.tlsa for host in inventory.hosts):
        return load(folder, passphrase=passphrase, public=True)  # which says what is wrong with it
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


def new_password(question: str) -> str:
    """Typed twice on the terminal, never echoed; or one line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(question, hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")


def password_hash(name: str, generate: bool) -> str:
    """The hash of a mailbox's new password; one that is made up is shown this once."""
    typed = password.generate() if generate else new_password(f"Password of {name}")
    found = password.hash(typed, generate)
    if generate:
        click.echo(f"Password of {name}, shown this once: {typed}")
    return found
