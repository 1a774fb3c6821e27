"""Answers Postfix which sender forwarded mail gets, and whose a bounce to it is (tcp_table(5)).

A sender that fits is written into the new one, as PostSRSd does it and with the same secret, so
that nothing is kept:

    SRS0=HASH=DAY=sender.example=someone@mail.example.com

A local part has 64 octets at most (RFC 5321 section 4.5.3.1.1). A sender that is too long for that
is kept, and so is one that might not come back as it was: capitals, which some servers fold,
quotes, and what Postfix takes for a route (% and !). Its new sender has the name of its entry
instead:

    SRS0=HASH=DAY==ENTRY@mail.example.com

An entry is on the disk before Postfix has the answer. When one that we made is gone its bounce is
put off and not refused, since whoever has a backup can bring it back.
"""

import asyncio
import base64
import hmac
import os
import re
import sqlite3
import string
import time
import tomllib
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote, unquote

SETTINGS = Path("/etc/mailwright/srs/settings.toml")  # our name, and where Postfix asks
DAYS = 21  # mail may wait five days here, and as long with each who passes it on
ENTRIES = 1_000_000  # some 200 MB; one more, and the one goes that was not used for longest

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ATOM = "[a-z0-9#$&'*+/=?^_`{|}~-]+"  # RFC 5322 section 3.2.3, without capitals, % and !
FITS = re.compile(rf"{ATOM}(\.{ATOM})*@[A-Za-z0-9.-]+")
TABLE = (
    "CREATE TABLE IF NOT EXISTS kept"
    " (id TEXT PRIMARY KEY, sender TEXT NOT NULL, day INTEGER NOT NULL)"
)

Ask = Callable[[str], str | None]


class Srs:
    """Both directions. Text is Latin-1, a character for each octet.

    The first secret makes senders, all of them check.
    """

    def __init__(self, name: str, secrets: Sequence[bytes], file: Path) -> None:
        self.name = name
        self.secrets = secrets
        self.file = file

    def forward(self, sender: str) -> str | None:
        """The new sender; None for a bounce, and for what is ours already."""
        local, _, domain = sender.rpartition("@")
        if not sender or domain.lower() == self.name:
            return None
        if FITS.fullmatch(sender):
            address = self.address(domain, local)
            if len(address.rpartition("@")[0]) <= 64 and len(address) <= 254:
                return address
        return self.address("", self.keep(sender))

    def address(self, domain: str, local: str) -> str:
        """A sender of ours, for today."""
        stamp = BASE32[today() >> 5 & 31] + BASE32[today() & 31]
        hash = digest(self.secrets[0], stamp, domain or "=", local)
        return f"SRS0={hash}={stamp}={domain}={local}@{self.name}"

    def reverse(self, address: str) -> str | None:
        """Who gets a bounce to this address; None where it is forged or too old.

        SRS1, which PostSRSd made of another forwarder's SRS0, never ends.
        Raises LookupError where the sender was kept and is gone.
        """
        local = address.rpartition("@")[0]
        kind, fields = local[:4].upper(), local[5:].split("=", 3)
        if kind == "SRS0" and len(fields) == 4:
            hash, stamp, domain, user = fields
            if self.is_ours(hash, stamp, domain or "=", user) and is_recent(stamp):
                return f"{user}@{domain}" if domain else self.kept(user.lower())
        if kind == "SRS1" and local.count("=", 5) >= 2:
            hash, domain, rest = local[5:].split("=", 2)
            if self.is_ours(hash, domain, rest):
                return f"SRS0{rest}@{domain}"
        return None

    def is_ours(self, hash: str, *fields: str) -> bool:
        """Some servers fold the case of what they answer to."""
        known = [digest(secret, *fields).lower().encode() for secret in self.secrets]
        same = [hmac.compare_digest(hash.lower().encode(), each) for each in known]
        return any(same)

    def keep(self, sender: str) -> str:
        """The name of the sender's entry, which is on the disk now.

        An old one goes for it, not all at once.
        """
        tag = hmac.digest(self.secrets[0], b"kept " + sender.encode("latin-1"), "sha256")
        id = base64.b32encode(tag)[:16].decode().lower()
        with closing(self.open()) as table, table:
            asked = "SELECT 1 FROM kept WHERE id = ? AND day = ?"
            if not table.execute(asked, (id, today())).fetchone():
                table.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (id, sender, today()))
                table.execute(
                    "DELETE FROM kept WHERE"
                    " rowid IN (SELECT rowid FROM kept ORDER BY rowid LIMIT 2)"
                    " AND (day < ? OR rowid <= (SELECT max(rowid) FROM kept) - ?)",
                    (today() - DAYS - 1, ENTRIES),
                )
        return id

    def kept(self, id: str) -> str:
        """The sender of an entry. Raises LookupError."""
        with closing(self.open()) as table:
            found = table.execute("SELECT sender FROM kept WHERE id = ?", (id,)).fetchone()
        if not found:
            raise LookupError(f"{self.file} has no entry {id}")
        return str(found[0])

    def open(self) -> sqlite3.Connection:
        """Anew for each question: what somebody has put back or taken away is seen at once."""
        table = sqlite3.connect(self.file, timeout=10)
        # The end of the journal is on the disk as well (sqlite.org/pragma.html).
        table.execute("PRAGMA synchronous = EXTRA")
        table.execute(TABLE)
        return table

    def set_aside(self) -> None:
        """What is no table stays for whoever can mend it; the next question begins another."""
        for suffix in ("-journal", ""):
            with suppress(FileNotFoundError):
                Path(f"{self.file}{suffix}").replace(f"{self.file}.broken{suffix}")


