"""`mailwright alias` and `mailwright domain`: mail.toml edited, and what follows from it."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import os
import sys
import tomllib
from pathlib import Path

import pytest

from mailwright import cli
from mailwright.inventory.load import load
from tests.unit.conftest import HASH, Folder
from tests.unit.test_mailbox import MAIL

Done = tuple[int, str, list[str]]


class Typed:
    """Commands as they are typed, and the file that they edit."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.folder, self.capsys, self.patch = folder, capsys, patch

    def __call__(self, *args: str) -> Done:
        """Exit code, output and error lines."""
        words = [*args[:3], str(self.folder), *args[3:]] if args[2:] else [*args, str(self.folder)]
        with Path(os.devnull).open() as nothing, pytest.raises(SystemExit) as caught:
            self.patch.setattr(sys, "stdin", nothing)
            cli.main(words)
        out, err = self.capsys.readouterr()
        return int(caught.value.code or 0), out, err.splitlines()

    @property
    def text(self) -> str:
        return (self.folder / "mail.toml").read_text()

    def table(self, name: str) -> dict[str, object]:
        return dict(tomllib.loads(self.text).get(name, {}))


@pytest.fixture
def run(
    folder: Folder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Typed:
    folder.mail = MAIL
    folder.load()
    return Typed(folder.path, capsys, monkeypatch)


def test_an_alias_comes_grows_shrinks_and_goes(run: Typed) -> None:
    code, out, _ = run("alias", "add", "sales@example.com", "--to", "alice@example.com")
    assert (code, out) == (0, "mail to sales@example.com goes to alice@example.com\n")
    assert run.text == MAIL + '"sales@example.com" = "alice@example.com"\n'
    two = ("--to", "Alice@example.com,bob@example.org", "--to", "x@elsewhere.example")
    assert run("alias", "add", "Sales@Example.com", *two)[0] == 0
    both = ["alice@example.com", "bob@example.org", "x@elsewhere.example"]
    assert run.table("aliases")["sales@example.com"] == both
    assert run("alias", "remove", "sales@example.com", "--to", "bob@example.org")[0] == 0
    assert run.table("aliases")["sales@example.com"] == [both[0], both[2]]
    assert run("alias", "remove", "SALES@example.com")[0] == 0
    assert run.text == MAIL


def test_the_comments_of_a_list_stay(run: Typed) -> None:
    assert run("alias", "add", "info@example.com", "--to", "bob@example.org")[0] == 0
    assert run.table("aliases")["info@example.com"] == ["alice@example.com", "bob@example.org"]
    assert "# first" in run.text
    assert run("alias", "remove", "info@example.com", "--to", "bob@example.org")[0] == 0
    assert "# first" in run.text


def test_the_first_alias_and_a_catch_all(run: Typed) -> None:
    run("alias", "remove", "info@example.com")
    assert "aliases" not in tomllib.loads(run.text)
    assert run("alias", "add", "@example.org", "--to", "bob@example.org")[0] == 0
    assert run.table("aliases") == {"@example.org": "bob@example.org"}
    assert run("alias", "list") == (0, "@example.org  bob@example.org\n", [])


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("remove", "inof@example.com"), "'inof@example.com' is no alias (did you mean 'info@example.com'?)"),
        (("remove", "info@example.com", "--to", "bob@example.org"), "'bob@example.org' does not lead to"),
        (("remove", "info@example.com", "--to", "alice@example.com"), "would lead to nobody"),
        (("add", "x@example.com", "--to", "nobody@example.com"), "'nobody@example.com' is nobody's address"),
        (("add", "x@example.com", "--to", "nobody"), "'nobody' is no mail address"),
        (("add", "x@elsewhere.example", "--to", "alice@example.com"), "'elsewhere.example' is no domain of ours"),
        (("add", "x", "--to", "alice@example.com"), "'x' is no mail address"),
        (("add", "alice@example.com", "--to", "bob@example.org"), "is a mailbox as well"),
        (("add", "x@example.com", "--to", "x@example.com"), "is a loop"),
        (("add", "x@example.com"), "--to is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_written(
    run: Typed, args: tuple[str, ...], line: str
) -> None:
    code, _, err = run("alias", *args)
    assert code != 0
    assert any(line in each for each in err), err
    assert run.text == MAIL


