"""`verify.toml`: the passwords that verification logs in with."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import bcrypt

from mailwright.inventory import encoding
from mailwright.model import address
from mailwright.model.mailbox import Mailbox
from mailwright.model.problems import NO_MAILBOX, Invalid, Problem, Problems, listed, nearest

FILE = "verify.toml"
_CORRESPONDENT = ("address", "imap_host", "password")
_BCRYPT = "{BLF-CRYPT}"


def read(folder: Path) -> dict[str, Any]:
    """What the file in an inventory folder says; nothing where there is none. Raises Problems."""
    try:
        text = encoding.decoded((folder / FILE).read_bytes(), FILE)
        return tomllib.loads(text.removeprefix(encoding.MARK))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Problems([Problem(FILE, f"cannot be read: {error.strerror}")]) from None
    except tomllib.TOMLDecodeError as error:
        what = f"is no TOML: {str(error)[0].lower()}{str(error)[1:]}"
        raise Problems([Problem(FILE, what)]) from None


def problems(said: Mapping[str, Any], mailboxes: Mapping[str, Mailbox]) -> Iterator[Problem]:
    """What verification could not use; no password is shown."""
    yield from _unknown(FILE, said, ("accounts", "correspondent"))
    for table in ("accounts", "correspondent"):
        if not isinstance(said.get(table, {}), dict):
            yield Problem(f"{FILE}: {table}", "is no table")
    for name, word in _table(said, "accounts").items():
        yield from _of_account(name, word, mailboxes)
    if other := _table(said, "correspondent"):
        yield from _of_correspondent(other)


def _table(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def _unknown(where: str, said: Collection[str], known: Collection[str]) -> Iterator[Problem]:
    for name in said:
        if name not in known:
            yield Problem(where, "is no setting", name, listed(known), nearest(name, known))


def _of_account(name: str, word: Any, mailboxes: Mapping[str, Mailbox]) -> Iterator[Problem]:
    where = f'{FILE}: accounts."{name}"'
    try:
        own = address.own(name)
    except Invalid as error:
        yield error.at(where)
        return
    box = mailboxes.get(own)
    if box is None:
        yield Problem(where, NO_MAILBOX, name, "", nearest(own, mailboxes))
    elif own != name:
        yield Problem(where, "is not written as its mailbox is", name, own)
    elif not box.password:
        yield Problem(where, "has no password in mail.toml", hint="nobody logs in to it")
    elif not isinstance(word, str):
        yield Problem(where, "is no text", None, "its password in quotes")
    elif not _opens(box.password, word):
        hint = "right if its owner has another now; 'mailwright mailbox password' gives it one"
        yield Problem(where, "is not the password whose hash the description has", hint=hint)


def _opens(hashed: str, word: str) -> bool:
    """Whether it is the password; true for a hash that this machine does not verify."""
    raw = word.encode()[:72]
    if not hashed.startswith(_BCRYPT) or b"\0" in raw:
        return True
    return bcrypt.checkpw(raw, hashed.removeprefix(_BCRYPT).encode())


def _of_correspondent(said: Mapping[str, Any]) -> Iterator[Problem]:
    where = f"{FILE}: correspondent"
    yield from _unknown(where, said, _CORRESPONDENT)
    for name in _CORRESPONDENT:
        if not isinstance(said.get(name), str):
            yield Problem(f"{where}.{name}", "is missing", None, "a text in quotes")
    if isinstance(said.get("address"), str):
        try:
            address.parse(said["address"])
        except Invalid as error:
            yield error.at(f"{where}.address")
