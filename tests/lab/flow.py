"""Mail that flows: some people write to a foreign server all the time, which judges each letter.

As a program it is these people: `python -m tests.lab.flow`, inside the lab.
"""

import json
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from email import message_from_string, policy
from email.message import EmailMessage, Message

from lab.lab import Lab
from tests.host.letters import Account, Letters, eventually
from tests.lab.deploys import ROOT
from tests.lab.traffic import until_told

PAUSE = 0.5  # seconds between two letters of one person
SESSION = 6  # letters
PORTS = (465, 587)  # in turn: each has its own limit of letters
FLOWS = "mail flows"


@dataclass(frozen=True)
class Author:
    """Somebody who writes as an address that he may send as."""

    account: Account
    address: str


@dataclass
class Flow:
    """The letters of some people to `reader`: whose each is, by Message-ID, and what arrived."""

    lab: Lab
    people: list[Author]
    reader: Account
    sent: dict[str, str] = field(default_factory=dict)
    arrived: list[EmailMessage] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """They write from before this returns until the end; then all letters have arrived."""
        argv = self.lab.command([sys.executable, "-m", "tests.lab.flow"])
        pipe = subprocess.PIPE
        wanted = {"people": [*map(asdict, self.people)], "reader": asdict(self.reader)}
        with subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as writers:
            assert writers.stdin
            assert writers.stdout
            print(json.dumps(wanted), file=writers.stdin, flush=True)
            assert writers.stdout.readline().strip() == FLOWS
            try:
                yield
            finally:
                # What met a server that was down waits for minutes unless it is told to go.
                for server in {person.account.server for person in self.people}:
                    self.lab.ssh(server, "postqueue -f")
                writers.stdin.close()
                said = json.loads(writers.stdout.read())
        self.sent = said["sent"]
        self.arrived = [message_from_string(text, policy=policy.SMTP) for text in said["arrived"]]


def identity(letter: Message) -> str:
    """Its Message-ID, which may have been folded onto a line of its own."""
    return str(letter["Message-ID"]).strip()


def valid(letter: EmailMessage) -> list[tuple[str, str, str]]:
    """Domain, algorithm and selector of each signature that the foreign server found valid."""
    judged = " ".join(map(str, letter.get_all("Authentication-Results", [])))
    passed = [result.split() for result in judged.split("dkim=") if result.startswith("pass")]
    tags = [dict(word.split("=", 1) for word in words if "=" in word) for words in passed]
    return [(tag["header.d"], tag["header.a"], tag["header.s"]) for tag in tags]


def _people() -> None:
    """Who they are comes on standard input; they write until it ends."""
    wanted = json.loads(sys.stdin.readline())
    reader = Account(**wanted["reader"])
    ended, sent = threading.Event(), dict[str, str]()
    people = [Author(Account(**each["account"]), each["address"]) for each in wanted["people"]]
    threads = [
        threading.Thread(target=_write, args=(person, PORTS[n % 2], reader.address, ended, sent))
        for n, person in enumerate(people)
    ]

    def flows() -> None:
        while len({*sent.values()}) < len(people):
            time.sleep(0.1)
        print(FLOWS, flush=True)

    until_told(threads, ended, flows)
    print(json.dumps({"sent": sent, "arrived": _arrived(reader, sent)}))


def _write(
    person: Author, port: int, reader: str, ended: threading.Event, sent: dict[str, str]
) -> None:
    """Letter after letter, some in each session; what is refused for now is written anew."""
    while not ended.is_set():
        try:
            with person.account.smtp(port) as client:
                for _ in range(SESSION):
                    letter = Letters().write(person.address, reader)
                    client.send_message(letter)
                    sent[letter["Message-ID"]] = person.address
                    if ended.wait(PAUSE):
                        return
        except (smtplib.SMTPException, OSError) as error:
            print(f"{person.address}: {error}", file=sys.stderr)
            ended.wait(PAUSE)


def _arrived(reader: Account, sent: Mapping[str, str]) -> list[str]:
    """The headers of all that these people wrote, which are taken out of the reader's mailbox."""

    def look() -> dict[str, str] | None:
        with reader.imap() as client:
            client.select("INBOX")
            found, names = dict[str, str](), set[str]()
            for address in {*sent.values()}:
                numbers = client.search(None, "FROM", address)[1][0].decode().split()
                parts = client.fetch(",".join(numbers), "(BODY.PEEK[HEADER])")[1]
                for part in parts:
                    if isinstance(part, tuple):
                        headers = part[1].decode()
                        if (name := identity(message_from_string(headers))) in sent:
                            found[part[0].split()[0].decode()] = headers
                            names.add(name)
            if len(names) < len(sent):  # one may have come twice
                return None
            client.store(",".join(found), "+FLAGS", r"(\Deleted)")
            client.expunge()
            return found

    return [*eventually(look, "all letters", 60).values()]


if __name__ == "__main__":
    _people()
