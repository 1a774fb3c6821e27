"""`mailwright mailbox add` and `set`: the members of a shared mailbox."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.conftest import HASH, MAIL, Folder

TEAM = """
# We.
[mailboxes."team@example.com"]
use = "shared"
members = { "Alice@example.com" = "read", 'ann@example.com' = "manage" } # two
# The end.
"""


@pytest.fixture
def written(folder: Folder) -> Path:
    folder.mail += f'[mailboxes."ann@example.com"]\npassword = "{HASH}"\n' + TEAM
    folder.load()
    return folder.path / "mail.toml"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], written: Path) -> Callable[..., list[str]]:
    """Types a command; gives its error lines."""
    from mailwright import cli

    def typed(command: str, name: str, *args: str) -> list[str]:
        with pytest.raises(SystemExit):
            cli.main(["mailbox", command, name, str(written.parent), *args])
        return capsys.readouterr().err.splitlines()

    return typed


def test_members_come_change_and_go_and_the_rest_stays(
    run: Callable[..., list[str]], written: Path
) -> None:
    before = written.read_text()
    team = "team@example.com"
    args = ["--member", "alice@example.com=write", "--member", "ann@example.com=none"]
    assert run("set", team, *args, "--send-as", "alice@example.com", "--private-seen") == []
    after = before.replace(
        '{ "Alice@example.com" = "read", \'ann@example.com\' = "manage" }', "NEW"
    )
    after = after.replace("NEW", '{"Alice@example.com" = "write"}')
    lines = '# two\nsend_as = ["alice@example.com"]\nprivate_seen = true\n'
    assert written.read_text() == after.replace("# two\n", lines)
    both = "alice@example.com,ann@example.com"
    assert run("set", team, "--member", "ann@example.com=read", "--send-as", both) == []
    assert run("set", team, "--send-as", "default", "--no-private-seen") == []
    assert (
        run("set", team, "--member", "alice@example.com=none", "--member", "ann@example.com=none")
        == []
    )
    assert written.read_text() == before.replace(
        next(line for line in TEAM.splitlines(True) if line.startswith("members")), ""
    )


def test_members_in_a_table_of_their_own_keep_their_comments(
    run: Callable[..., list[str]], written: Path
) -> None:
    table = '\n[mailboxes."team@example.com".members]\n"alice@example.com" = "read" # for now\n'
    text = MAIL + f'[mailboxes."team@example.com"]\nuse = "shared"\n{table}\n# The end.\n'
    written.write_text(text)
    assert (
        run("set", "team@example.com", "--member", "alice@example.com=write", "--quota", "5G") == []
    )
    assert written.read_text() == text.replace('"read" #', '"write" #').replace(
        '"shared"\n', '"shared"\nquota = "5G"\n'
    )
    assert run("set", "team@example.com", "--member", "alice@example.com=none") == []
    assert "members" not in written.read_text()


def test_a_new_shared_mailbox_has_its_members_on_one_line(
    run: Callable[..., list[str]], written: Path
) -> None:
    before = written.read_text()
    members = ["--member", "alice@example.com=read", "--member", "ann@example.com=manage"]
    assert (
        run("add", "crew@example.com", "--use", "shared", *members, "--send-as", "ann@example.com")
        == []
    )
    block = '[mailboxes."crew@example.com"]\nuse = "shared"\n'
    block += 'members = {"alice@example.com" = "read", "ann@example.com" = "manage"}\nsend_as = ["ann@example.com"]\n'
    assert written.read_text() == before.replace("# two\n", f"# two\n\n{block}")


RIGHTS = "expected such as alice@example.com=write; read, write, manage or none"


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["team@example.com", "--member", "alice@example.com"], f"error: --member: 'alice@example.com' is no member; {RIGHTS}"),
        (["team@example.com", "--member", "alice@example.com=own"], f"error: --member: 'alice@example.com=own' is no member; {RIGHTS}"),
        (["team@example.com", "--member", "bob@example.org=read"], "error: mail.toml: mailboxes.\"team@example.com\".members: 'bob@example.org' is on mail.example.org, the shared mailbox on mail.example.com; expected both on one host"),
        (["team@example.com", "--member", "al@example.com=none"], "error: mail.toml: mailboxes: 'al@example.com' is not there to be taken out"),
        (["alice@example.com", "--member", "ann@example.com=none"], "error: mail.toml: mailboxes: 'ann@example.com' is not there to be taken out"),
        (["alice@example.com", "--member", "ann@example.com=read"], "error: mail.toml: mailboxes.\"alice@example.com\".members: has no place in a mailbox for use 'devices' (use = 'shared' has members)"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_not_written(
    run: Callable[..., list[str]], written: Path, args: list[str], error: str
) -> None:
    before = written.read_text()
    assert run("set", *args) == [error]
    assert written.read_text() == before
