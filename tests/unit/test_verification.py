"""Verification itself: what verify.toml says, and one failure for what one thing breaks."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from socket import create_server

import pytest

from mailwright import cli
from mailwright.inventory import password, verification
from mailwright.model.problems import Problems
from mailwright.rotation import birth
from tests import inventories
from tests.unit.conftest import Folder

ROOT = Path(__file__).parents[2]
WORD = "correct horse battery"
RIGHT = f'[accounts]\n"alice@example.com" = "{WORD}"\n'


@pytest.fixture
def described(folder: Folder) -> Folder:
    folder.mail = folder.mail.replace(folder.hash, password.hash(WORD, generated=True), 1)
    folder.mail += '[mailboxes."team@example.com"]\nuse = "shared"\n'
    return folder


def told(folder: Folder, text: str) -> list[str]:
    (folder.path / "verify.toml").write_text(text)
    boxes = {each.address: each for each in folder.load().mailboxes}
    return list(map(str, verification.problems(verification.read(folder.path), boxes)))


OTHER = (
    '[correspondent]\naddress = "x@elsewhere.example"\nimap_host = "i.example"\npassword = "p"\n'
)


@pytest.mark.parametrize("text", ["", RIGHT, RIGHT + OTHER])
def test_what_is_right(described: Folder, text: str) -> None:
    assert told(described, text) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (RIGHT.replace("alice", "alcie"), 'accounts."alcie@example.com": \'alcie@example.com\' is no mailbox of ours (did you mean \'alice@example.com\'?)'),
        (RIGHT.replace("alice", "Alice"), 'accounts."Alice@example.com": \'Alice@example.com\' is not written as its mailbox is; expected alice@example.com'),
        (RIGHT.replace("alice", "team"), 'accounts."team@example.com": has no password in mail.toml (nobody logs in to it)'),
        (RIGHT.replace(WORD, "wrong"), 'accounts."alice@example.com": is not the password whose hash the description has ('),
        (RIGHT.replace(f'"{WORD}"', "12"), 'accounts."alice@example.com": is no text; expected its password in quotes'),
        (RIGHT.replace("@example.com", ""), "is no mail address"),
        ("[acounts]\n", ": 'acounts' is no setting; expected accounts or correspondent (did you mean 'accounts'?)"),
        ("accounts = 1\n", "accounts: is no table"),
        (OTHER.replace("imap_host", "imap"), "correspondent: 'imap' is no setting"),
        (OTHER.replace('password = "p"', ""), "correspondent.password: is missing"),
        (OTHER.replace("x@", "x"), "correspondent.address: 'xelsewhere.example' is no mail address"),
    ],
)  # fmt: skip
def test_what_verification_could_not_use_is_said(described: Folder, text: str, line: str) -> None:
    found = told(described, text)
    assert any(line in each for each in found), found
    assert WORD not in "".join(found)


@pytest.mark.parametrize("raw", [b"[accounts", "x = 1".encode("utf-16"), b"# \xe4"])
def test_what_cannot_be_read_is_said(described: Folder, raw: bytes) -> None:
    (described.path / "verify.toml").write_bytes(raw)
    with pytest.raises(Problems, match=r"^verify\.toml"):
        verification.read(described.path)


def test_a_private_address_is_told(folder: Folder) -> None:
    for address in ("10.1.2.3", "172.31.0.1", "192.168.0.9", "100.64.0.1"):
        folder.hosts = f'mail = [("mail.example.com", {{"debian": 12, "ipv4": "{address}"}}), ("mail.example.org", {{"debian": 12, "ipv6": "fd00::1"}})]\n'  # fmt: skip
        first, second, *_ = folder.load().warnings
        assert first.startswith(f"mail.example.com: {address} is a private address")
        assert second.startswith("mail.example.org: fd00::1 is a private address")
    folder.hosts = folder.hosts.replace("100.64.0.1", "100.128.0.1").replace(
        "fd00::1", "2001:db8::1"
    )
    assert not [each for each in folder.load().warnings if "private" in each]


def test_show_tells_it(described: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    told(described, RIGHT.replace("alice", "alcie"))
    made = described.load()
    wanted = [(domain, name) for domain in made.domains for name in birth.lacking(domain)]
    list(birth.make(described.path, wanted, birth.lacking, datetime.now(UTC), None))
    for host in made.hosts:
        path = described.path / host.tls_chain_file
        path.parent.mkdir(exist_ok=True)
        inventories.self_signed(path, host.name)
    with pytest.raises(SystemExit) as caught:
        cli.main(["show", str(described.path)])
    assert not caught.value.code
    assert "warning: verify.toml: accounts" in capsys.readouterr().err


@pytest.fixture
def distrusted(tmp_path: Path) -> Iterator[int]:
    """The port of a server whose certificate nobody has signed."""
    inventories.self_signed(tmp_path / "chain.pem", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem")
    with create_server(("localhost", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    plain, _ = server.accept()
                    with suppress(OSError), context.wrap_socket(plain, server_side=True):
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


TESTS = """
import imaplib, ssl
from types import SimpleNamespace
import pytest
HOSTS = [SimpleNamespace(name="one.example"), SimpleNamespace(name="two.example")]
EACH = pytest.mark.parametrize("mail", HOSTS, ids=["one", "two"])

def log_in():
    imaplib.IMAP4_SSL("localhost", {port}, ssl_context=ssl.create_default_context())

@pytest.fixture
def session():
    try:
        log_in()
    except OSError as error:
        raise ValueError("no session") from error

@EACH
@pytest.mark.parametrize("number", range(5))
def test_login(mail, number): log_in()
@EACH
def test_session(mail, session): pass
@EACH
def test_another_failure(mail): assert False
@EACH
def test_a_success(mail): pass
"""


def test_a_certificate_that_is_refused_is_one_failure_of_each_host(
    tmp_path: Path, distrusted: int
) -> None:
    hook = "from tests.host.conftest import pytest_runtest_makereport\n"
    (tmp_path / "conftest.py").write_text(hook)
    (tmp_path / "test_it.py").write_text(TESTS.replace("{port}", str(distrusted)))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-q",
        "-rs",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    end = done.stdout.splitlines()[-1]
    assert end.startswith("4 failed, 2 passed, 10 skipped"), done.stdout
    for name in ("one", "two"):
        assert f"{name}.example: its certificate is refused: self" in done.stdout
