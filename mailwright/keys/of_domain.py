"""DKIM keys (RFC 6376, RFC 8463): made once, kept in the inventory, never replaced silently.

`keys/<domain>/<key>.pem` is the private key (PKCS#8), and `<key>.txt` beside it the public value,
so that a lost private key is noticed and not replaced by one that DNS does not know. `<key>.toml`
is what a rotation remembers of it (`dkim_files`). A key is called like its selector,
unless that is one of the slots of a domain whose keys are delegated.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from mailwright.keys import dkim_files, secret
from mailwright.keys.dkim_files import FOLDER
from mailwright.model import dkim, tag_list
from mailwright.model.dkim import ALWAYS, DkimKey, Life
from mailwright.model.problems import Invalid, Problem

_SUFFIXES = (".pem", ".txt", dkim_files.SUFFIX)
_LEFT = {".txt": "its public value", dkim_files.SUFFIX: "its life"}
_LOST = "restore it from a backup, or delete the {0} and let 'mailwright keys' make a new key"


def keys(
    inventory: Path,
    domain: str,
    algorithms: Collection[str],
    passphrase: Callable[[], str | None],
    found: list[Problem],
    public: bool = False,
) -> tuple[DkimKey, ...]:
    """The keys of a domain that are published or will be, and those that were, by name.

    Those of its `algorithms` sign. What is lost or cannot be used goes to `found`. Whoever wants
    what is `public` gets it without private keys, which are not opened where it stands beside them.
    """
    folder = inventory / FOLDER / domain
    some = []
    for name in _names(folder):
        path = folder / f"{name}.pem"
        try:
            some.append(_key(path, domain, passphrase, public))
        except Invalid as error:
            found.append(error.at(f"{FOLDER}/{domain}/{path.name}"))
    there = [key for key in some if key]
    signing = dkim.current([key.life for key in there], algorithms)
    return tuple(
        replace(key, state=dkim.state(key.life, signing.get(key.algorithm))) for key in there
    )


def _names(folder: Path) -> list[str]:
    """What keys are called that there is anything of."""
    try:
        files = [name.rpartition(".") for name in os.listdir(folder)]  # noqa: PTH208 much faster
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(
        {stem for stem, _, suffix in files if f".{suffix}" in _SUFFIXES and stem[0] != "."}
    )


def _key(
    path: Path, domain: str, passphrase: Callable[[], str | None], public: bool = False
) -> DkimKey | None:
    """The key that files of this name are; None for what a run left that died making one."""
    value, life_path = path.with_suffix(".txt"), path.with_suffix(dkim_files.SUFFIX)
    try:
        life = dkim_files.read_life(life_path)
    except Invalid as error:
        what = f"has a life that cannot be used, in {life_path.name}: {error.what}"
        raise Invalid(error.value, what, error.expected, error.hint) from None
    if life and life.has_ended:
        return _ended(path, domain, life)
    if path.exists() or path.is_symlink():
        if public and (known := _published(path, value, domain, life)):
            return known
        from mailwright.keys.signing_key import read  # cryptography takes a while to load

        return read(path, domain, passphrase)
    if life and life.was_never_used and not value.exists():
        return None
    left = value if value.exists() else life_path
    raise Invalid(
        None,
        f"is lost: only {_LEFT[left.suffix]} {left.name} is there",
        hint=_LOST.format(left.suffix),
    )


def _published(path: Path, value: Path, domain: str, life: Life | None) -> DkimKey | None:
    """A key as its public value tells it, which a deploy compares with the private one."""
    try:
        secret.check(path)
        record = value.read_text("utf-8").strip()
        algorithm = tag_list.parse(record)["k"]
    except (FileNotFoundError, UnicodeDecodeError, Invalid, KeyError):
        return None
    life = life or Life(algorithm, signing=ALWAYS)
    return DkimKey(domain, life.slot or path.stem, algorithm, path.stem, record, "", "", life)


def _ended(path: Path, domain: str, life: Life) -> DkimKey:
    record = f"v=DKIM1; k={life.algorithm}; p="  # RFC 6376 section 3.6.1: revoked
    return DkimKey(domain, life.slot or path.stem, life.algorithm, path.stem, record, "", "", life)
