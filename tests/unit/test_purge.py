"""`mailwright mailbox purge`: the day from which the mail of a mailbox that is gone is deleted."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from mailwright.picture.render import picture
from tests.unit.conftest import HASH, MAIL, Folder

LIST = "/etc/mailwright/purge/list"


@pytest.fixture
def written(folder: Folder) -> Path:
    folder.load()
    return folder.path / "mail.toml"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], written: Path) -> Callable[..., tuple[str, list[str]]]:
    """Types a command; gives its output and error lines."""
    from mailwright import cli

    def typed(command: str, *args: str) -> tuple[str, list[str]]:
        with pytest.raises(SystemExit):
            cli.main(["mailbox", command, *args, str(written.parent)])
        out, err = capsys.readouterr()
        return out, err.splitlines()

    return typed


def test_a_removed_mailbox_gets_a_day_another_and_none(
    run: Callable[..., tuple[str, list[str]]], written: Path
) -> None:
    before = written.read_text()
    run("remove", "bob@example.org")
    removed = written.read_text()
    assert removed != before
    for day in ("2026-12-31", "2027-02-28"):
        out, err = run("purge", "Bob@example.org", "--on", day)
        assert (out, err) == (
            f"the mail of Bob@example.org is deleted on {day}, once the hosts are deployed\n",
            [],
        )
        assert written.read_text() == f'{removed}\n[purge]\n"Bob@example.org" = {day}\n'
    assert "bob@example.org  removed; its mail is deleted on 2027-02-28\n" in run("list")[0]
    assert run("purge", "bob@example.org", "--cancel") == (
        "the mail of bob@example.org stays on the host\n",
        [],
    )
    assert written.read_text() == removed


def test_the_others_of_the_table_stay_with_their_comments(
    run: Callable[..., tuple[str, list[str]]], written: Path
) -> None:
    text = (
        MAIL
        + '\n# Gone.\n[purge]\n"x@example.com" = 2026-01-01 # moved away\n"y@example.com" = 2026-01-02\n'
    )
    written.write_text(text)
    run("purge", "z@example.com", "--on", "2026-01-03")
    assert written.read_text() == text + '"z@example.com" = 2026-01-03\n'
    run("purge", "x@example.com", "--on", "2026-01-04")
    run("purge", "y@example.com", "--cancel")
    assert written.read_text() == text.replace("2026-01-01 #", "2026-01-04 #").replace(
        '"y@example.com" = 2026-01-02\n', '"z@example.com" = 2026-01-03\n'
    )
    assert tomllib.loads(written.read_text())["purge"]["x@example.com"] == date(2026, 1, 4)


CANCEL = "expected one that is removed ('mailwright mailbox purge --cancel' takes the date out)"


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["bob@example.org", "--on", "2026-12-31"], f"error: mail.toml: purge.\"bob@example.org\": 'bob@example.org' is a mailbox; {CANCEL}"),
        (["carol@example.net", "--on", "2026-12-31"], "error: mail.toml: purge.\"carol@example.net\": 'example.net' is no domain of ours; expected example.com or example.org"),
        (["../x@example.com", "--on", "2026-12-31"], "error: mail.toml: mailboxes: '../x@example.com' has no valid local part; expected letters, digits and - _ . before the @"),
        (["carol@example.com", "--on", "2026-02-29"], "error: --on: '2026-02-29' is no date; expected one such as 2026-12-31"),
        (["carol@example.com"], "error: either --on or --cancel (see 'mailwright mailbox purge --help')"),
        (["carol@example.com", "--cancel"], "error: mail.toml: purge: 'carol@example.com' has no date"),
    ],
)  # fmt: skip
def test_what_cannot_be_purged_is_not_written(
    run: Callable[..., tuple[str, list[str]]], written: Path, args: list[str], error: str
) -> None:
    before = written.read_text()
    assert run("purge", *args)[1] == [error]
    assert written.read_text() == before


BACK = "error: mail.toml: mailboxes.\"{}\": would have the mail of {}, who was removed ('--keep-mail' gives it to him; 'mailwright mailbox purge' has it deleted)"


def test_who_comes_back_keeps_his_mail_and_nobody_else_gets_it(
    run: Callable[..., tuple[str, list[str]]], written: Path
) -> None:
    before = tomllib.loads(written.read_text())
    run("remove", "bob@example.org")
    left = BACK.format("bob@example.org", "bob@example.org")
    assert run("add", "bob@example.org", "--use", "shared")[1] == [left]
    run("purge", "bob@example.org", "--on", "2999-12-31")
    due = f"error: mail.toml: purge.\"bob@example.org\": 'bob@example.org' is a mailbox; {CANCEL}"
    assert run("add", "bob@example.org", "--use", "shared")[1] == [left, due]
    run("purge", "bob@example.org", "--cancel")
    assert run("add", "Bob@example.org", "--use", "shared", "--keep-mail")[1] == []
    after = tomllib.loads(written.read_text())
    assert after["mailboxes"].pop("Bob@example.org") == {
        "use": "shared",
        "stored_as": "bob@example.org",
    }
    del before["mailboxes"]["bob@example.org"]
    assert after == before


def test_what_was_deleted_is_forgotten_by_whoever_comes_next(
    run: Callable[..., tuple[str, list[str]]], written: Path
) -> None:
    """Should it not be deleted yet, the deploy says so."""
    run("remove", "bob@example.org")
    run("purge", "bob@example.org", "--on", "2026-01-01")
    assert run("add", "bob@example.org", "--use", "shared")[1] == []
    after = tomllib.loads(written.read_text())
    assert after["mailboxes"]["bob@example.org"] == {"use": "shared"}
    assert not {"purge", "removed"} & after.keys()


def test_of_a_mailbox_that_was_renamed_the_mail_is_deleted_where_it_lies(
    run: Callable[..., tuple[str, list[str]]], written: Path
) -> None:
    run("rename", "bob@example.org", "rob@example.org")
    run("remove", "rob@example.org")
    text = tomllib.loads(written.read_text())
    assert text["removed"] == {"rob@example.org": "bob@example.org"}
    assert "bob@example.org" not in text.get("aliases", {})
    assert run("add", "bob@example.org", "--use", "shared")[1] == [
        BACK.format("bob@example.org", "rob@example.org")
    ]
    assert "rob@example.org  removed; its mail, as bob@example.org, stays on" in run("list")[0]
    assert run("purge", "rob@example.org", "--on", "2026-12-31") == (
        "the mail of rob@example.org, which lies there as bob@example.org, is deleted on 2026-12-31, once the hosts are deployed\n",
        [],
    )
    assert tomllib.loads(written.read_text())["purge"] == {"bob@example.org": date(2026, 12, 31)}
    run("purge", "rob@example.org", "--cancel")
    assert run("add", "rob@example.org", "--use", "shared", "--keep-mail")[1] == []
    after = tomllib.loads(written.read_text())
    assert after["mailboxes"]["rob@example.org"]["stored_as"] == "bob@example.org"


def test_of_an_address_that_never_was_nothing_is_promised(
    run: Callable[..., tuple[str, list[str]]], written: Path
) -> None:
    err = run("purge", "x@example.com", "--on", "2026-12-31")[1]
    assert err == [
        "no mailbox x@example.com was removed with 'mailwright mailbox remove'; the deploy says if its host has nothing of it"
    ]


def test_a_row_of_a_sheet_leaves_whose_mail_it_was(
    run: Callable[..., tuple[str, list[str]]], written: Path
) -> None:
    sheet = written.parent / "mailboxes" / "example.org.csv"
    sheet.parent.mkdir(exist_ok=True)
    sheet.write_text("address,use\nteam@example.org,shared\n")
    run("remove", "team@example.org")
    assert tomllib.loads(written.read_text())["removed"] == {"team@example.org": "team@example.org"}
    run("add", "team@example.org", "--use", "shared", "--keep-mail")
    assert "team@example.org,shared,team@example.org" in sheet.read_text()
    assert "removed" not in tomllib.loads(written.read_text())


def test_the_mail_of_a_domain_that_has_left_is_deleted_on_whatever_host_has_it(
    folder: Folder,
) -> None:
    folder.mail += (
        '[removed]\n"x@gone.example" = "x@gone.example"\n[purge]\n"x@gone.example" = 2026-01-02\n'
    )
    for host in folder.load().hosts:
        line = picture(host)[LIST].splitlines()[2]
        assert line == "2026-01-02 x@gone.example /var/vmail/gone.example/x"


def test_everything_that_is_wrong_is_told_at_once(folder: Folder) -> None:
    folder.mail += f"""
