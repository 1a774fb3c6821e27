"""`mailwright mailbox`: mail.toml edited, with its comments and its order."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import bcrypt
import pytest

from mailwright.inventory import edit
from mailwright.inventory.edit import Editor
from mailwright.model.problems import Problems
from tests.unit.conftest import HASH, Folder
from tests.unit.test_cli import HERE, Run, terminal

MAIL = f"""\
# What this is.
postmaster = "alice@example.com"   # who else?

[domains."example.com"]
host = "mail.example.com"
[domains."example.org"]
host = "mail.example.org"

# The owner.
[mailboxes."Alice@example.com"]
password = "{HASH}" # old
quota = '2G'    # she asked for it

# Bob pays.
[mailboxes."bob@example.org"]
password = "{HASH}"

# Where mail goes on to.
[aliases]
"info@example.com" = [
    "alice@example.com", # first
]
"""


@pytest.fixture
def written(folder: Folder) -> Path:
    folder.mail = MAIL
    folder.load()
    return folder.path / "mail.toml"


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    written: Path,
    tmp_path: Path,
) -> Run:
    """Types a command about the folder; gives its exit code, output and error lines."""
    from mailwright import cli

    def typed(command: str, *args: str, password: str = "") -> tuple[int, str, list[str]]:
        (tmp_path / "stdin").write_text(password)
        target = [args[0], str(written.parent), *args[1:]] if args else [str(written.parent)]
        with (tmp_path / "stdin").open() as file, pytest.raises(SystemExit) as caught:
            monkeypatch.setattr(sys, "stdin", file)
            cli.main(["mailbox", command, *target])
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err.splitlines()

    return typed


def opens(hashed: str, word: str) -> bool:
    return bcrypt.checkpw(word.encode(), hashed.removeprefix("{BLF-CRYPT}").encode())


def boxes(written: Path) -> dict[str, dict[str, object]]:
    return dict(tomllib.loads(written.read_text())["mailboxes"])


def test_a_new_mailbox_stands_behind_the_last_and_the_rest_is_untouched(
    run: Run, written: Path
) -> None:
    code, out, err = run("add", "carol@example.com", "--use", "both", password="hush hush hush\n")
    assert (code, err) == (0, [])
    assert out == f"carol@example.com is in {written}\n"
    added = boxes(written)["carol@example.com"]
    assert opens(str(added["password"]), "hush hush hush")
    new = f'\n[mailboxes."carol@example.com"]\nuse = "both"\npassword = "{added["password"]}"\n'
    anchor = "\n# Where mail goes on to."
    assert written.read_text() == MAIL.replace(anchor, new + anchor)


def test_a_mailbox_that_is_removed_leaves_the_comments_of_others(run: Run, written: Path) -> None:
    assert run("remove", "BOB@example.org")[0] == 0
    block = f'[mailboxes."bob@example.org"]\npassword = "{HASH}"\n'
    removed = '\n[removed]\n"bob@example.org" = "bob@example.org"\n'
    assert written.read_text() == MAIL.replace(block, "") + removed


def test_adding_and_removing_is_the_old_file_and_whose_mail_is_left(
    run: Run, written: Path
) -> None:
    run("add", "scan@example.com", "--use", "send-only", "--generate")
    run("remove", "scan@example.com")
    assert written.read_text() == MAIL
    run("add", "carol@example.com", "--generate")
    run("remove", "carol@example.com")
    assert written.read_text() == f'{MAIL}\n[removed]\n"carol@example.com" = "carol@example.com"\n'


def test_settings_change_in_their_place(run: Run, written: Path) -> None:
    assert run("set", "alice@example.com", "--quota", "5G", "--use", "archive")[0] == 0
    changed = MAIL.replace("quota = '2G' ", 'quota = "5G" ').replace(
        "# she asked for it\n", '# she asked for it\nuse = "archive"\n'
    )
    assert written.read_text() == changed
    assert run("set", "alice@example.com", "--use", "default", "--suspended")[0] == 0
    changed = changed.replace('use = "archive"', "suspended = true")
    assert written.read_text() == changed
    assert run("set", "alice@example.com", "--active")[0] == 0
    assert written.read_text() == changed.replace("suspended = true\n", "")


def test_protocols_are_a_list(run: Run, written: Path) -> None:
    run("set", "alice@example.com", "--protocols", "imap,sieve")
    assert boxes(written)["Alice@example.com"]["protocols"] == ["imap", "sieve"]


def test_a_password_is_replaced_and_never_shown(run: Run, written: Path) -> None:
    code, out, err = run("password", "alice@example.com", password="correct horse\n")
    assert (code, out, err) == (0, f"alice@example.com has a new password in {written}\n", [])
    new = str(boxes(written)["Alice@example.com"]["password"])
    assert opens(new, "correct horse")
    assert written.read_text() == MAIL.replace(f'"{HASH}" # old', f'"{new}" # old')


def test_a_made_up_password_is_shown_once(run: Run, written: Path) -> None:
    _, out, _ = run("password", "bob@example.org", "--generate")
    line = out.splitlines()[0]
    assert line.startswith("Password of bob@example.org, shown this once: ")
    assert opens(str(boxes(written)["bob@example.org"]["password"]), line.rpartition(" ")[2])


@pytest.mark.parametrize("address", ["info@example.com", "c@exampel.com"])
def test_a_made_up_password_is_shown_only_when_it_is_the_mailbox_s(run: Run, address: str) -> None:
    code, out, err = run("add", address, "--generate")
    assert (code, out, len(err)) == (1, "", 1)


def test_a_short_password_is_told_and_taken(run: Run, written: Path) -> None:
    _, _, err = run("password", "bob@example.org", password="hush\n")
    assert err == [
        "warning: the password has 4 characters; 12 or more are not guessed (--generate makes one up)"
    ]
    assert opens(str(boxes(written)["bob@example.org"]["password"]), "hush")


@pytest.mark.parametrize(
    ("line", "table"),
    [
        ('"new@example.com" = ["carol@example.com", "alice@example.com"]', ""),
        ('"new@example.com" = "carol+lists@example.com"', ""),
        ("", '[mailboxes."team@example.com"]\nuse = "shared"\nmembers = { "carol@example.com" = "read" }\n'),
        ("", f'[mailboxes."scan@example.com"]\nuse = "send-only"\npassword = "{HASH}"\nowner = "carol@example.com"\n'),
    ],
)  # fmt: skip
def test_a_new_mailbox_heals_what_names_it_already(
    run: Run, written: Path, line: str, table: str
) -> None:
    written.write_text(MAIL.replace("[aliases]", f"{table}\n[aliases]\n{line}"))
    assert run("add", "dora@example.com", "--use", "shared")[0] == 1
    assert run("add", "carol@example.com", "--generate")[0] == 0
    assert run("list")[0] == 0


def test_the_postmaster_and_a_script_are_healed_too(run: Run, written: Path) -> None:
    written.write_text(MAIL.replace('postmaster = "alice', 'postmaster = "carol'))
    script = written.parent / "sieve/default/carol@example.com.sieve"
    script.parent.mkdir(parents=True)
    script.write_text("keep;\n")
    assert run("add", "carol@example.com", "--generate")[0] == 0
    assert run("list")[0] == 0


def test_another_mistake_stays_in_the_way(run: Run, written: Path) -> None:
    written.write_text(
        MAIL.replace("[aliases]", '[aliases]\n"x@example.com" = "carol@example.com"\n"y" = "z"')
    )
    code, out, _ = run("add", "carol@example.com", "--generate")
    assert (code, out) == (1, "")
    assert "carol" not in "".join(boxes(written))


def test_who_is_removed_everywhere_is_named_nowhere(run: Run, written: Path) -> None:
    boxes_before = f"""
