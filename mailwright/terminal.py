"""What commands ask for, and how."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mailwright import password

INVENTORY = click.argument("folder", metavar="[INVENTORY]", default="inventory", type=Path)


def new_password(question: str) -> str:
    """Typed twice on the terminal, never echoed; or one line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(question, hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")


def password_hash(name: str, generate: bool) -> str:
    """The hash of a mailbox's new password; one that is made up is shown this once."""
    typed = password.generate() if generate else new_password(f"Password of {name}")
    found = password.hash(typed)
    if generate:
        click.echo(f"Password of {name}, shown this once: {typed}")
    return found
