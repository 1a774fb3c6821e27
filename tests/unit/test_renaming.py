"""`mailwright mailbox rename`: another address, the same mail."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from mailwright.inventory.edit import edited
from mailwright.inventory.load import check
from mailwright.model.problems import Problems
from mailwright.picture.render import picture
from tests.unit.conftest import HASH, Folder

MAIL = f"""\
# "alice@example.com" runs this.
postmaster = "alice@example.com"   # who else?

[domains."example.com"]
host = "mail.example.com"
[domains."example.org"]
host = "mail.example.org"

# The owner.
[mailboxes."Alice@example.com"] # since ever
password = "{HASH}" # old

[mailboxes."bob@example.com"]
password = "{HASH}"

[mailboxes."team@example.com"]
use = "shared"
members = {{ "alice@example.com" = "manage", 'bob@example.com' = "read" }}
send_as = ["alice@example.com"] # only she

# Prints.
[mailboxes."scanner@example.com"]
use = "send-only"
password = "{HASH}"
owner = "alice@example.com"

[aliases]
"info@example.com" = [
    "ALICE@example.com", # first
    "alice+info@example.com",
]

# The end.
"""

RENAMED = (
    MAIL.replace('postmaster = "alice@', 'postmaster = "ann@')
    .replace('"Alice@', '"ann@')
    .replace('{ "alice@', '{ "ann@')
    .replace('as = ["alice@', 'as = ["ann@')
    .replace('owner = "alice@', 'owner = "ann@')
    .replace('    "ALICE@', '    "ann@')
    .replace('"alice+', '"ann+')
    .replace("# old\n", '# old\nstored_as = "alice@example.com"\n')
)


@pytest.fixture
def written(folder: Folder) -> Path:
    folder.mail = MAIL
    folder.load()
    return folder.path / "mail.toml"


@pytest.fixture
def rename(capsys: pytest.CaptureFixture[str], written: Path) -> Callable[..., list[str]]:
    """Renames; gives the error lines."""
    from mailwright import cli

    def typed(old: str, new: str, *options: str) -> list[str]:
        with pytest.raises(SystemExit):
            cli.main(["mailbox", "rename", old, new, str(written.parent), *options])
        return capsys.readouterr().err.splitlines()

    return typed


def test_every_reference_follows_and_nothing_else_changes(
    rename: Callable[..., list[str]], written: Path
) -> None:
    assert rename("alice@example.com", "ann@example.com", "--no-alias") == []
    assert written.read_text() == RENAMED


def test_the_old_address_becomes_an_alias(rename: Callable[..., list[str]], written: Path) -> None:
    assert rename("alice@example.com", "ann@example.com") == []
    line = '"Alice@example.com" = "ann@example.com"\n'
    assert written.read_text() == RENAMED.replace("]\n\n# The end", f"]\n{line}\n# The end")


def test_members_in_a_table_of_their_own_move_along(
    rename: Callable[..., list[str]], written: Path
) -> None:
    text = MAIL.replace('members = { "alice@example.com" = "manage", ', "").replace(
        "'bob@example.com' = \"read\" }\n", ""
    )
    text = text.replace(
        "# only she\n",
        '# only she\n\n[mailboxes."team@example.com".members] # all\n"alice@example.com" = "read"\n',
    )
    written.write_text(text)
    assert rename("team@example.com", "crew@example.com", "--no-alias") == []
    assert written.read_text() == text.replace('"team@', '"crew@').replace(
        "# only she\n", '# only she\nstored_as = "team@example.com"\n'
    )


def test_an_inventory_without_aliases_gets_a_table_of_them(
    rename: Callable[..., list[str]], written: Path
) -> None:
    written.write_text(MAIL[: MAIL.index("[aliases]")])
    assert rename("bob@example.com", "rob@example.com") == []
    assert written.read_text().endswith('\n\n[aliases]\n"bob@example.com" = "rob@example.com"\n')


def test_a_second_name_keeps_the_first_store_and_the_first_name_needs_none(
    rename: Callable[..., list[str]], written: Path
) -> None:
    def box() -> dict[str, str]:
        return dict(tomllib.loads(written.read_text())["mailboxes"].get(name, {}))

    for old, name, store in (
        ("alice", "ann@example.com", "alice@example.com"),
        ("ann", "anna@example.com", "alice@example.com"),
        ("anna", "alice@example.com", None),
    ):
        assert rename(f"{old}@example.com", name) == []
        assert box().get("stored_as") == store
    aliases = tomllib.loads(written.read_text())["aliases"]
    assert aliases["ann@example.com"] == aliases["anna@example.com"] == "alice@example.com"
    assert "alice@example.com" not in aliases


def test_an_alias_of_that_name_becomes_the_mailbox(
    rename: Callable[..., list[str]], written: Path
) -> None:
    written.write_text(
        MAIL.replace("[aliases]", '[aliases]\n"ann@example.com" = "alice@example.com"')
    )
    assert rename("alice@example.com", "ann@example.com", "--no-alias") == []
    assert written.read_text() == RENAMED


def test_a_mailbox_that_forwards_and_keeps_a_copy_does_so_under_its_new_name(
    rename: Callable[..., list[str]], written: Path
) -> None:
    forward = '"bob@example.com" = ["bob@example.com", "bob@elsewhere.example"]'
    written.write_text(MAIL.replace("[aliases]", f"[aliases]\n{forward}"))
    assert rename("bob@example.com", "rob@example.com") == []
    aliases = check(written.parent).aliases
    assert aliases["rob@example.com"].targets == ("rob@example.com", "bob@elsewhere.example")
    assert aliases["bob@example.com"].targets == ("rob@example.com",)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("alicia@example.com", "ann@example.com", "error: mail.toml: mailboxes: 'alicia@example.com' is no mailbox (did you mean 'alice@example.com'?)"),
        ("alice@example.com", "bob@example.com", "error: mail.toml: mailboxes: 'bob@example.com' is there already (change it with 'mailwright mailbox set')"),
        ("alice@example.com", "a b@example.com", "error: mail.toml: mailboxes: 'a b@example.com' has no valid local part; expected letters, digits and - _ . before the @"),
        ("scanner@example.com", "scanner@example.org", "error: mail.toml: mailboxes.\"scanner@example.org\".stored_as: 'scanner@example.com' is on mail.example.com, the mailbox on mail.example.org; expected both on one host (mail does not move)"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_not_written(
    rename: Callable[..., list[str]], written: Path, old: str, new: str, error: str
) -> None:
    assert rename(old, new) == [error]
    assert written.read_text() == MAIL


def test_two_mailboxes_do_not_share_a_store(folder: Folder) -> None:
    more = f'[mailboxes."NAME@example.com"]\npassword = "{HASH}"\nstored_as = "STORE"\n'
    stores = {"one": "first@example.com", "two": "first@example.com", "ann": "alice@example.com"}
    stores["far"] = "bob@example.org"
    stores["up"] = "../../etc@example.com"
    folder.mail += "".join(
        more.replace("NAME", name).replace("STORE", store) for name, store in stores.items()
    ).join(['[mailboxes."x@example.com"]\nuse = "shared"\n', ""])
    folder.mail = folder.mail.replace(
        "[aliases]", '[aliases]\n"a@example.com" = "alice@example.com"'
    )
    assert folder.wrong() == [
        "mail.toml: mailboxes.\"up@example.com\".stored_as: '../../etc@example.com' has no valid local part; expected letters, digits and - _ . before the @",
        "mail.toml: mailboxes.\"two@example.com\".stored_as: 'first@example.com' is where the mail of one@example.com lies; expected a store of its own",
        "mail.toml: mailboxes.\"ann@example.com\".stored_as: 'alice@example.com' is where the mail of alice@example.com lies; expected a store of its own",
        "mail.toml: mailboxes.\"far@example.com\".stored_as: 'bob@example.org' is where the mail of bob@example.org lies; expected a store of its own",
        "mail.toml: mailboxes.\"far@example.com\".stored_as: 'bob@example.org' is on mail.example.org, the mailbox on mail.example.com; expected both on one host (mail does not move)",
    ]


def test_names_may_be_exchanged_since_the_stores_stay(
    rename: Callable[..., list[str]], written: Path
) -> None:
    for old, new in (("alice", "x"), ("bob", "alice"), ("x", "bob")):
        assert rename(f"{old}@example.com", f"{new}@example.com", "--no-alias") == []
    boxes = check(written.parent).mailboxes
    assert boxes["bob@example.com"].home == "/var/vmail/example.com/alice"
    assert boxes["alice@example.com"].home == "/var/vmail/example.com/bob"


def test_every_path_of_a_renamed_mailbox_is_the_old_one(
    rename: Callable[..., list[str]], folder: Folder, written: Path
) -> None:
    for old in ("alice", "bob", "team"):
        assert rename(f"{old}@example.com", f"new-{old}@example.com", "--no-alias") == []
    folder.mail = written.read_text()
    for host in folder.load().hosts:
        for path, text in picture(host).items():
            assert "/var/vmail/example.com/new-" not in text, path
            assert "~/shared/new-" not in text, path


def test_the_default_script_of_a_mailbox_follows_it(
    rename: Callable[..., list[str]], folder: Folder, written: Path
) -> None:
    scripts = folder.path / "sieve" / "default"
    scripts.mkdir(parents=True)
    (scripts / "Alice@example.com.sieve").write_text("keep;")
    (scripts / "bob@example.com.sieve").write_text("keep;")
    rename("alice@example.com", "ann@example.com")
    assert sorted(path.name for path in scripts.iterdir()) == [
        "ann@example.com.sieve",
        "bob@example.com.sieve",
    ]


def test_a_script_that_nobody_owns_any_more_is_told_before_a_mailbox_is_removed(
    folder: Folder, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts = folder.path / "sieve" / "default"
    scripts.mkdir(parents=True)
    (scripts / "bob@example.com.sieve").write_text("keep;")
    before = written.read_text()
    with pytest.raises(Problems) as told, edited(folder.path) as editor:
        editor.set("team@example.com", {"members": {"bob@example.com": None}})
        editor.remove("bob@example.com")
    assert told.value.lines == [
        "sieve/default/bob@example.com.sieve: 'bob@example.com' is no mailbox of ours (did you mean 'team@example.com'?)"
    ]
    assert written.read_text() == before
    assert (scripts / "bob@example.com.sieve").exists()


def test_a_script_in_other_letters_follows_as_well(
    rename: Callable[..., list[str]], folder: Folder, written: Path
) -> None:
    scripts = folder.path / "sieve" / "default"
    scripts.mkdir(parents=True)
    (scripts / "ALICE@Example.com.sieve").write_text("keep;")
    rename("alice@example.com", "ann@example.com")
    assert [path.name for path in scripts.iterdir()] == ["ann@example.com.sieve"]