def test_an_alias_that_is_still_named_goes_from_everywhere(run: Typed) -> None:
    run("alias", "add", "x@example.com", "--to", "info@example.com")
    run("alias", "add", "y@example.com", "--to", "x@example.com,bob@example.org")
    code, _, err = run("alias", "remove", "info@example.com")
    assert code == 1
    assert "(--everywhere takes it out of there as well)" in err[0]
    assert run("alias", "remove", "info@example.com", "--everywhere")[0] == 0
    assert run.table("aliases") == {"y@example.com": ["bob@example.org"]}


def test_a_new_domain_has_keys_and_records(run: Typed) -> None:
    words = ("--host", "mail.example.com", "--dkim", "rsa,ed25519")
    code, out, err = run("domain", "add", "example.net", *words)
    assert code == 0
    assert run.table("domains")["example.net"] == {
        "host": "mail.example.com",
        "dkim": ["rsa", "ed25519"],
    }
    assert sorted(path.suffix for path in (run.folder / "keys/example.net").glob("*.pem"))[1:]
    assert {"MX", "TXT"} <= {line.split()[3] for line in out.splitlines() if " IN " in line}
    assert out.count(" IN MX ") == 1
    assert out.count("v=DKIM1") == 4  # the host signs its own mail with these keys as well
    assert "new: publish it in DNS" in "".join(err)
    assert "# The owner." in run.text


def test_a_parked_domain_says_that_it_has_no_mail(run: Typed) -> None:
    code, out, _ = run("domain", "add", "example.info", "--parked")
    assert (code, "v=spf1 -all" in out) == (0, True)
    assert not (run.folder / "keys/example.info").exists()


def test_an_alias_domain(run: Typed) -> None:
    assert run("domain", "add", "example.biz", "--alias-of", "example.com")[0] == 0
    assert load(run.folder, require_keys=False, require_tls=False).domains[0].alias_of


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("add", "example.net"), "host: is missing; expected mail.example.com or mail.example.org"),
        (("add", "Example.org"), "'Example.org' is there already"),
        (("add", "net"), "'net' is no domain name"),
        (("add", "example.net", "--alias-of", "exampel.com"), "'exampel.com' is no domain of ours"),
        (("add", "example.net", "--host", "mail.example.com", "--dkim", "rsas"), "'rsas' is unknown"),
        (("add", "example.net", "--parked", "--dmarc", "none"), "has no place in a parked domain"),
        (("remove", "exampel.com"), "'exampel.com' is no domain of ours (did you mean 'example.com'?)"),
        (("remove", "example.org"), "'example.org' is no domain of ours"),
        (("remove", "example.com", "--everywhere"), "'alice@example.com' is of this domain"),
    ],
)  # fmt: skip
def test_a_domain_that_would_break_the_description_is_not_written(
    run: Typed, args: tuple[str, ...], line: str
) -> None:
    code, out, err = run("domain", *args)
    assert (code, out) == (1, "")
    assert any(line in each for each in err), err
    assert run.text == MAIL
    assert not (run.folder / "keys").exists()


def test_what_is_added_and_removed_leaves_the_old_file_and_its_keys(run: Typed) -> None:
    _, added, _ = run("domain", "add", "example.net", "--host", "mail.example.com")
    code, removed, err = run("domain", "remove", "example.net")
    assert (code, run.text) == (0, MAIL)
    assert removed == added
    assert "take out of DNS" in "".join(err)
    assert [*(run.folder / "keys/example.net").glob("*.pem")]


def test_a_domain_goes_with_all_that_it_has(run: Typed) -> None:
    run("alias", "add", "info@example.org", "--to", "bob@example.org")
    run("alias", "add", "info@example.com", "--to", "info@example.org")
    for name, text in {
        "mailboxes/example.org.csv": f"address,password\ndora@example.org,{HASH}\n",
        "sieve/before/example.org.sieve": "keep;\n",
        "sieve/default/dora@example.org.sieve": "keep;\n",
    }.items():
        (run.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / name).write_text(text)
    assert run("domain", "remove", "example.org")[0] == 1
    code, _, err = run("domain", "remove", "example.org", "--everywhere")
    assert code == 0, err
    assert list(run.table("domains")) == ["example.com"]
    assert list(run.table("mailboxes")) == ["Alice@example.com"]
    assert run.table("aliases") == {"info@example.com": ["alice@example.com"]}
    stores = {f"{name}@example.org": f"{name}@example.org" for name in ("bob", "dora")}
    assert run.table("removed") == stores
    assert (run.folder / "mailboxes/.example.org.csv").exists()
    assert (run.folder / "sieve/before/.example.org.sieve").exists()
    assert run("alias", "list")[0] == 0
