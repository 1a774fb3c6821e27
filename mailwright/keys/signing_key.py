"""Private DKIM keys: opened and checked, made and kept (RFC 6376, RFC 8463)."""

from __future__ import annotations

import base64
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import date
from itertools import count
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from mailwright.keys import dkim_files, secret
from mailwright.keys.dkim_files import FOLDER, PASSPHRASE, environment, publish
from mailwright.model.dkim import ALWAYS, DkimKey, Life
from mailwright.model.problems import Invalid

Private = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_BITS = range(2048, 4097)  # RFC 8301 section 3.2: signers at least 2048, verifiers up to 4096
_LETTERS = {"rsa": "r", "ed25519": "e"}
_PROBE = b"mailwright"


def read(path: Path, domain: str, passphrase: Callable[[], str | None] = environment) -> DkimKey:
    """The key in a file; `passphrase` is called if it is encrypted.

    Raises Invalid when it cannot be read or used, is open to other users, or does not fit the
    public value beside it.
    """
    private = _load(path, passphrase)
    life = dkim_files.read_life(path.with_suffix(dkim_files.SUFFIX))
    key = describe(private, path, domain, life)
    public = path.with_suffix(".txt")
    if public.exists() and public.read_bytes().strip() != key.record.encode():
        hint = "restore the key that belongs to it, or move both files away and make a new key"
        raise Invalid(None, f"does not fit the public value in {public.name}", hint=hint)
    return key


def describe(private: Private, path: Path, domain: str, life: Life | None = None) -> DkimKey:
    """What a private key, kept in `path`, says to the signer and to the world.

    Without a `life` it has always signed.
    """
    text = _text(private, None)
    if isinstance(private, rsa.RSAPrivateKey):
        algorithm, signer, form = "rsa", text, pem.PublicFormat.SubjectPublicKeyInfo
        value = private.public_key().public_bytes(pem.Encoding.DER, form)
    else:
        algorithm = "ed25519"
        value = private.public_key().public_bytes_raw()  # RFC 8463 section 4: the bare 32 bytes
        # Rspamd 3.4 skips Ed25519 keys in PKCS#8 without a word; it reads seed and public key.
        signer = base64.b64encode(private.private_bytes_raw() + value).decode()
    record = f"v=DKIM1; k={algorithm}; p={base64.b64encode(value).decode()}"
    life = life or Life(algorithm, signing=ALWAYS)
    selector = life.slot or path.stem
    return DkimKey(domain, selector, algorithm, path.stem, record, text, signer, life)


def _load(path: Path, passphrase: Callable[[], str | None]) -> Private:
    raw = secret.read(path)
    phrase = passphrase() if b"BEGIN ENCRYPTED" in raw else None
    if b"BEGIN ENCRYPTED" in raw and not phrase:
        raise Invalid(None, "is encrypted", hint=f"set {PASSPHRASE} to its passphrase")
    try:
        # OpenSSL's full check takes 40 ms for each key; _usable has the same effect in one.
        private = pem.load_pem_private_key(
            raw, phrase.encode() if phrase else None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError) as error:
        what = "is encrypted with another passphrase" if phrase else "is no private key"
        raise Invalid(None, what, "" if phrase else "PKCS#8 in PEM") from error
    return _usable(private)


def _usable(private: object) -> Private:
    try:
        if isinstance(private, ed25519.Ed25519PrivateKey):
            private.public_key().verify(private.sign(_PROBE), _PROBE)
            return private
        if isinstance(private, rsa.RSAPrivateKey) and private.key_size in _BITS:
            scheme = padding.PKCS1v15(), hashes.SHA256()
            private.public_key().verify(private.sign(_PROBE, *scheme), _PROBE, *scheme)
            return private
    except (InvalidSignature, ValueError):
        raise Invalid(None, "is a damaged key", hint="restore it from a backup") from None
    raise Invalid(None, "is no key for DKIM", "RSA of 2048 to 4096 bits or Ed25519")


def create(
    inventory: Path,
    wanted: Iterable[tuple[str, str]],
    today: date,
    passphrase: str | None = None,
) -> Iterator[DkimKey]:
    """Make and keep a key for each (domain, algorithm); yields each as soon as it is on the disk.

    All of them sign. Whoever may not be alone with the folder keeps them itself, under its lock.
    """
    for domain, some in made(wanted):
        for private in some.values():
            yield keep(inventory, domain, private, today, passphrase)


def made(wanted: Iterable[tuple[str, str]]) -> Iterator[tuple[str, dict[str, Private]]]:
    """The new private keys of each domain, by algorithm, from pairs of both; in no order.

    Threads make them side by side, since OpenSSL works outside Python's lock.
    """
    asked = defaultdict[str, list[str]](list)
    for domain, algorithm in wanted:
        asked[domain].append(algorithm)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {pool.submit(_generated, algorithms): name for name, algorithms in asked.items()}
        try:
            yield from ((jobs[job], job.result()) for job in as_completed(jobs))
        finally:
            pool.shutdown(cancel_futures=True)


def _generated(algorithms: Iterable[str]) -> dict[str, Private]:
    return {algorithm: _MAKERS[algorithm]() for algorithm in algorithms}


_MAKERS: dict[str, Callable[[], Private]] = {
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=_BITS[0]),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def keep(
    inventory: Path,
    domain: str,
    private: Private,
    today: date,
    passphrase: str | None = None,
    life: Life | None = None,
) -> DkimKey:
    """The key in its files, under a name that was never used before.

    `life` is what is to be remembered of it; without one it signs.
    """
    folder = inventory / FOLDER / domain
    for level in (folder.parent, folder):
        level.mkdir(mode=0o700, exist_ok=True)
    path = _selector(folder, "rsa" if isinstance(private, rsa.RSAPrivateKey) else "ed25519", today)
    if life:  # first, since a key without it would sign
        dkim_files.write_life(path.with_suffix(dkim_files.SUFFIX), life)
    secret.create(path, _text(private, passphrase))
    key = describe(private, path, domain, life)
    publish(inventory, key)
    return key


def _selector(folder: Path, algorithm: str, today: date) -> Path:
    """`mw20261122r`: never used before (RFC 6376 section 3.1), and says when to think of a new one.

    The letter keeps the keys of two algorithms apart, a number those of one day.
    """
    stem = f"mw{today:%Y%m%d}{_LETTERS[algorithm]}"
    taken = {path.stem for path in folder.glob("mw*")}
    number = next(n for n in count(1) if f"{stem}{n if n > 1 else ''}" not in taken)
    return folder / f"{stem}{number if number > 1 else ''}.pem"


def _text(private: Private, passphrase: str | None) -> str:
    """PKCS#8 in PEM, encrypted if there is a passphrase."""
    protection: pem.KeySerializationEncryption = pem.NoEncryption()
    if passphrase:
        protection = pem.BestAvailableEncryption(passphrase.encode())
    return private.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, protection).decode()