[mailboxes."ann@example.com"]
password = "{HASH}"
stored_as = "anna@example.com"
[domains."example.biz"]
alias_of = "example.com"
[purge]
"a@example.com" = "2026-12-31"
"b@example.com" = 2026-12-31T12:00:00
"c@example.biz" = 2026-12-31
"anna@example.com" = 2026-12-31
"no address" = 2026-12-31
"d@example.com" = 2026-12-31
"D@example.com" = 2026-12-30
"""
    assert folder.wrong() == [
        "mail.toml: purge.\"a@example.com\": '2026-12-31' is no date; expected one such as 2026-12-31, without quotes",
        'mail.toml: purge."b@example.com": datetime.datetime(2026, 12, 31, 12, 0) is no date; expected one such as 2026-12-31, without quotes',
        "mail.toml: purge: 'no address' is no mail address; expected one such as alice@example.com",
        "mail.toml: purge: 'D@example.com' is the same as 'd@example.com'; expected each name once",
        f"mail.toml: purge.\"anna@example.com\": 'anna@example.com' is where the mail of ann@example.com lies; {CANCEL}",
        "mail.toml: purge.\"c@example.biz\": 'example.biz' is an alias domain of example.com; expected c@example.com",
    ]


def test_each_host_is_told_of_its_own(folder: Folder) -> None:
    folder.mail += '[purge]\n"x.y@example.com" = 2026-01-02\n"z@example.org" = 2025-12-31\n'
    lines = [picture(host)[LIST].splitlines()[2:] for host in folder.load().hosts]
    assert lines == [
        ["2026-01-02 x.y@example.com /var/vmail/example.com/x.y"],
        ["2025-12-31 z@example.org /var/vmail/example.org/z"],
    ]
