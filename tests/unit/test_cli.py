"""The command line as it is typed: output, error lines, exit codes."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import os
import pty
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest

from mailwright import cli
from mailwright.commands import init
from mailwright.commands.terminal import passphrase
from mailwright.model.problems import Problems
from tests.unit.conftest import Folder

Run = Callable[..., tuple[int, str, list[str]]]

HERE = Path(__file__).parent.parent.parent
INIT = ("init", "inventory", "--host", "mail.example.com", "--debian", "13")
ADDRESSES = ("--ipv4", "198.51.100.10", "--ipv6", "2001:db8::10")


@pytest.fixture(autouse=True)
def _elsewhere(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.delenv("MAILWRIGHT_PASSPHRASE", raising=False)
    passphrase.cache_clear()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Types a command; gives its exit code, output and error lines."""

    def typed(*args: str, stdin: str = os.devnull) -> tuple[int, str, list[str]]:
        with Path(stdin).open() as file, pytest.raises(SystemExit) as caught:
            monkeypatch.setattr(sys, "stdin", file)
            cli.main(list(args))
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err.splitlines()

    return typed


def test_usage_is_worked_examples(run: Run) -> None:
    code, out, err = run()
    assert (code, err) == (0, [])
    assert "mailwright init inventory " in out
    assert run("--help") == (0, out, [])
    for command in ("init", "show", "keys", "dns", "password"):
        code, out, _ = run(command, "--help")
        assert (code, f"mailwright {command}" in out) == (0, True)


@pytest.mark.parametrize(
    ("args", "code", "line"),
    [
        (["show", "nowhere"], 1, "nowhere: is missing; expected an inventory folder (make one with 'mailwright init')"),
        (["dns"], 1, "inventory: is missing; expected an inventory folder (make one with 'mailwright init')"),
        (["init", "new"], 2, "--host is missing (see 'mailwright init --help')"),
        ([*INIT], 2, "--ipv4 or --ipv6 is missing (see 'mailwright init --help')"),
        ([*INIT, "--ipv4", "198.51.100.300"], 1, "hosts.py: \"mail.example.com\".ipv4: '198.51.100.300' is no IPv4 address; expected one such as 198.51.100.10"),
        (["init", "x", "--host", "mail"], 1, "--host: 'mail' is no domain name; expected a full name such as example.com"),
    ],
)  # fmt: skip
def test_mistakes_are_error_lines(run: Run, args: list[str], code: int, line: str) -> None:
    assert run(*args) == (code, "", [f"error: {line}"])
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("args", "what", "command"),
    [
        (["shwo"], "No such command 'shwo'.", "mailwright"),
        (["show", "a", "b"], "Got unexpected extra argument (b)", "mailwright show"),
        (["keys", "--domian", "x"], "No such option", "mailwright keys"),
        (["init"], "Missing argument 'DIR'.", "mailwright init"),
    ],
)
def test_wrong_usage_points_to_the_help(run: Run, args: list[str], what: str, command: str) -> None:
    code, out, (line,) = run(*args)
    assert (code, out) == (2, "")
    assert line.startswith(f"error: {what}")
    assert line.endswith(f"(see '{command} --help')")


def test_init_writes_an_inventory_that_is_right_and_private(run: Run) -> None:
    code, out, err = run(*INIT, *ADDRESSES, "--mailbox", "alice@example.com")
    assert (code, err) == (0, [])
    folder = Path("inventory")
    assert sorted(path.name for path in folder.iterdir()) == [
        ".gitignore", "hosts.py", "keys", "mail.toml", "tls", "verify.toml",
    ]  # fmt: skip
    assert stat.S_IMODE((folder / "verify.toml").stat().st_mode) == 0o600
    ignored = (folder / ".gitignore").read_text().splitlines()
    assert {"/keys/", "/tls/", "/verify.toml"} <= set(ignored)
    secret = tomllib.loads((folder / "verify.toml").read_text())["accounts"]["alice@example.com"]
    assert f"Password of alice@example.com, shown this once: {secret}\n" in out
    mailbox = tomllib.loads((folder / "mail.toml").read_text())["mailboxes"]["alice@example.com"]
    hashed = mailbox["password"].removeprefix("{BLF-CRYPT}")
    assert bcrypt.checkpw(secret.encode(), hashed.encode())
    assert "mailwright dns inventory" in out
    code, out, err = run("dns")
    assert (code, err) == (0, [])
    assert "example.com. 3600 IN MX 10 mail.example.com.\n" in out
    code, out, err = run("show")
    assert (code, err) == (0, [])
    assert "  mail.example.com  Debian 13  198.51.100.10 2001:db8::10  tls acme" in out.splitlines()


