"""Commands about one inventory at the same time, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dns.name
import dns.rdata
import pytest

from mailwright.commands import order
from mailwright.inventory import lock
from mailwright.inventory.lock import NOTE, locked
from mailwright.model.problems import Failed, Problems
from mailwright.zones.memory import Memory
from tests.unit.conftest import Folder
from tests.unit.test_cli import HERE

RUN = "import sys; sys.argv[0] = 'mailwright'; from mailwright.cli import main; main()"
HOLD = """
import sys, time
from pathlib import Path
from mailwright.inventory.lock import locked
sys.argv[0] = "mailwright"
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(HERE)}


def start(*args: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, *map(str, args)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=environment()
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


class Asked:
    """A command on a terminal that waits for an answer."""

    def __init__(self, question: str, *args: object) -> None:
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execve(sys.executable, [sys.executable, "-c", RUN, *map(str, args)], environment())
        self.seen = ""
        self.wait_for(question)

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + 30
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.terminal], [], [], 1)[0]:
                self.seen += os.read(self.terminal, 1000).decode()
        time.sleep(0.1)  # getpass throws away what was typed before it turned the echo off

    def type(self, text: str) -> None:
        self.seen = ""
        os.write(self.terminal, f"{text}\n".encode())

    def end(self) -> int:
        with contextlib.suppress(OSError):
            while piece := os.read(self.terminal, 1000):
                self.seen += piece.decode()
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


@pytest.fixture
def described(folder: Folder) -> Path:
    folder.mail = folder.mail.replace(
        'host = "mail.example.org"', 'host = "mail.example.org"\ndkim = ["ed25519"]'
    )
    folder.load()
    return folder.path


@pytest.fixture
def holder(described: Path) -> Iterator[subprocess.Popen[str]]:
    """Somebody who holds the lock of an inventory with keys, until he is killed."""
    assert ended(start("keys", described))[0] == 0
    command = [sys.executable, "-c", HOLD, str(described)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_waits_for_a_password_is_in_nobody_s_way(described: Path) -> None:
    asked = Asked("Password of carol", "mailbox", "add", "carol@example.com", described)
    keys = start("keys", described, "--domain", "example.com")
    assert ended(keys)[0] == 0
    _, _, err = ended(start("rotate", described, "example.com"))
    assert "another run" not in err
    assert "is being written" not in err
    assert ended(start("mailbox", "set", "bob@example.org", described, "--quota", "3G"))[0] == 0
    for _ in range(2):
        asked.type("correct horse")
        asked.wait_for(": ") if _ == 0 else None
    assert asked.end() == 0
    text = (described / "mail.toml").read_text()
    assert "carol@example.com" in text
    assert 'quota = "3G"' in text, "what was changed during the dialogue is kept"


def test_two_who_are_asked_at_once_both_count(described: Path) -> None:
    names = ("carol", "dave")
    both = [
        Asked(f"Password of {name}", "mailbox", "add", f"{name}@example.com", described)
        for name in names
    ]
    for asked in both:
        asked.type("correct horse")
        asked.wait_for(": ")
        asked.type("correct horse")
    assert [asked.end() for asked in both] == [0, 0]
    text = (described / "mail.toml").read_text()
    assert all(f'"{name}@example.com"' in text for name in names)


def test_keys_twice_at_once_make_each_key_once(described: Path) -> None:
    mail = described / "mail.toml"
    more = [f'[domains."d{n}.example"]\nhost = "mail.example.com"\n' for n in range(10)]
    mail.write_text(mail.read_text().replace("[mailboxes", "".join(more) + "[mailboxes", 1))
    told = [ended(each) for each in [start("keys", described) for _ in range(2)]]
    assert [code for code, _, _ in told] == [0, 0], told
    assert len([*described.glob("keys/*/*.pem")]) == 12
    assert sum(out.count("new: publish it in DNS") for _, out, _ in told) == 12


def test_whoever_writes_waits_a_little_and_says_who_is_at_it(
    described: Path, holder: subprocess.Popen[str]
) -> None:
    next(described.glob("keys/*/*.txt")).unlink()  # which 'keys' would write
    before = {path: path.read_bytes() for path in described.rglob("*") if path.is_file()}
    running = [
        start("mailbox", "add", "team@example.org", described, "--use", "shared"),
        start("mailbox", "set", "bob@example.org", described, "--quota", "3G"),
        start("mailbox", "password", "bob@example.org", described, "--generate"),
        start("mailbox", "rename", "bob@example.org", "rob@example.org", described),
        start("mailbox", "remove", "bob@example.org", described),
        start("mailbox", "purge", "gone@example.org", described, "--on", "2099-12-31"),
        start("keys", described),
        start("rotate", described, "example.org", "--start"),
    ]
    who = rf"mailwright {re.escape(str(described))} \(process {holder.pid}, since 20\S+ \S+ UTC\)"
    for code, _, err in map(ended, running):
        error, hint = err.splitlines()
        assert re.fullmatch(rf"error: .*: is being written by {who}", error), error
        assert (code, hint.partition(" ")[0]) == (1, "hint:")
    assert {path: path.read_bytes() for path in described.rglob("*") if path.is_file()} == before


def test_what_a_push_and_an_order_write_waits_as_well(
    described: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    assert holder.poll() is None
    origin = dns.name.from_text("example.com.")
    value = dns.rdata.from_text("IN", "A", "192.0.2.1")
    with pytest.raises(Failed, match="is being written by mailwright"):
        Memory(described).change(origin, (), {(origin, value)})
    with pytest.raises(Failed, match="is being written by mailwright"):
        order._account(described)
    assert not (described / "published").exists()
    assert not (described / order.ACCOUNT).exists()


def test_what_two_pushes_remember_of_one_zone_is_all_there(described: Path) -> None:
    code = """
import sys
from pathlib import Path
import dns.name, dns.rdata
from mailwright.zones.memory import Memory
origin = dns.name.from_text("example.com.")
for number in range(20):
    value = dns.rdata.from_text("IN", "A", f"192.0.2.{int(sys.argv[2]) + number}")
    Memory(Path(sys.argv[1])).change(origin, (), {(origin, value)})
"""
    command = [sys.executable, "-c", code, str(described)]
    running = [subprocess.Popen([*command, first], env=environment()) for first in ("1", "101")]
    assert [each.wait(60) for each in running] == [0, 0]
    assert len(Memory(described).read(dns.name.from_text("example.com."))) == 40


def test_who_is_killed_leaves_no_lock_behind(
    described: Path, holder: subprocess.Popen[str]
) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (described / NOTE).exists()
    code, _, err = ended(start("mailbox", "set", "bob@example.org", described, "--quota", "3G"))
    assert (code, err) == (0, "")
    assert not (described / NOTE).exists()


def test_who_only_reads_does_not_wait(described: Path, holder: subprocess.Popen[str]) -> None:
    assert holder.poll() is None
    assert ended(start("mailbox", "list", described))[0] == 0


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    missing = pytest.raises(Problems, match="is missing; expected an inventory folder")
    with missing, locked(tmp_path / "x"):
        pass
