"""What a user meets: hosts, disks, folders and pipes that fail end as `error:` and `hint:`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from mailwright import cli
from mailwright.check import preflight
from mailwright.inventory.load import load
from mailwright.net import remote
from tests.unit.conftest import Folder
from tests.unit.test_lock import RUN, ended, environment, start

KEY, OTHER = paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate()
WRITERS = (
    ("keys", "{}"),
    ("mailbox", "add", "x@example.com", "{}", "--use", "shared"),
    ("mailbox", "set", "bob@example.org", "{}", "--quota", "5G"),
    ("mailbox", "remove", "bob@example.org", "{}"),
    ("dns", "{}", "--output", "{}/out"),
    ("init", "{}/new", "--host", "m.example.net", "--ipv4", "198.51.100.9"),
)
READERS = (
    ("show", "{}"),
    ("check", "{}", "--dns"),
    ("check", "{}", "--preflight"),
    ("push", "{}", "--server", "192.0.2.1", "--key", "k"),
    ("order", "{}", "mail.example.com", "--server", "192.0.2.1", "--key", "k"),
    ("rotate", "{}"),
    ("mailbox", "list", "{}"),
    ("mailbox", "advise", "{}"),
)


class Sshd(paramiko.ServerInterface):
    """Lets everybody in, or nobody; hangs up instead of running a command, or runs it badly."""

    def __init__(self, transport: paramiko.Transport, kind: str) -> None:
        self._transport, self._kind = transport, kind

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_FAILED if self._kind == "user" else AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if self._kind == "leaves":
            self._transport.close()
        else:
            threading.Timer(0.1, self._fails, [channel]).start()
        return True

    def _fails(self, channel: paramiko.Channel) -> None:
        channel.send_exit_status(1)
        channel.close()


@pytest.fixture
def listening() -> Iterator[Callable[[str], int]]:
    """Starts a server on the loopback that behaves like this; its port."""
    sockets: list[socket.socket] = []
    transports: list[paramiko.Transport] = []

    def serve(listener: socket.socket, kind: str) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # the test is over
                return
            if kind == "hangs up":
                connection.close()
            elif kind == "is silent":
                sockets.append(connection)
            else:
                transport = paramiko.Transport(connection)
                transport.add_server_key(KEY)
                transports.append(transport)
                transport.start_server(threading.Event(), Sshd(transport, kind))

    def listen(kind: str) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)
        threading.Thread(target=serve, args=(listener, kind), daemon=True).start()
        return int(listener.getsockname()[1])

    yield listen
    for transport in transports:
        transport.close()
    for opened in sockets:
        opened.close()


@pytest.fixture
def reached(folder: Folder, tmp_path: Path) -> Callable[..., Path]:
    """The inventory of one host that is reached like this."""

    def described(port: int, known: paramiko.PKey | None = KEY, **more: object) -> Path:
        hosts = tmp_path / "known_hosts"
        line = known and f"[127.0.0.1]:{port} {known.get_name()} {known.get_base64()}\n"
        hosts.write_text(line or "")
        data: dict[str, Any] = {"debian": 12, "ipv4": "198.51.100.10", "ssh_port": port}
        data |= {"ssh_hostname": "127.0.0.1", "ssh_user": "root", "ssh_password": "x"}
        data |= {"ssh_known_hosts_file": str(hosts), "ssh_strict_host_key_checking": "yes"}
        folder.hosts = f"mail = [('mail.example.com', {data | more!r})]\n"
        folder.mail = folder.mail.replace("mail.example.org", "mail.example.com")
        folder.load()
        return folder.path

    return described


def typed(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, list[str]]:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(map(str, args)))
    err = capsys.readouterr().err
    assert "Traceback" not in err
    return int(caught.value.code or 0), err.splitlines()


@pytest.mark.parametrize(
    ("kind", "more", "what"),
    [
        ("refuses", {}, "connection refused"),
        ("hangs up", {}, "it hangs up"),
        ("leaves", {}, "it hangs up"),
        ("user", {}, "it does not let root in"),
        ("unknown", {}, "its host key is not known"),
        ("other", {}, "its host key is not the one"),
        ("fine", {"ssh_hostname": "mail.example.invalid"}, "leads to no address"),
        ("fine", {"ssh_key": "/nowhere/key"}, "No such private key file"),
        ("fine", {}, "its shell does not answer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_host_that_is_not_reached(
    listening: Callable[[str], int],
    reached: Callable[..., Path],
    capfd: pytest.CaptureFixture[str],
    kind: str,
    more: dict[str, str],
    what: str,
) -> None:
    port = listening(kind)
    if kind == "refuses":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    known = {"unknown": None, "other": OTHER}.get(kind, KEY)
    code, (error, hint) = typed(capfd, "mailbox", "advise", reached(port, known, **more))
    assert code == 1
    assert error.startswith("error: mail.example.com: cannot be ")
    assert what in error
    assert hint.startswith("hint: ")


def test_a_preflight_says_why_a_host_is_not_reached(
    listening: Callable[[str], int],
    reached: Callable[..., Path],
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = reached(listening("user"))
    inventory = load(folder, require_keys=False, require_tls=False)
    answers = remote.try_to_ask(inventory, "true")
    found = preflight._unreached(inventory.hosts[0], answers.unreached["mail.example.com"])
    assert found.what == "cannot be reached: it does not let root in"
    assert "ssh root@127.0.0.1" in found.why
    assert capfd.readouterr().err == ""


def test_ctrl_c_while_a_host_is_waited_for(
    listening: Callable[[str], int], reached: Callable[..., Path]
) -> None:
    process = start("mailbox", "advise", reached(listening("is silent")))
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    assert code == 130
    assert err.split("\n")[-3:-1] == ["error: interrupted", f"hint: {cli._AGAIN}"]
    assert "Traceback" not in err


@pytest.mark.parametrize("args", [*WRITERS[:-1], *READERS], ids=" ".join)
@pytest.mark.parametrize("is_file", [True, False])
def test_an_inventory_that_is_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], is_file: bool
) -> None:
    path = tmp_path / "inventory"
    if is_file:
        path.touch()
    code, (error,) = typed(capsys, *(arg.format(path) for arg in args))
    what = "is no folder" if is_file else "is missing"
    assert code == 1
    assert error.startswith(f"error: {path}: {what}")
    assert error.endswith("(make one with 'mailwright init')")


@pytest.mark.parametrize(
    ("file", "content", "args", "said"),
    [
        ("keys/example.org/key.txt", b"\xff", ("dns", "{}"), "does not fit the public value"),
        ("verify.toml", b"\xff", ("check", "{}", "--preflight"), "is no text in UTF-8"),
        ("verify.toml", b"correspondent = 1", ("check", "{}", "--preflight"), ""),
        ("mail.toml", b"\xff", ("show", "{}"), "is no text in UTF-8"),
        (".lock/x", b"", ("mailbox", "remove", "bob@example.org", "{}"), "Is a directory"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_was_spoiled(
    reached: Callable[..., Path],
    capfd: pytest.CaptureFixture[str],
    file: str,
    content: bytes,
    args: tuple[str, ...],
    said: str,
) -> None:
    folder = reached(1)
    assert ended(start("keys", folder))[0] == 0
    for path in folder.glob("keys/*/*"):
        path.rename(path.with_stem("key"))
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_bytes(content)
    code, lines = typed(capfd, *(arg.format(folder) for arg in args))
    assert code == 1
    assert said in "\n".join(lines)


def test_a_command_line_that_is_no_text(folder: Folder) -> None:
    folder.load()
    args = ("mailbox", "set", "bob@example.org", folder.path, "--quota", "\udcff")
    code, _, err = ended(start(*args))
    assert (code, err.partition(":")[0], "Traceback" in err) == (1, "error", False)


MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]
HAS_MOUNTS = bool(shutil.which("unshare")) and not subprocess.run([*MOUNTS, "true"]).returncode
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"'
FULL = """cp -a "$0" /tmp/mailwright.$$ && mount -t tmpfs -o size=400k none "$0" &&
cp -a /tmp/mailwright.$$/. "$0" && rm -r /tmp/mailwright.$$ && cat /dev/zero > "$0/filled" """


@pytest.mark.skipif(not HAS_MOUNTS, reason="this machine lets nobody mount in a namespace")
@pytest.mark.parametrize(
    ("mounts", "said"),
    [(READ_ONLY, "Read-only file system"), (FULL, "No space left on device")],
    ids=["read-only", "full"],
)
def test_a_folder_that_takes_nothing(folder: Folder, mounts: str, said: str) -> None:
    folder.load()
    assert ended(start("keys", folder.path))[0] == 0
    next(folder.path.glob("keys/*/*.txt")).unlink()
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    for args in WRITERS:
        code = f'{mounts.strip()}; exec "$@"'
        mailwright = [sys.executable, "-c", RUN, *(arg.format(folder.path) for arg in args)]
        process = subprocess.Popen(
            [*MOUNTS, "sh", "-c", code, str(folder.path), *mailwright],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, env=environment(),
        )  # fmt: skip
        status, _, err = ended(process)
        error, hint = err.splitlines()[-2:]
        assert "Traceback" not in err
        assert (status, error.startswith(f"error: {folder.path}")) == (1, True), err
        assert error.endswith(f": {said}")
        assert hint.startswith("hint: ")
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.skipif(not HAS_MOUNTS, reason="this machine lets nobody mount in a namespace")
def test_a_machine_without_a_resolver(folder: Folder) -> None:
    folder.load()
    assert ended(start("keys", folder.path))[0] == 0
    for args in (
        ("check", "{}", "--dns"),
        ("check", "{}", "--preflight"),
        ("dns", "{}", "--merge", "live"),
    ):
        mailwright = [sys.executable, "-c", RUN, *(arg.format(folder.path) for arg in args)]
        code = 'mount --bind /dev/null /etc/resolv.conf; exec "$@"'
        done = subprocess.run(
            [*MOUNTS, "sh", "-c", code, "sh", *mailwright],
            capture_output=True, text=True, env=environment(),
        )  # fmt: skip
        error, hint = done.stderr.splitlines()
        assert done.returncode == 1
        assert error == "error: /etc/resolv.conf: names no resolver"
        assert hint.startswith("hint: ")


PRINTERS = (("--help",), ("dns", "--help"), ("mailbox", "list", "{}"), ("password", "--generate"))


@pytest.mark.parametrize("args", PRINTERS, ids=" ".join)
def test_standard_output_that_takes_nothing(folder: Folder, args: tuple[str, ...]) -> None:
    folder.load()
    command = [sys.executable, "-c", RUN, *(arg.format(folder.path) for arg in args)]
    for path, status, said in (
        ("/dev/full", 1, "error: standard output: No space left on device\nhint: "),
        (None, 1, ""),  # whoever read it has seen enough
    ):
        reader, writer = os.pipe()
        os.close(reader)
        with open(path or os.dup(writer), "w") as out:  # noqa: PTH123
            done = subprocess.run(
                command, stdout=out, stderr=subprocess.PIPE, text=True, env=environment()
            )
        os.close(writer)
        told = done.stderr.split("\n", 1)[1] if args[0] == "password" else done.stderr
        assert (done.returncode, told.startswith(said)) == (status, True), done.stderr
        assert bool(told) == bool(said)
        assert "Traceback" not in told


@pytest.mark.usefixtures("hangs_up")
def test_a_signal_ends_a_command_like_ctrl_c(folder: Folder) -> None:
    """What kills at once by default must not, so that half-written files are taken away."""
    code = """
import os, signal, sys
from mailwright import cli
from mailwright.check import preflight
from mailwright.inventory.load import load
from mailwright.net import remote
from mailwright.commands import terminal
terminal.password.hash = cli.password.hash = lambda *_: os.kill(os.getpid(), int(sys.argv[1]))
cli.main(["password", "--generate"])
"""
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        command = [sys.executable, "-c", code, str(int(number))]
        done = subprocess.run(command, capture_output=True, text=True, env=environment())
        assert done.returncode == 128 + number
        assert done.stderr.endswith(f"error: interrupted\nhint: {cli._AGAIN}\n")
