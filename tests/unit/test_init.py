"""The dialogue of `mailwright init`: mistakes, interruptions, and what they leave."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mailwright.commands import init
from mailwright.commands.terminal import Remembered
from tests.unit.test_lock import Asked

GOOD = ("mail.example.com", "198.51.100.10", "-", "13", "example.com", "alice@example.com")
QUESTIONS = ("Name of the host", "IPv4", "IPv6", "Release", "Mail domain", "First mailbox")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def answered(folder: Path, answers: dict[str, str]) -> Asked:
    """An init in which each question has got its answer; the next one has been asked."""
    (first, *_) = answers
    asked = Asked(first, "init", folder)
    for question, answer in answers.items():
        asked.wait_for(question)
        asked.type(answer)
    return asked


def test_after_a_mistake_only_that_question_is_asked_again(tmp_path: Path) -> None:
    asked = Asked("Name of the host", "init", tmp_path / "new")
    for question, wrong, right in (
        ("Name of the host", "mail", GOOD[0]),
        ("IPv4", "198.51.100.300", "-"),
        ("IPv6", "-", "2001:db8::1"),
        ("Release", "11", GOOD[3]),
        ("Mail domain", "example", GOOD[4]),
        ("First mailbox", "alice@example.org", GOOD[5]),
    ):
        asked.wait_for(question)
        asked.type(wrong)
        asked.wait_for("error: ")
        asked.wait_for(question)
        asked.type(right)
    long = "x" * 73
    for word in (long, long, "correct horse", "correct horse"):
        asked.wait_for(": ")
        asked.type(word)
    assert asked.end() == 0
    assert '"ipv6": "2001:db8::1"' in (tmp_path / "new" / "hosts.py").read_text()
    assert "correct horse" in (tmp_path / "new" / "verify.toml").read_text()


def test_ctrl_c_leaves_nothing_and_offers_the_answers_the_next_time(
    tmp_path: Path, state: Path
) -> None:
    folder = tmp_path / "far" / "new"
    asked = answered(folder, dict(zip(QUESTIONS, GOOD, strict=True)))
    asked.wait_for("Password")
    asked.seen = ""
    os.write(asked.terminal, b"\x03")
    assert asked.end() == 130
    assert asked.seen.split("\r\n")[-3:-1] == [
        "error: interrupted: nothing was written",
        "hint: run it again: what you have answered is offered then",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    asked = answered(folder, dict.fromkeys(QUESTIONS, ""))
    for word in ("correct horse", "correct horse"):
        asked.wait_for(": ")
        asked.type(word)
    assert asked.end() == 0
    assert "mail.example.com" in (folder / "hosts.py").read_text()
    assert not [path for path in state.rglob("*") if path.is_file()]


@pytest.mark.parametrize("text", [b"\xff", b"[]", b'{"folder": 1}', b"{}", b'{"folder": {}}'])
def test_spoiled_answers_are_not_offered(tmp_path: Path, state: Path, text: bytes) -> None:
    (state / "mailwright").mkdir(parents=True)
    (state / "mailwright" / "answers.json").write_bytes(text)
    assert Remembered(tmp_path) == {}


def test_no_answer_is_offered_for_another_folder(tmp_path: Path) -> None:
    asked = answered(tmp_path / "one", {QUESTIONS[0]: GOOD[0]})
    asked.wait_for("IPv4")
    os.write(asked.terminal, b"\x03")
    asked.end()
    asked = Asked(QUESTIONS[0], "init", tmp_path / "two")
    assert GOOD[0] not in asked.seen.replace("such as mail.example.com", "")
    os.write(asked.terminal, b"\x03")
    asked.end()


@pytest.mark.usefixtures("hangs_up")
def test_a_terminal_that_is_closed_leaves_nothing(tmp_path: Path) -> None:
    asked = answered(tmp_path / "new", {QUESTIONS[0]: GOOD[0]})
    asked.wait_for("IPv4")
    os.close(asked.terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(asked.process, 0)[1]) == 128 + signal.SIGHUP
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("call", ["rename", "link", "mkdir"])
def test_an_init_that_is_interrupted_while_it_writes_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    data = {"debian": 13, "ipv4": "198.51.100.10"}
    starter = init.Starter("mail.example.com", data, "example.com", "a@example.com", "hush", True)
    real, folder = getattr(os, call), tmp_path / "far" / "new"
    for number in range(20):
        left = [None] * number

        def interrupted(*args: object, left: list[None] = left, **options: object) -> object:
            if left:
                left.pop()
                return real(*args, **options)
            left += [None] * 99
            raise KeyboardInterrupt

        monkeypatch.setattr(os, call, interrupted)
        try:
            init.create(folder, starter, None)
        except KeyboardInterrupt:
            assert not [*tmp_path.iterdir()]
        else:
            break
    assert number > 2
    assert sorted(path.name for path in folder.iterdir()) == [
        ".gitignore", "hosts.py", "keys", "mail.toml", "tls", "verify.toml",
    ]  # fmt: skip


def test_what_a_killed_init_left_is_in_nobody_s_way(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    (folder / ".new.killed").mkdir(parents=True)
    (folder / ".lock").touch()
    init.check_free(folder)
    data = {"debian": 13, "ipv4": "198.51.100.10"}
    starter = init.Starter("mail.example.com", data, "example.com", "a@example.com", "hush", True)
    init.create(folder, starter, None)
    assert not (folder / ".new.killed").exists()
    assert not (folder / ".lock").exists()
