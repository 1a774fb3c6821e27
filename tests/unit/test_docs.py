"""What README and docs/ tell a reader to type, to open and to follow is there."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from mailwright.cli import cli as mailwright
from tests.host import conftest as verification

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
TYPED = re.compile(r"^    (?:\$ )?(mailwright|pyinfra|pytest) (.*)$", re.M)
BLOCK = re.compile(r"(?:^    .*\n|^\n)+", re.M)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.M)


def typed(program: str) -> list[str]:
    """The command lines of a program that stand in blocks, without what a shell does with them."""
    lines = []
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        found = [rest for name, rest in TYPED.findall(text) if name == program]
        lines += [re.split(r"\s[|>]\s", line.partition(" # ")[0])[0].strip() for line in found]
    assert lines
    return list(dict.fromkeys(lines))


def spans(page: Path) -> list[str]:
    """What stands between backticks in running text."""
    return SPAN.findall(BLOCK.sub("\n\n", page.read_text()))


def resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the first words name, and the other words."""
    command: click.Command = mailwright
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found, f"no command {words[0]}"
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("line", typed("mailwright"))
def test_commands_are_understood(line: str) -> None:
    command, words = resolved(shlex.split(line))
    values, rest, _ = command.make_parser(click.Context(command)).parse_args(words)
    assert not rest
    needed = [p.name for p in command.params if p.required and p.name not in values]
    assert not needed


# In a process of its own: pyinfra's command line changes how sockets and processes work (gevent).
PYINFRA = """
import sys
import click
from pyinfra_cli.cli import cli
values, rest, _ = cli.make_parser(click.Context(cli)).parse_args(sys.argv[1:])
sys.exit(f"what is {rest}?") if rest else print(*values["operations"])
"""


@pytest.mark.parametrize("line", typed("pyinfra"))
def test_deploys_are_understood(line: str) -> None:
    command = [sys.executable, "-c", PYINFRA, *shlex.split(line)]
    operations = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert operations
    for operation in operations:
        module, _, name = operation.rpartition(".")
        path = ROOT / f"{module.replace('.', '/')}.py"
        assert (ROOT / operation).is_file() or f"\ndef {name}(" in path.read_text()


@pytest.mark.parametrize("line", typed("pytest"))
def test_verification_is_understood(line: str) -> None:
    parser = pytest.Parser(_ispytest=True)
    verification.pytest_addoption(parser)
    folder, *words = shlex.split(line)
    assert (ROOT / folder).is_dir()
    assert parser.parse_known_and_unknown_args(words)[1] == []


def mentioned() -> list[str]:
    found = [span for page in PAGES for span in spans(page) if span.startswith("mailwright ")]
    assert found
    return sorted(set(found))


@pytest.mark.parametrize("line", mentioned())
def test_commands_in_running_text_exist(line: str) -> None:
    command, words = resolved(shlex.split(line)[1:])
    known = {option for each in command.params for option in [*each.opts, *each.secondary_opts]}
    assert {word for word in words if word.startswith("-")} <= known | {"--help"}


def paths() -> Iterator[tuple[str, str]]:
    """The paths of the repository in running text: those that begin with a name at its root."""
    roots = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    for page in PAGES:
        for span in spans(page):
            first = span.split("/")[0]
            if first in roots and re.fullmatch(r"[\w./@-]+", span):
                yield page.name, span


@pytest.mark.parametrize(("page", "path"), sorted(set(paths())))
def test_paths_exist(page: str, path: str) -> None:
    assert (ROOT / path).exists()


TEMPLATES = ROOT / "templates"
ON_A_HOST = re.compile(r"\bmailwright-[a-z-]*[a-z]|^    (/etc/\S+)", re.M)


def test_units_logs_and_programs_of_a_host_are_in_the_templates() -> None:
    known = " ".join(f"/{path.relative_to(TEMPLATES)}" for path in TEMPLATES.rglob("*.j2"))
    known += "".join(path.read_text() for path in TEMPLATES.rglob("*.j2"))
    found = {match[1] or match[0] for p in PAGES for match in ON_A_HOST.finditer(p.read_text())}
    assert len(found) > 5
    assert [each for each in sorted(found) if each not in known] == []


def blocks(heading: str) -> list[str]:
    """What stands first in each line of the blocks of a part of the architecture."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    part = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [line.split("  ")[0] for line in re.findall(r"^    (\S.*)$", part, re.M)]


def test_the_rooms_and_floors_of_the_architecture_are_there() -> None:
    rooms = blocks("The rooms")
    floors = {name for words in blocks("The floors") for name in words.split(", ")}
    packages = {path.parent.name for path in (ROOT / "mailwright").glob("*/__init__.py")}
    assert len(rooms) > 5 and all((ROOT / room).exists() for room in rooms)
    assert floors == packages


def anchors(page: Path) -> Sequence[str]:
    """The headings of a page as its links call them."""
    text = BLOCK.sub("\n\n", page.read_text())
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(text))
    return [title.replace(" ", "-") for title in plain]


def links() -> list[tuple[str, str]]:
    found = {(page.name, target) for page in PAGES for target in LINK.findall(page.read_text())}
    return sorted(each for each in found if not each[1].startswith("https://"))


@pytest.mark.parametrize(("page", "target"), links())
def test_links_lead_somewhere(page: str, target: str) -> None:
    here = next(each for each in PAGES if each.name == page)
    file, _, heading = target.partition("#")
    there = (here.parent / file).resolve() if file else here
    assert there.is_file()
    assert not heading or anchors(there).count(heading) == 1


def test_readme_is_short_and_lists_every_page() -> None:
    assert len(README.read_text().splitlines()) <= 150
    targets = {target.partition("#")[0] for target in LINK.findall(README.read_text())}
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= targets
