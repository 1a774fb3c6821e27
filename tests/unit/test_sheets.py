"""`mailboxes/<domain>.csv`: the mailboxes of whoever has many."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import csv
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from mailwright import cli
from mailwright.inventory.edit import Editor, edited
from mailwright.inventory.load import check
from mailwright.model.problems import ALIKE, Problems
from tests.unit.conftest import HASH, Folder

HEAD = (
    "address,password,use,quota,protocols,suspended,owner,members,send_as,private_seen,stored_as\n"
)
ROWS = f"""\
carol@example.com,{HASH},both,5G,,,,,,,
dave@Example.COM,{HASH},,,imap submission,true,,,,,
scan@example.com,{HASH},send-only,,,,carol@example.com,,,,
team@example.com,,shared,1G,,,,alice@example.com=manage carol@example.com=read,alice@example.com,true,
"new@example.com",{HASH},,,,,,,,,old@example.com
"""


@pytest.fixture
def sheet(folder: Folder) -> Path:
    """The sheet of example.com, and everything around it, which is right."""
    path = folder.path / "mailboxes" / "example.com.csv"
    path.parent.mkdir()
    path.write_text(HEAD + ROWS)
    folder.load()
    return path


def test_a_row_says_what_a_table_of_mail_toml_says(folder: Folder, sheet: Path) -> None:
    from_rows = check(folder.path).mailboxes
    sheet.unlink()
    folder.mail += f"""
