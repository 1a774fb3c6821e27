"""Mail that flows without a pause: `python -m tests.lab.traffic INVENTORY`, until its input ends.

Prints, as JSON, how many conversations of each kind went well, and what went wrong in the others.
"""

import json
import sys
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.host.letters import Account, Letters

PEOPLE = {"mail.example.com": "alice@example.com", "mail.example.org": "bob@example.org"}


def read(account: Account) -> None:
    with account.imap() as client:
        assert client.select("INBOX")[0] == "OK"


def fetch(account: Account) -> None:
    with account.pop3(stls=True) as client:
        client.stat()


def send(account: Account) -> None:
    with account.smtp(587) as client:
        client.send_message(Letters().write(account.address, account.address))


def until_told(
    threads: Sequence[threading.Thread],
    ended: threading.Event,
    flows: Callable[[], None] = lambda: None,
) -> None:
    """They run until standard input ends; `flows` is called when all have been started."""
    for thread in threads:
        thread.start()
    flows()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()


def main(inventory: Path) -> None:
    passwords = tomllib.loads((inventory / "verify.toml").read_text())["accounts"]
    accounts = [Account(name, passwords[name], server) for server, name in PEOPLE.items()]
    well: Counter[str] = Counter()
    wrong: list[str] = []
    ended = threading.Event()

    def again(conversation: Callable[[Account], None], account: Account) -> None:
        while not ended.is_set():
            try:
                conversation(account)
                well[f"{conversation.__name__} {account.server}"] += 1
            except Exception as error:
                wrong.append(f"{conversation.__name__} {account.server}: {error!r}")
            time.sleep(0.2)

    def stay(account: Account) -> None:
        """One session from the first to the last moment."""
        try:
            with account.imap() as client, account.smtp() as sender:
                while not ended.wait(0.5):
                    assert client.noop()[0] == "OK"
                    assert sender.noop()[0] == 250
            well[f"stay {account.server}"] += 1
        except Exception as error:
            wrong.append(f"stay {account.server}: {error!r}")

    threads = [
        threading.Thread(target=again, args=(conversation, account))
        for account in accounts
        for conversation in (read, fetch, send)
    ]
    threads += [threading.Thread(target=stay, args=(account,)) for account in accounts]
    until_told(threads, ended)
    print(json.dumps({"well": well, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
