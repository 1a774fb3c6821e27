"""`mailwright order` says what is wrong with its input, all of it, before anybody is asked."""

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from mailwright.cli import cli
from mailwright.model.problems import Problems
from tests.unit.conftest import MAIL, Folder

SERVER = ["--server", "192.0.2.53"]
ACME = '[acme]\ndirectory = "https://ca.example/dir"\n'


def order(folder: Folder, key: Path, *names: str) -> Result:
    (folder.path / "hosts.py").write_text(folder.hosts)
    (folder.path / "mail.toml").write_text(folder.mail)
    return CliRunner().invoke(cli, ["order", str(folder.path), *names, *SERVER, "--key", str(key)])


def lines(done: Result) -> list[str]:
    assert isinstance(done.exception, Problems)
    return str(done.exception).splitlines()


def test_everything_that_is_wrong_is_told_at_once(folder: Folder, tmp_path: Path) -> None:
    account = folder.path / "tls/acme-account.key"
    account.parent.mkdir()
    account.touch(0o600)
    said = lines(order(folder, tmp_path / "dns.key", "mail.example.net", "exemple.com"))
    assert [line.partition(";")[0] for line in said] == [
        "mail.toml: 'acme' is missing",
        "NAME: 'mail.example.net' is no host, and no domain with web names",
        "NAME: 'exemple.com' is no host, and no domain with web names",
        f"{tmp_path}/dns.key: is missing",
        f"{account}: has no private key",
    ]


def test_wrong_input_is_told_though_nothing_is_due(
    folder: Folder, chain: Callable[..., str], tmp_path: Path
) -> None:
    folder.mail = MAIL + ACME
    file = folder.path / "tls/mail.example.com.pem"
    file.parent.mkdir()
    file.touch(0o600)
    file.write_text(chain())
    said = lines(order(folder, tmp_path / "dns.key", "mail.example.com"))
    assert said == [f"{tmp_path}/dns.key: is missing"]


def test_a_key_that_no_certificate_can_be_for_is_named(
    folder: Folder, chain: Callable[..., str], tmp_path: Path
) -> None:
    folder.mail = MAIL + ACME
    file = folder.path / "tls/mail.example.com.pem"
    file.parent.mkdir()
    file.touch(0o644)
    file.write_text(chain(days=0))
    said = lines(order(folder, tmp_path / "dns.key", "mail.example.com"))
    assert f"{file}: is open to other users (mode 644); expected mode 600" in said
