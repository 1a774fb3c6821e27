"""mailwright-srs, the program on a host: what becomes of a sender, and what comes back."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from programs import srs as program
from programs.srs import Srs
from tests.host.test_srs import LEGAL, SENDERS

DAY = 20_786
SECRET = b"an-old-secret"

# What PostSRSd 1.10 made with this secret on that day.
POSTSRSD = {
    "SRS0=mbtlCtIB=JS=sender.invalid=someone": "someone@sender.invalid",
    "SRS0=+GOEsGB0=JS=Sender.INVALID=Some.One+x": "Some.One+x@Sender.INVALID",
    "SRS1=sNNcH2Ib=forwarder.invalid==AbCd=7K=other.invalid=user": (
        "SRS0=AbCd=7K=other.invalid=user@forwarder.invalid"
    ),
    "SRS1=JwL9p46C=first.invalid==EfGh=7K=other.invalid=user": (
        "SRS0=EfGh=7K=other.invalid=user@first.invalid"
    ),
}


@pytest.fixture(autouse=True)
def is_that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "today", lambda: DAY)


@pytest.fixture
def srs(tmp_path: Path) -> Srs:
    return Srs("mail.example.com", [SECRET], tmp_path / "kept.sqlite")


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes it another day."""
    return lambda day: monkeypatch.setattr(program, "today", lambda: day)


def forwarded(srs: Srs, sender: str) -> str:
    """The sender that it becomes, for there is one."""
    address = srs.forward(sender)
    assert address
    return address


@pytest.mark.parametrize("sender", SENDERS)
def test_a_sender_becomes_a_legal_one_and_comes_back(srs: Srs, sender: str) -> None:
    address = forwarded(srs, sender)
    assert LEGAL.fullmatch(address)
    assert srs.reverse(address) == sender
    assert srs.forward(address) is None, "what is ours already stays"


@pytest.mark.parametrize(
    "sender", ["a@sender.invalid", "A@sender.invalid", "a" * 64 + "@b.invalid"]
)
def test_a_bounce_comes_back_by_a_server_that_folds_case(srs: Srs, sender: str) -> None:
    address = forwarded(srs, sender)
    assert srs.reverse(address.lower()) == sender


def test_a_bounce_has_no_sender(srs: Srs) -> None:
    assert srs.forward("") is None


@pytest.mark.parametrize("sender", ["a@sender.invalid", "A@sender.invalid"])
def test_a_sender_is_good_for_three_weeks(srs: Srs, sender: str, on: Callable[[int], None]) -> None:
    address = forwarded(srs, sender)
    for day, comes_back in ((-2, False), (-1, True), (0, True), (21, True), (22, False)):
        on(DAY + day)
        assert (srs.reverse(address) == sender) is comes_back, day


def test_a_sender_that_goes_on_writing_is_kept_and_others_go(
    srs: Srs, on: Callable[[int], None]
) -> None:
    for name in ("One", "Two", "Three"):
        srs.forward(f"{name}@sender.invalid")
    on(DAY + 21)
    again = forwarded(srs, "One@sender.invalid")
    assert senders(srs) == ["Two", "Three", "One"]
    on(DAY + 42)
    srs.forward("Four@sender.invalid")
    assert senders(srs) == ["One", "Four"]
    assert srs.reverse(again) == "One@sender.invalid"


def test_what_is_kept_has_a_bound(srs: Srs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "ENTRIES", 3)
    for number in range(5):
        srs.forward(f"N{number}@sender.invalid")
    assert senders(srs) == ["N2", "N3", "N4"]


def senders(srs: Srs) -> list[str]:
    with closing(sqlite3.connect(srs.file)) as table:
        rows = table.execute("SELECT sender FROM kept ORDER BY rowid").fetchall()
    return [sender.partition("@")[0] for (sender,) in rows]


@pytest.mark.parametrize("sender", ["someone@sender.invalid", "Someone@sender.invalid"])
def test_whatever_is_changed_in_it_is_forged(srs: Srs, sender: str) -> None:
    address = forwarded(srs, sender)
    local, _, domain = address.rpartition("@")
    for place in range(5, len(local)):
        for other in "a=7":
            changed = local[:place] + other + local[place + 1 :]
            if changed.lower() != local.lower():
                assert srs.reverse(f"{changed}@{domain}") is None
    found = re.fullmatch("SRS0=(.{8})=(.*)", local)
    assert found
    hash, rest = found.groups()
    for kind in ("SRS0", "SRS1"):
        for hashed in ("", hash[:7], hash + "A", "\xe9" * 8):
            assert srs.reverse(f"{kind}={hashed}={rest}@{domain}") is None
    for nothing in ("", "@", "SRS0", "SRS0=", "SRS1=", "SRS0===", "SRS1==", "SRS0====", "x@y"):
        assert srs.reverse(nothing) is None


def test_no_other_host_made_it(srs: Srs, tmp_path: Path) -> None:
    other = Srs(srs.name, [b"another"], tmp_path / "other.sqlite")
    assert srs.reverse(forwarded(other, "someone@sender.invalid")) is None
    both = Srs(srs.name, [b"another", SECRET], srs.file)
    for sender in ("someone@sender.invalid", "Someone@sender.invalid"):
        assert both.reverse(forwarded(srs, sender)) == sender


@pytest.mark.parametrize(("local", "sender"), POSTSRSD.items())
def test_what_postsrsd_made_comes_back(srs: Srs, local: str, sender: str) -> None:
    assert srs.reverse(f"{local}@mail.example.com") == sender


def test_an_entry_that_is_gone_puts_the_bounce_off(srs: Srs) -> None:
    address = forwarded(srs, "Someone@sender.invalid")
    srs.file.unlink()
    assert asked(srs, "reverse", address).startswith("400 ")
    assert srs.forward("Someone@sender.invalid") == address
    assert asked(srs, "reverse", address) == "200 Someone@sender.invalid"


@pytest.mark.parametrize("rubbish", [b"rubbish" * 1000, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_table_that_is_rubbish_is_set_aside(srs: Srs, rubbish: bytes) -> None:
    srs.file.write_bytes(rubbish)
    assert asked(srs, "forward", "Someone@sender.invalid").startswith("400 ")
    assert asked(srs, "forward", "Someone@sender.invalid").startswith("200 SRS0=")
    assert srs.file.with_name("kept.sqlite.broken").read_bytes() == rubbish


def test_a_disk_that_takes_nothing_puts_mail_off(
    srs: Srs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    srs.file = tmp_path / "gone" / "kept.sqlite"
    assert asked(srs, "forward", "Someone@sender.invalid").startswith("400 ")
    assert asked(srs, "forward", "someone@sender.invalid").startswith("200 SRS0=")


def test_what_postfix_asks_is_escaped(srs: Srs) -> None:
    sender = '"ä 100%"@sender.invalid'.encode().decode("latin-1")
    escaped = '"%c3%a4%20100%25"@sender.invalid'
    address = asked(srs, "forward", escaped).removeprefix("200 ")
    assert srs.reverse(address) == sender
    assert asked(srs, "reverse", address).lower() == f"200 {escaped}"
    assert asked(srs, "forward", "") == "500 none"
    assert program.reply(srs, srs.forward, b"put a b\n").startswith("400 ")


def asked(srs: Srs, way: str, key: str) -> str:
    return str(program.reply(srs, getattr(srs, way), f"get {key}\n".encode()))
