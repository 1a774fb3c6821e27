"""What README tells a reader to type is what the commands take."""

import re
import shlex
from pathlib import Path

import click
import pytest

from mailwright.cli import cli

README = Path(__file__).parents[2] / "README.md"
TYPED = re.compile(r"^    (?:\$ )?mailwright (.*)$", re.M)


def commands() -> list[list[str]]:
    text = README.read_text().replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in TYPED.findall(text)]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_readme_s_commands_are_understood(words: list[str]) -> None:
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found
        command = found
    values, rest, _ = command.make_parser(click.Context(command)).parse_args(words)
    assert not rest
    needed = [p.name for p in command.params if p.required and p.name not in values]
    assert not needed