def test_init_leaves_a_folder_with_files_alone(run: Run) -> None:
    Path("inventory").mkdir()
    (Path("inventory") / "mine").touch()
    code, out, err = run(*INIT, *ADDRESSES)
    assert (code, out) == (1, "")
    line = "is not empty; expected a folder that is empty or does not exist yet"
    assert err == [f"error: {Path('inventory').absolute()}: {line}"]
    assert [path.name for path in Path().rglob("*")] == ["inventory", "mine"]


def test_nothing_is_written_over(run: Run) -> None:
    run(*INIT, *ADDRESSES)
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    starter = init.Starter("mail.example.com", {}, "example.com", "a@example.com", "hush", False)
    with pytest.raises(Problems, match="is not empty"):
        init.create(Path("inventory").absolute(), starter, None)
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_init_for_sudo_and_for_this_machine(run: Run) -> None:
    run(*INIT, *ADDRESSES, "--ssh-user", "admin")
    hosts = Path("inventory/hosts.py").read_text()
    assert '"ssh_user": "admin",\n            "_sudo": True,\n' in hosts
    run("init", "here", *INIT[2:], *ADDRESSES, "--local")
    hosts = Path("here/hosts.py").read_text()
    assert '"@local",\n' in hosts
    assert '"myhostname": "mail.example.com",\n' in hosts
    assert run("dns", "here")[0] == 0


def test_init_in_an_idn_domain(run: Run) -> None:
    assert (
        run("init", "inventory", "--host", "mail.münchen.example", "--debian", "12", *ADDRESSES)[0]
        == 0
    )
    assert '"mail.xn--mnchen-3ya.example"' in Path("inventory/hosts.py").read_text()
    code, out, err = run("dns", "inventory", "MÜNCHEN.example")
    assert (code, err) == (0, [])
    assert out.startswith("; Zone münchen.example (xn--mnchen-3ya.example)\n")


def test_show_says_what_follows(run: Run, folder: Folder, chain: Callable[..., str]) -> None:
    folder.mail += '"team@example.com" = ["info@example.com", "bob@example.org"]\n'
    folder.mail = folder.mail.replace("2G", "10M")
    folder.load()
    run("keys", str(folder.path))
    folder.certify()
    for name in ("mail.example.com", "mail.example.org"):
        (folder.path / f"tls/{name}.pem").write_text(chain(name))
        (folder.path / f"tls/{name}.pem").chmod(0o600)
    code, out, err = run("show", str(folder.path))
    assert code == 0
    assert err == ["warning: bob@example.org has a quota below message_size_limit"]
    lines = out.splitlines()
    assert (
        "  mail.example.com  Debian 12  198.51.100.10 2001:db8::10  tls tls/mail.example.com.pem"
        in lines
    )
    assert "  alice@example.com  devices  1G  imap submission sieve" in lines
    assert "  team@example.com -> alice@example.com bob@example.org" in lines
    assert "  abuse@example.org -> alice@example.com" in lines
    assert any(line.startswith("  example.org  on mail.example.org  dkim mw20") for line in lines)


def test_keys_makes_what_is_missing_and_leaves_what_is_there(run: Run, folder: Folder) -> None:
    folder.load()
    code, out, err = run("keys", str(folder.path), "--domain", "Example.org")
    assert (code, err, out.count("new: publish it in DNS")) == (0, [], 1)
    (first,) = folder.path.glob("keys/*/*.pem")
    before = first.read_bytes(), first.stat().st_mtime_ns
    first.with_suffix(".txt").unlink()
    code, out, err = run("keys", str(folder.path))
    assert (code, err, out.count("new: publish it in DNS")) == (0, [], 1)
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    assert first.with_suffix(".txt").exists()
    assert run("keys", str(folder.path))[1].splitlines() == [
        f"{name}: {first.stem} (rsa), signing" for name in ("example.com", "example.org")
    ]
    (folder.path / f"keys/example.com/{first.name}").unlink()
    code, _, err = run("keys", str(folder.path))
    assert code == 1
    assert err[0].startswith(
        f"error: keys/example.com/{first.name}: is lost: only its public value"
    )
    assert len(list(folder.path.glob("keys/*/*.pem"))) == 1


def test_keys_for_a_domain_that_is_not_there(run: Run, folder: Folder) -> None:
    folder.load()
    assert run("keys", str(folder.path), "--domain", "exmaple.org") == (
        2, "", [f"error: 'exmaple.org' is no domain of {folder.path}; did you mean 'example.org'? (see 'mailwright keys --help')"],
    )  # fmt: skip


