"""Mail depends on no Redis: dead in whatever way, it costs what would have been learned."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from lab.lab import Lab
from tests.host.letters import GTUBE, eventually
from tests.lab.clients import Curl, Person, letter
from tests.lab.deploys import HOSTS, verification
from tests.lab.test_deploy import ask

SOCKET = "/run/redis/redis-server.sock"
STOP = "systemctl stop redis-server"
DEATHS = {
    "stopped": STOP,
    "refusing": f"""
        {STOP}
        install -d -o redis -g redis /run/redis
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("{SOCKET}")'
        chgrp redis {SOCKET}; chmod 770 {SOCKET}
    """,
    "frozen": "systemctl kill -s STOP redis-server",
}
NAMED = {
    "stopped": ("runs", "is down"),
    "refusing": ("answers", "does not answer"),
    "frozen": ("answers", "does not answer"),
}
REVIVE = "systemctl kill -s CONT redis-server 2>/dev/null; systemctl restart redis-server"
WORDS = "This letter is long enough to learn from: mountains, meadows, flowers, rivers, bridges.\n"


@pytest.fixture
def people(servers: Lab, inventory: Path, tmp_path: Path) -> Iterator[list[Person]]:
    """Somebody on each host; Redis lives again when the test ends, and his letters are gone."""
    found = [
        Person.of(servers, inventory, host.replace("mail.", "devices@"), host, tmp_path / host)
        for host in HOSTS
    ]
    yield found
    for who in found:
        ask(servers, who.server, f"{REVIVE}; doveadm expunge -u {who.address} mailbox '*' ALL")
    ask(
        servers,
        "mx.elsewhere.example",
        "doveadm expunge -u judge@elsewhere.example mailbox '*' ALL",
    )


@pytest.mark.parametrize("death", DEATHS)
def test_mail_flows_signed_and_judged_and_verification_names_redis(
    people: list[Person], inventory: Path, death: str
) -> None:
    def check(who: Person) -> None:
        ask(who.lab, who.server, DEATHS[death])
        sends(who)
        receives(who)
        said = ask(who.lab, who.server, "journalctl -t mailwright-learn -o cat --since -20s")
        # Rspamd of Debian 12 believes that it has learned when Redis takes what it does not answer.
        assert "learned no spam" in said or death == "frozen"

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(check, people)) == [None, None]
    test, words = NAMED[death]
    said = verification(people[0].lab, inventory, test, "tests/host/test_redis.py")
    assert said.count(f"AssertionError: redis-server {words}") == len(people)


def elsewhere(who: Person) -> Person:
    home = who.home / "elsewhere"
    home.mkdir(exist_ok=True)
    server = "mx.elsewhere.example"
    return Person(who.lab, "judge@elsewhere.example", "toy-of-the-lab", server, home)


def sends(who: Person) -> None:
    judge, written = elsewhere(who), letter(who.address, "judge@elsewhere.example", "out")
    Curl(who).post(written, judge.address, who.address)
    search = f"doveadm fetch -u {judge.address} text HEADER Message-ID '{written['Message-ID']}'"
    found = eventually(lambda: ask(who.lab, judge.server, search) or None, "the letter elsewhere")
    assert "dkim=pass" in found
    assert "dmarc=pass" in found


def alone(who: Person, subject: str, folder: str) -> bool | None:
    """Whether a letter is the only one in its folder; None as long as it is not."""
    return Curl(who).subjects(folder) == [subject] or None


def receives(who: Person) -> None:
    """Judged, filed, and moved into Junk by its reader."""
    judge = elsewhere(who)
    for subject, body in (("good", WORDS), ("bad", f"Y{GTUBE}")):
        written = letter(judge.address, who.address, subject, body)
        Curl(judge).post(written, who.address, judge.address)
    for subject, folder in (("good", "INBOX"), ("bad", "Junk")):
        eventually(partial(alone, who, subject, folder), subject)
    judged = ask(who.lab, who.server, f"doveadm fetch -u {who.address} hdr mailbox INBOX all")
    assert "dkim=pass" in judged
    Curl(who).move("1", "INBOX", "Junk")
    assert Curl(who).subjects("Junk") == ["bad", "good"]
