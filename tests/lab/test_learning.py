"""The spam folder learns: what users move tells the filter what later letters are."""

import io
import random
import sys
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.lab import Lab
from tests.host.letters import eventually
from tests.lab.clients import Curl, Mbsync, Person, letter
from tests.lab.deploys import HOSTS
from tests.lab.test_deploy import ask

LESSONS = 200  # min_learns of Rspamd's classifier: before, it has no opinion
REDIS = "redis-cli -s /run/redis/redis-server.sock"
STRANGER = "someone@sender.invalid"
SPAM = """\
Congratulations, you have been selected for an exclusive reward this evening.
Claim your welcome bonus of five hundred spins before midnight.
Our certified casino pays out faster than any other online.
Risk free deposit, doubled instantly by our generous sponsors.
Thousands of lucky winners already collected enormous jackpots.
Simply confirm your account and start playing immediately.
This unbeatable promotion expires soon, hurry up and join.
Unsubscribe anytime, although nobody ever wants to leave.
"""
HAM = """\
The minutes of our meeting about the school roof are attached below.
Grandmother baked plum cake again and asks when you will visit.
Please bring the blue folder with the drawings for the carpenter.
The train leaves at nine from platform four, as last year.
Our neighbour repaired the bicycle and would not take money.
The choir rehearses in the chapel because the hall is painted.
Could you water the tomatoes while we are hiking in the mountains.
The library wants its atlas back by the end of the month.
"""
POST = """
import smtplib, sys
server, sender, recipient = sys.argv[1:]
client = smtplib.SMTP(server, local_hostname="mx.elsewhere.example", timeout=20)
client.sendmail(sender, [recipient], sys.stdin.buffer.read())
"""


def written(to: str, kind: str, number: int) -> bytes:
    """A letter that is like others of its kind, and equal to none."""
    lines = random.Random(number).sample(kind.splitlines(), 6)
    body = "\n".join([*lines, f"Number {number}.", ""])
    return letter(STRANGER, to, f"{number}", body).as_bytes()


@pytest.fixture
def readers(servers: Lab, inventory: Path, tmp_path: Path) -> Iterator[list[Person]]:
    """Somebody on each host; his letters and what was learned are gone when the test ends."""
    people = [
        Person.of(servers, inventory, host.replace("mail.", "devices@"), host, tmp_path / host)
        for host in HOSTS
    ]
    for who in people:
        ask(servers, who.server, f"{REDIS} flushall")
    yield people
    for who in people:
        clean = f"doveadm expunge -u {who.address} mailbox '*' ALL"
        ask(servers, who.server, f"{clean}; {REDIS} flushall")


def put(who: Person, folder: str, kind: str) -> None:
    """So many letters of a kind into a folder, as if they had come and been filed there."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number in range(LESSONS):
            text = written(who.address, kind, number)
            member = tarfile.TarInfo(f"{folder}/new/{number}.letter")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    packed = who.home / "letters.tar"
    packed.write_bytes(buffer.getvalue())
    local, _, domain = who.address.partition("@")
    unpack = f"runuser -u vmail -- tar -C /var/vmail/{domain}/{local}/Maildir -xf -"
    with packed.open("rb") as stdin:
        assert who.lab.ssh(who.server, unpack, stdin=stdin).returncode == 0


def learned(who: Person) -> str:
    """How many letters Rspamd has learned as spam and as ham."""
    return ask(who.lab, who.server, f"{REDIS} hmget RS learns_spam learns_ham")


def opinion(who: Person, kind: str, number: int) -> tuple[str, str]:
    """What the filter thinks of a stranger's letter, and the folder where it lies."""
    text = who.home / "letter"
    text.write_bytes(written(who.address, kind, number))
    with text.open("rb") as stdin:
        post = [sys.executable, "-c", POST, who.server, STRANGER, who.address]
        assert who.lab.run(post, stdin=stdin).returncode == 0
    where = f"doveadm -f tab fetch -u {who.address} mailbox mailbox '*' SUBJECT '{number}'"

    def arrived() -> list[str] | None:
        return ask(who.lab, who.server, where).splitlines()[1:] or None

    (folder,) = eventually(arrived, f"letter {number}")
    said = ask(who.lab, who.server, "grep 'default: ' /var/log/rspamd/rspamd.log | tail -n 1")
    return next((name for name in ("BAYES_SPAM", "BAYES_HAM") if name in said), ""), folder


def on_every_host(readers: list[Person], does: Callable[[Person], None]) -> None:
    """At the same time."""
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(does, readers)) == [None] * len(readers)


def test_what_was_moved_into_junk_and_out_of_it_tells_what_comes_later(
    readers: list[Person],
) -> None:
    on_every_host(readers, teach)


def teach(who: Person) -> None:
    """Missed spam moves into Junk in a program that works offline, the rest out of it by IMAP."""
    assert opinion(who, SPAM, 1001) == opinion(who, HAM, 1002) == ("", "INBOX")
    ask(who.lab, who.server, f"doveadm expunge -u {who.address} mailbox INBOX all")
    put(who, ".", SPAM)
    put(who, ".Junk", HAM)
    laptop = Mbsync(who, "laptop").sync()
    laptop.move_all("INBOX", "Junk")
    laptop.sync()
    assert learned(who) == f"{LESSONS}"
    Curl(who).move(f"1:{LESSONS}", "Junk", "INBOX")
    assert learned(who).split() == [f"{LESSONS}", f"{LESSONS}"]
    assert opinion(who, SPAM, 2001) == ("BAYES_SPAM", "Junk")
    assert opinion(who, HAM, 2002) == ("BAYES_HAM", "INBOX")