def test_a_passphrase_encrypts_new_keys(
    run: Run, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.load()
    monkeypatch.setenv("MAILWRIGHT_PASSPHRASE", "open sesame")
    assert run("keys", str(folder.path))[0] == 0
    for path in folder.path.glob("keys/*/*.pem"):
        assert "ENCRYPTED" in path.read_text()
    assert run("dns", str(folder.path))[0] == 0
    monkeypatch.delenv("MAILWRIGHT_PASSPHRASE")
    passphrase.cache_clear()
    code, out, err = run("keys", str(folder.path))
    assert (code, out, len(err)) == (1, "", 2)
    assert "is encrypted (set MAILWRIGHT_PASSPHRASE to its passphrase)" in err[0]
    assert run("dns", str(folder.path))[0] == 0, "what is public is no secret"


def test_password_from_a_pipe(run: Run, tmp_path: Path) -> None:
    (tmp_path / "typed").write_text("correct horse\n")
    code, out, err = run("password", stdin=str(tmp_path / "typed"))
    assert (code, err) == (0, [])
    scheme, hashed = out[:11], out[11:].strip()
    assert scheme == "{BLF-CRYPT}"
    assert bcrypt.checkpw(b"correct horse", hashed.encode())
    code, out, err = run("password", "--generate")
    assert bcrypt.checkpw(err[0].encode(), out[11:].strip().encode())
    assert run("password")[2] == [
        "error: input: the password cannot be hashed; expected 1 to 72 bytes, none of them zero"
    ]


def terminal(answers: list[str], *args: str) -> tuple[int, str]:
    """Types a command on a real terminal and answers each question when it has been asked."""
    child, master = pty.fork()
    if child == 0:
        code = "from mailwright.cli import main; main()"
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        os.execve(sys.executable, [sys.executable, "-c", code, *args], environment)
    seen = b""
    for answer in answers:
        while not seen.endswith(b": "):
            seen += os.read(master, 1000)
        time.sleep(0.1)  # getpass throws away what was typed before it turned the echo off
        os.write(master, answer.encode() + b"\n")
        seen += os.read(master, 1)
    try:
        while piece := os.read(master, 1000):
            seen += piece
    except OSError:  # the terminal is gone with the command
        pass
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen.decode()


def test_a_password_is_asked_twice_and_never_echoed() -> None:
    code, seen = terminal(["correct horse", "correct horse"], "password")
    assert (code, "{BLF-CRYPT}$2y$" in seen, "horse" in seen) == (0, True, False)


def test_init_asks_for_what_is_not_given() -> None:
    answers = [
        "mail.example.com",
        "-",
        "2001:db8::1",
        "12",
        "",
        "alice@example.com",
        "hush",
        "hush",
    ]
    code, seen = terminal(answers, "init", "inventory")
    assert (code, "hush" in seen, "shown this once" in seen) == (0, False, False)
    hosts = Path("inventory/hosts.py").read_text()
    assert (
        '"debian": 12,\n            "ipv6": "2001:db8::1",\n            "ssh_user": "root",\n'
        in hosts
    )
    verify = tomllib.loads(Path("inventory/verify.toml").read_text())
    assert verify == {"accounts": {"alice@example.com": "hush"}}


def test_the_passphrase_is_asked_once_on_a_terminal(
    run: Run, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.load()
    monkeypatch.setenv("MAILWRIGHT_PASSPHRASE", "open sesame")
    run("keys", str(folder.path))
    monkeypatch.delenv("MAILWRIGHT_PASSPHRASE")
    code, seen = terminal(["open sesame"], "keys", str(folder.path))
    assert (code, seen.count("Passphrase"), "sesame" in seen) == (0, 1, False)
    assert seen.count("(rsa), signing") == 2


def test_pyinfra_shows_the_inventory_without_its_secrets(run: Run) -> None:
    run(*INIT, *ADDRESSES)
    command = [
        sys.executable,
        "-m",
        "pyinfra",
        str(Path("inventory").absolute()),
        "debug-inventory",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    shown = done.stdout + done.stderr
    assert (done.returncode, "/etc/postfix/main.cf" in shown) == (0, True), shown
    for secret in ("PRIVATE KEY", "BLF-CRYPT", "$2y$"):
        assert secret not in shown


def test_printing_dns_loads_nothing_that_it_does_not_need(run: Run) -> None:
    run(*INIT, *ADDRESSES)
    code = """import atexit, sys
from mailwright.cli import main
late = {"pyinfra", "paramiko", "cryptography", "dns", "tomlkit"}
atexit.register(lambda: print(*({*sys.modules} & late)))
main(["dns", "inventory", "example.com"])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "", done.stdout


def test_the_reader_of_a_pipe_may_leave() -> None:
    run = [sys.executable, "-c", "from mailwright.cli import main; main(['dns', '--help'])"]
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=HERE)
    assert process.stdout and process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""


def test_tlsa_is_not_left_out_where_the_certificate_is_missing(run: Run, folder: Folder) -> None:
    folder.hosts = folder.hosts.replace('"debian": 12', '"debian": 12, "dane": True')
    folder.load()
    run("keys", str(folder.path))
    code, out, err = run("dns", str(folder.path))
    assert (code, out) == (1, "")
    expected = "expected private key, leaf and intermediates in one PEM file"
    assert f"error: tls/mail.example.com.pem: is missing; {expected}" in err