def digest(secret: bytes, *fields: str) -> str:
    """The first eight characters of HMAC-SHA1 in base64: as PostSRSd."""
    text = "".join(fields).encode("latin-1").lower()
    return base64.b64encode(hmac.digest(secret, text, "sha1"))[:8].decode()


def today() -> int:
    """Days since 1970."""
    return int(time.time() // 86400)


def is_recent(stamp: str) -> bool:
    """Two digits of 32, so days come again after 1024 of them.

    A clock that was put back by a day is forgiven.
    """
    digits = [BASE32.find(digit) for digit in stamp.upper()]
    if len(digits) != 2 or -1 in digits:
        return False
    return (today() + 1 - digits[0] * 32 - digits[1]) % 1024 <= DAYS + 1


def reply(srs: Srs, ask: Ask, line: bytes) -> str:
    """The answer to one line.

    200 and an address, 500 that there is none, 400 that Postfix must ask later.
    """
    verb, _, key = line.decode("latin-1").rstrip("\r\n").partition(" ")
    try:
        if verb != "get":
            raise LookupError(f"{verb!r} is not known here")
        address = ask(unquote(key, "latin-1"))
    except (LookupError, OSError, sqlite3.Error) as error:
        print(f"{key}: {error}", flush=True)
        code = getattr(error, "sqlite_errorcode", 0) & 255
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            srs.set_aside()
        return "400 look into the log of mailwright-srs"
    safe = string.punctuation.replace("%", "")
    return f"200 {quote(address, safe, 'latin-1')}" if address else "500 none"


async def converse(
    srs: Srs, ask: Ask, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One client, as long as it asks."""
    try:
        while (line := await reader.readline()).endswith(b"\n"):
            writer.write(f"{reply(srs, ask, line)}\n".encode())
            await writer.drain()
    except (OSError, ValueError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Answer for ever: the first port takes senders, the second takes bounces."""
    settings = tomllib.loads(SETTINGS.read_text())
    secrets = Path(os.environ["CREDENTIALS_DIRECTORY"], "secret").read_bytes().splitlines()
    kept = Path(os.environ["STATE_DIRECTORY"], "kept.sqlite")
    srs = Srs(settings["name"], [line for line in secrets if line], kept)
    for ask, port in ((srs.forward, "port"), (srs.reverse, "reverse_port")):
        answer = partial(converse, srs, ask)
        await asyncio.start_server(answer, settings["loopback"], settings[port], backlog=1000)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