[mailboxes."carol@example.com"]
password = "{HASH}"
[mailboxes."scan@example.com"]
use = "send-only"
password = "{HASH}"
owner = "Carol@example.com" # hers
[mailboxes."team@example.com"]
use = "shared"
members = {{ "carol@example.com" = "write", "alice@example.com" = "read" }}
send_as = ["carol@example.com"]
"""
    lists = """
"carol@example.com" = ["carol@example.com", "carol@elsewhere.example"]
"all@example.com" = ["alice@example.com", # the owner
    "carol+all@example.com"]
"hers@example.com" = "carol@example.com"
"also@example.com" = "hers@example.com"
"@example.org" = "carol@example.com"
"""
    reports = 'host = "mail.example.org"\ndmarc_rua = ["carol@example.com"]\ntls_rpt = ["carol@example.com", "https://r.example/"]'
    text = MAIL.replace("# Where", f"{boxes_before}\n# Where").replace(
        'host = "mail.example.org"', reports
    )
    written.write_text(text.rstrip() + lists)
    sheet = written.parent / "mailboxes/example.org.csv"
    sheet.parent.mkdir()
    sheet.write_text(
        "address,use,password,owner\nfax@example.org,send-only," + HASH + ",carol@example.com\n"
    )
    assert run("remove", "carol@example.com")[0] == 1
    code, out, err = run("remove", "carol@example.com", "--everywhere")
    assert (code, err) == (0, [])
    after = written.read_text()
    said = tomllib.loads(after)
    assert said["removed"] == {"carol@example.com": "carol@example.com"}
    assert after.count("carol") == 2
    assert said["aliases"] == {
        "info@example.com": ["alice@example.com"],
        "all@example.com": ["alice@example.com"],
    }
    assert said["domains"]["example.org"] == {
        "host": "mail.example.org",
        "tls_rpt": ["https://r.example/"],
    }
    assert said["mailboxes"]["team@example.com"] == {
        "use": "shared",
        "members": {"alice@example.com": "read"},
    }
    assert "owner" not in said["mailboxes"]["scan@example.com"]
    assert "carol" not in sheet.read_text()
    assert '  nor in mail.toml: aliases."also@example.com"' in out.splitlines()
    assert "# the owner" in after and "# Bob pays." in after


def test_the_postmaster_is_removed_from_nowhere(run: Run, written: Path) -> None:
    code, _, err = run("remove", "alice@example.com", "--everywhere")
    assert (code, len(err)) == (1, 1)
    assert "postmaster" in err[0]
    assert written.read_text() == MAIL


def test_the_terminal_asks_twice_and_does_not_echo(written: Path) -> None:
    command = ("mailbox", "add", "carol@example.com", str(written.parent))
    code, seen = terminal(["correct horse", "correct horse"], *command)
    assert (code, "horse" in seen, "carol@example.com" in boxes(written)) == (0, False, True)


def test_what_has_no_login_is_not_asked_for_a_password(run: Run, written: Path) -> None:
    assert run("add", "team@example.com", "--use", "shared")[0] == 0
    assert boxes(written)["team@example.com"] == {"use": "shared"}
    assert run("set", "bob@example.org", "--use", "shared")[0] == 0
    assert boxes(written)["bob@example.org"] == {"use": "shared"}
    assert run("set", "bob@example.org", "--use", "devices", password="hush\n")[0] == 0
    assert opens(str(boxes(written)["bob@example.org"]["password"]), "hush")


def test_list(run: Run) -> None:
    run("set", "bob@example.org", "--suspended")
    assert run("list")[1].splitlines() == [
        "alice@example.com  devices  2G  imap submission sieve",
        "bob@example.org  devices  1G  suspended",
    ]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("remove", "alcie@example.com"), "mail.toml: mailboxes: 'alcie@example.com' is no mailbox (did you mean 'alice@example.com'?)"),
        (("password", "nobody"), "mail.toml: mailboxes: 'nobody' is no mail address; expected one such as alice@example.com"),
        (("add", "ALICE@example.com"), "mail.toml: mailboxes: 'ALICE@example.com' is there already (change it with 'mailwright mailbox set')"),
        (("add", "c@exampel.com", "--generate"), "mail.toml: mailboxes.\"c@exampel.com\": 'exampel.com' is no domain of ours; expected example.com or example.org (did you mean 'example.com'?)"),
        (("add", "info@example.com", "--generate"), 'mail.toml: aliases."info@example.com": is a mailbox as well; expected its own address among the targets, which keeps a copy'),
        (("set", "bob@example.org", "--use", "archiv"), "mail.toml: mailboxes.\"bob@example.org\".use: 'archiv' is unknown; expected devices, archive, compact, shared, send-only or both (did you mean 'archive'?)"),
        (("set", "bob@example.org", "--quota", "much"), "mail.toml: mailboxes.\"bob@example.org\".quota: 'much' is no size; expected a number with K, M, G or T, such as 500M, or unlimited"),
        (("add", "c@example.com"), "input: the password cannot be hashed; expected 1 to 72 bytes, none of them zero"),
    ],
)  # fmt: skip
def test_a_command_cannot_write_a_broken_description(
    run: Run, written: Path, args: tuple[str, ...], line: str
) -> None:
    code, _, err = run(*args)
    assert (code, err) == (1, [f"error: {line}"])
    assert written.read_text() == MAIL
    assert sorted(path.name for path in written.parent.iterdir()) == ["hosts.py", "mail.toml"]


def test_who_is_still_needed_stays(run: Run, written: Path) -> None:
    code, _, err = run("remove", "alice@example.com")
    assert (code, len(err)) == (1, 2)  # an alias and the postmaster
    assert written.read_text() == MAIL


def test_nothing_to_set_is_wrong_usage(run: Run) -> None:
    assert run("set", "bob@example.org")[0] == 2


@pytest.mark.parametrize(
    "text",
    [
        MAIL.replace("[aliases]", '[aliases]\n"x@example.com" = "bob@example.org"')
        + f'\n[mailboxes."zoe@example.com"]\npassword = "{HASH}"',
        MAIL.replace("\n", "\r\n"),
        MAIL + '\n# The end.\n[mailboxes."zoe@example.com"] # z\n  password = """\\\n  ' + HASH + '"""\n# [x]\n',
    ],
)  # fmt: skip
def test_unusual_files_survive(written: Path, text: str) -> None:
    written.write_text(text, newline="")
    found = Editor(written.parent)
    found.add("carol@example.com", {"use": "shared"})
    found.set("bob@example.org", {"quota": "3G", "use": "both"})
    after = tomllib.loads(found.text)
    assert after["mailboxes"]["carol@example.com"] == {"use": "shared"}
    assert after["mailboxes"]["bob@example.org"]["quota"] == "3G"
    found.set("bob@example.org", {"quota": None, "use": None})
    found.remove("carol@example.com")
    removed = {"removed": {"carol@example.com": "carol@example.com"}}
    assert tomllib.loads(found.text) == tomllib.loads(text) | removed
    comments = [line.strip() for line in text.splitlines() if line.startswith("#")]
    assert [line.strip() for line in found.text.splitlines() if line.startswith("#")] == comments


def test_the_first_mailbox_of_all(folder: Folder) -> None:
    folder.mail = MAIL.partition("# The owner.")[0].replace("alice@", "root@elsewhere.")
    folder.load()
    found = Editor(folder.path)
    found.add("carol@example.com", {"use": "shared"})
    assert (
        found.text == folder.mail.rstrip() + '\n\n[mailboxes."carol@example.com"]\nuse = "shared"\n'
    )
    found.remove("carol@example.com")
    assert found.text == folder.mail.rstrip() + (
        '\n\n[removed]\n"carol@example.com" = "carol@example.com"\n'
    )


def test_the_file_keeps_its_mode_and_is_whole_at_every_moment(
    run: Run, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written.chmod(0o640)
    assert run("set", "bob@example.org", "--quota", "3G")[0] == 0
    assert stat.S_IMODE(written.stat().st_mode) == 0o640
    before = written.read_text()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert run("set", "bob@example.org", "--quota", "4G")[0] == 1
    assert written.read_text() == before
    assert sorted(path.name for path in written.parent.iterdir()) == ["hosts.py", "mail.toml"]


def test_two_at_once_both_count(written: Path) -> None:
    code = "import sys; from mailwright.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "mailbox", "add"]
    running = [
        subprocess.Popen(
            [*command, f"c{n}@example.com", str(written.parent), "--use", "shared"],
            env={**os.environ, "PYTHONPATH": str(HERE)},
            stdout=subprocess.DEVNULL,
        )
        for n in range(4)
    ]
    assert [each.wait() for each in running] == [0] * 4
    assert len(boxes(written)) == 6


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    missing = pytest.raises(Problems, match="is missing; expected an inventory folder")
    with missing, edit.edited(tmp_path / "x"):
        pass