[mailboxes."carol@example.com"]
password = "{HASH}"
use = "both"
quota = "5G"
[mailboxes."dave@example.com"]
password = "{HASH}"
protocols = ["imap", "submission"]
suspended = true
[mailboxes."scan@example.com"]
password = "{HASH}"
use = "send-only"
owner = "carol@example.com"
[mailboxes."team@example.com"]
use = "shared"
quota = "1G"
members = {{ "alice@example.com" = "manage", "carol@example.com" = "read" }}
send_as = "alice@example.com"
private_seen = true
[mailboxes."new@example.com"]
password = "{HASH}"
stored_as = "old@example.com"
"""
    folder.load()
    assert check(folder.path).mailboxes == from_rows


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("x@example.com,secret,,,,,,,,,", ': "x@example.com".password: is not hashed; expected a hash such as {BLF-CRYPT}$2y$10$... (make one with \'mailwright password\')'),
        ("x@example.com,,,,,,,,,,", ': "x@example.com".password: is missing; expected a hash (make one with \'mailwright password\')'),
        (f"x@example.com,{HASH},devises,,,,,,,,", ': "x@example.com".use: \'devises\' is unknown; expected devices, archive, compact, shared, send-only or both (did you mean \'devices\'?)'),
        (f"x@example.com,{HASH},,5X,,,,,,,", ': "x@example.com".quota: \'5X\' is no size; expected a number with K, M, G or T, such as 500M, or unlimited'),
        (f"x@example.com,{HASH},,,imap smtp,,,,,,", ': "x@example.com".protocols: \'smtp\' is unknown; expected imap, pop3, submission or sieve'),
        (f"x@example.com,{HASH},,,,yes,,,,,", ': "x@example.com".suspended: \'yes\' is no yes or no; expected true or false'),
        (f"x@example.com,{HASH},send-only,,,,nobody-like-that@example.com,,,,", ': "x@example.com".owner: \'nobody-like-that@example.com\' is nobody\'s address; expected a mailbox or an alias'),
        ("x@example.com,,shared,,,,,alice@example.com,,,", ': "x@example.com".members."alice@example.com": \'\' is no right; expected read, write or manage'),
        ("x@example.com,,shared,,,,,nobody-like-that@example.com=read,,,", ': "x@example.com".members: \'nobody-like-that@example.com\' is no mailbox of ours; expected one that reads by IMAP'),
        (f"x@example.com,{HASH},,,,,,,,,carol@example.com", ': "x@example.com".stored_as: \'carol@example.com\' is where the mail of carol@example.com lies; expected a store of its own'),
        (f"x@example.org,{HASH},,,,,,,,,", ": 'x@example.org' is of another domain; expected an address of example.com"),
        (f"x,{HASH},,,,,,,,,", ": 'x' is no mail address; expected one such as alice@example.com"),
        (f",{HASH},,,,,,,,,", ": '' is no mail address; expected one such as alice@example.com"),
        (f"a+b@example.com,{HASH},,,,,,,,,", ": 'a+b@example.com' has a '+', which starts an address extension; expected a name without (mail to a@example.com with +anything arrives there by itself)"),
        (f"carol@example.com,{HASH},,,,,,,,,", ": 'carol@example.com' is there twice; expected each name once (first in mailboxes/example.com.csv:2)"),
        (f"alice@example.com,{HASH},,,,,,,,,", ": 'alice@example.com' is there twice; expected each name once (first in mail.toml)"),
        (f"Carol@example.com,{HASH},,,,,,,,,", ": 'Carol@example.com' is the same as 'carol@example.com'; expected each name once"),
        (f"x@example.com,{HASH},,,,,,,,,,secret", ": has 12 cells, and one is in a column without a name; expected 11, as the first line"),
        ("x@example.com,{CRYPT}$1$salt$ODmMASL3G.uA4KBkqGj6Z/,,,,,,,,,", ': "x@example.com".password: is hashed with MD5-CRYPT, which is weak; expected a hash such as {BLF-CRYPT}$2y$10$... (\'mailwright mailbox password\' gives its owner a new one; a hash cannot be made stronger)'),
        (f"x@example.com,{HASH},,,,WAHR,,,,,", ': "x@example.com".suspended: \'WAHR\' is no yes or no; expected true or false'),
        ('x@example.com,"half', ": is no CSV: unexpected end of data"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_row_is_said_with_its_line(
    folder: Folder, sheet: Path, row: str, line: str
) -> None:
    sheet.write_text(f"{HEAD}{ROWS}\n{row}\n")
    assert folder.wrong() == [f"mailboxes/example.com.csv:8{line}"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"", ":1: has no column address; expected the names of the columns"),
        (b"password\n", ":1: has no column address; expected the names of the columns"),
        (b"address,password,qouta\n", ":1: 'qouta' is no column; expected address, use, password, quota, quota_message_count, protocols, suspended, owner, members, send_as, private_seen or stored_as (did you mean 'quota'?)"),
        (b"address,use,use\n", ":1: 'use' is there twice; expected each column once"),
        (b"address;password\n", ":1: is separated by semicolons; expected commas (a spreadsheet asks for the separator when it exports CSV)"),
        (b'"Password";"Address"\r\n', ":1: is separated by semicolons; expected commas (a spreadsheet asks for the separator when it exports CSV)"),
        (b"sep=;\r\naddress;password\r\n", ":1: is separated by semicolons; expected commas (a spreadsheet asks for the separator when it exports CSV)"),
        (b"address\tpassword\n", ":1: is separated by tabs; expected commas (a spreadsheet asks for the separator when it exports CSV)"),
        (b"address\nx@example.com\xe4\n", ":2: is no text in UTF-8 (save it as UTF-8, which a spreadsheet calls CSV UTF-8)"),
        ("address,password\n".encode("utf-16"), ": is in UTF-16; expected UTF-8 (save it as UTF-8, which a spreadsheet calls CSV UTF-8)"),
        ("address,password\n".encode("utf-16-be"), ": is in UTF-16; expected UTF-8 (save it as UTF-8, which a spreadsheet calls CSV UTF-8)"),
        (b"PK\x03\x04\x14\0\0\0", ": is a spreadsheet's own file; expected text in UTF-8 (export it as CSV UTF-8)"),
        (f"x@example.com,{HASH}\n".encode(), ":1: has no names of columns; expected address,password,use or others"),
        (b"address\nx\0@example.com\n", ":2: 'x\\x00@example.com' has no valid local part; expected letters, digits and - _ . before the @"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_sheet_is_said_once(
    folder: Folder, sheet: Path, text: bytes, line: str
) -> None:
    sheet.write_bytes(text)
    assert f"mailboxes/example.com.csv{line}" in folder.wrong()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("example.cmo.csv", ": 'example.cmo' is no domain of ours; expected example.com, example.org or example.biz (did you mean 'example.com'?)"),
        ("example.biz.csv", ": 'example.biz' is an alias domain of example.com; expected mailboxes/example.com.csv"),
        ("example.csv", ": 'example' is no domain name; expected a full name such as example.com"),
        ("Example.com.csv", ": 'example.com' is the domain of mailboxes/Example.com.csv as well; expected one sheet for each"),
        ("example.org.toml", ": is no sheet of mailboxes; expected a name such as example.com.csv"),
    ],
)  # fmt: skip
def test_a_sheet_is_named_after_a_domain_of_ours(
    folder: Folder, sheet: Path, name: str, line: str
) -> None:
    folder.mail += '[domains."example.biz"]\nalias_of = "example.com"\n'
    (sheet.parent / name).write_text(HEAD)
    where = "example.com.csv" if name == "Example.com.csv" else name
    assert folder.wrong() == [f"mailboxes/{where}{line}"]


def test_what_other_programs_write_is_read(folder: Folder, sheet: Path) -> None:
    """A byte order mark, line ends of Windows, quotes around everything, no end of the last line."""
    sheet.write_bytes(f'\ufeff"address","password"\r\n"x@example.com","{HASH}"'.encode())
    assert "x@example.com" in check(folder.path).mailboxes


def test_what_spreadsheets_make_of_a_row_is_read(folder: Folder, sheet: Path) -> None:
    """Empty rows and columns, none at the end of a row, TRUE, blanks, capitals, other separators
    in a cell, and hashes without a scheme.
    """
    bare = HASH.removeprefix("{BLF-CRYPT}")
    sheet.write_text(
        "Address , PASSWORD,use,Quota,protocols,suspended,members,,\n"
        ",,,,,,,,\n"
        f" X@Example.Com ,{bare} ,Both,5g,,,\n"
        " , ,,\n"
        f'y@example.com,{{blf-crypt}}{bare},devices,Unlimited,"IMAP, Submission",TRUE,,,\n'
        f"z@example.com,\xa0{HASH}\n"
        't@example.com,,SHARED,,,,"x@example.com=READ; y@example.com=write",,\n',
        "utf-8",
    )
    found = check(folder.path).mailboxes
    x, y, z, t = (found[f"{name}@example.com"] for name in "xyzt")
    assert (x.use, x.quota, x.suspended) == ("both", 5 << 30, False)
    assert (y.quota, y.protocols, y.suspended) == (0, ("imap", "submission"), True)
    assert [(each.address, each.right) for each in t.members] == [
        ("x@example.com", "read"),
        ("y@example.com", "write"),
    ]
    assert {x.password, y.password, z.password} == {HASH}
    with edited(folder.path) as editor:
        editor.set("x@example.com", {"quota": "6G", "send_as": None})
        editor.set("t@example.com", {"private_seen": True})
    assert check(folder.path).mailboxes["x@example.com"].quota == 6 << 30
    assert check(folder.path).mailboxes["t@example.com"].private_seen
    assert check(folder.path).mailboxes["y@example.com"] == y


def test_a_column_that_is_none_hides_no_mistake_of_a_row(folder: Folder, sheet: Path) -> None:
    sheet.write_text(f"address,Name,password\nx@example.com,X,{HASH}\ny@example.com,Y,secret\n")
    assert [line.partition(";")[0] for line in folder.wrong()] == [
        "mailboxes/example.com.csv:1: 'name' is no column",
        'mailboxes/example.com.csv:3: "y@example.com".password: is not hashed',
    ]


@pytest.mark.parametrize("coding", ["utf-16", "utf-8-sig", "latin-1"])
def test_mail_toml_is_whatever_an_editor_made_of_it(folder: Folder, coding: str) -> None:
    folder.load()
    path = folder.path / "mail.toml"
    path.write_bytes(f"# Müller\n{folder.mail}".encode(coding))
    if coding == "utf-8-sig":
        with edited(folder.path) as editor:
            editor.set("bob@example.org", {"quota": "3G"})
        assert check(folder.path).mailboxes["bob@example.org"].quota == 3 << 30
    else:
        what = "is in UTF-16" if coding == "utf-16" else "is no text in UTF-8"
        with pytest.raises(Problems, match=what):
            check(folder.path)


def test_a_hundred_equal_mistakes_are_few_lines(folder: Folder, sheet: Path) -> None:
    rows = "".join(f"x{n}@example.com,{HASH},,5X,,,,,,,\n" for n in range(100))
    sheet.write_text(f"{HEAD}{ROWS}{rows}x@example.com,,,,,,,,,,\n")
    lines = folder.wrong()
    assert len(lines) == ALIKE + 2
    assert (
        lines[ALIKE]
        == 'mailboxes/example.com.csv:106: "x99@example.com".quota: the last of 80 more: is no size'
    )
    assert lines[-1].startswith(
        'mailboxes/example.com.csv:107: "x@example.com".password: is missing'
    )


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row["address"]: row for row in csv.DictReader(file)}


def test_a_command_changes_one_row_and_leaves_the_rest(folder: Folder, sheet: Path) -> None:
    with edited(folder.path) as editor:
        editor.set("Carol@example.com", {"quota": None, "use": "devices"})
    assert sheet.read_text() == HEAD + ROWS.replace("both,5G", "devices,")
    with edited(folder.path) as editor:
        editor.set(
            "team@example.com",
            {"members": {"Carol@example.com": None, "alice@example.com": "read"}},
        )
    assert rows(sheet)["team@example.com"]["members"] == "alice@example.com=read"
    with edited(folder.path) as editor:
        editor.remove("dave@example.com")
    assert "dave@Example.COM" not in rows(sheet)
    assert sheet.read_text().endswith(ROWS[ROWS.index('"new@') :])


def test_a_new_mailbox_goes_into_the_sheet_of_its_domain(folder: Folder, sheet: Path) -> None:
    sheet.write_bytes(f"\ufeffaddress,password\r\nx@example.com,{HASH}".encode())
    (folder.path / "mail.toml").write_text(folder.mail)
    with edited(folder.path) as editor:
        editor.add(
            "y@example.com", {"password": HASH, "suspended": True, "protocols": ["imap", "sieve"]}
        )
        editor.add("z@example.org", {"password": HASH})
        assert editor.file("y@example.com") == sheet
        assert editor.file("z@example.org") == folder.path / "mail.toml"
    assert sheet.read_bytes().decode() == (
        "\ufeffaddress,password,suspended,protocols\r\n"
        f"x@example.com,{HASH},,\r\ny@example.com,{HASH},true,imap sieve\r\n"
    )
    assert "z@example.org" in tomllib.loads((folder.path / "mail.toml").read_text())["mailboxes"]


def test_a_change_that_would_break_the_description_is_not_written(
    folder: Folder, sheet: Path
) -> None:
    for name, settings in (
        ("carol@example.com", {"use": "shared"}),
        ("x@example.com", {"use": "x"}),
    ):
        editor = Editor(folder.path)
        with pytest.raises(Problems) as caught:
            (editor.set if "carol" in name else editor.add)(name, settings)
        assert f'"{name}"' in str(caught.value)
    assert sheet.read_text() == HEAD + ROWS


def test_a_name_that_is_nobody_s_gets_a_hint(folder: Folder, sheet: Path) -> None:
    with pytest.raises(Problems) as caught:
        Editor(folder.path).settings("carl@example.com")
    assert (
        str(caught.value)
        == "mail.toml: mailboxes: 'carl@example.com' is no mailbox (did you mean 'carol@example.com'?)"
    )
    with pytest.raises(Problems) as caught:
        Editor(folder.path).vacant("Carol@example.com")
    assert "'Carol@example.com' is there already" in str(caught.value)


def test_a_renamed_row_is_renamed_wherever_it_is_named(folder: Folder, sheet: Path) -> None:
    before = check(folder.path)
    with edited(folder.path) as editor:
        editor.rename("carol@example.com", "caroline@example.com", alias=True)
    after = check(folder.path)
    assert after.mailboxes["scan@example.com"].owner == "caroline@example.com"
    assert [m.address for m in after.mailboxes["team@example.com"].members] == [
        "alice@example.com",
        "caroline@example.com",
    ]
    assert after.aliases["carol@example.com"].targets == ("caroline@example.com",)
    carol = before.mailboxes["carol@example.com"]
    assert after.mailboxes["caroline@example.com"] == replace(
        carol, address="caroline@example.com", stored_as="carol@example.com", keeps_mail=True
    )
    with edited(folder.path) as editor:
        editor.rename("caroline@example.com", "carol@example.com", alias=False)
    assert check(folder.path).mailboxes == before.mailboxes


def test_a_row_moves_to_where_its_new_domain_has_its_mailboxes(folder: Folder, sheet: Path) -> None:
    folder.hosts = folder.hosts[: folder.hosts.index('    ("mail.example.org"')] + "]\n"
    folder.mail = folder.mail.replace('host = "mail.example.org"', "").replace(
        'host = "mail.example.com"', ""
    )
    folder.load()
    with edited(folder.path) as editor:
        editor.rename("new@example.com", "new@example.org", alias=True)
    table = tomllib.loads((folder.path / "mail.toml").read_text())["mailboxes"]["new@example.org"]
    assert table == {"password": HASH, "stored_as": "old@example.com"}
    (sheet.parent / "example.org.csv").write_text("password,address\n")
    with edited(folder.path) as editor:
        editor.rename("dave@example.com", "dave@example.org", alias=True)
    there = rows(sheet.parent / "example.org.csv")["dave@example.org"]
    assert (there["protocols"], there["suspended"], there["stored_as"]) == (
        "imap submission",
        "true",
        "dave@example.com",
    )
    assert "dave@Example.COM" not in rows(sheet)


def test_the_command_says_which_file_it_changed(
    folder: Folder, sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main(["mailbox", "set", "carol@example.com", str(folder.path), "--quota", "7G"])
    assert done.value.code in (0, None)
    assert capsys.readouterr().out == f"carol@example.com is changed in {sheet}\n"
    assert rows(sheet)["carol@example.com"]["quota"] == "7G"
