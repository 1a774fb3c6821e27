"""DKIM keys: made once, noticed when lost."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import base64
import os
import stat
from collections.abc import Generator
from datetime import date

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from mailwright.inventory.load import load
from mailwright.keys import dkim_files, secret, signing_key
from mailwright.keys.dkim_files import path_of
from mailwright.model.dkim import DkimKey
from mailwright.model.problems import Problems
from tests.unit.conftest import Folder

DAY = date(2026, 11, 22)
ED25519 = [("example.com", "ed25519")]


def make(folder: Folder, *wanted: tuple[str, str], passphrase: str | None = None) -> list[DkimKey]:
    return list(signing_key.create(folder.path, wanted or ED25519, DAY, passphrase))


def pem(private: PrivateKeyTypes) -> str:
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def folder(folder: Folder) -> Folder:
    folder.hosts = 'mail = [("mail.example.com", {"debian": 12, "ipv4": "198.51.100.10"})]'
    folder.mail = (
        'postmaster = "me@elsewhere.example"\n[domains."example.com"]\ndkim = ["ed25519"]\n'
    )
    return folder


def test_keys_are_private_from_the_first_byte(folder: Folder) -> None:
    old = os.umask(0)
    try:
        (key,) = make(folder)
    finally:
        os.umask(old)
    private = path_of(folder.path, key)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (private, *private.parents[:2])]
    assert modes == [0o600, 0o700, 0o700]
    assert sorted(path.name for path in private.parent.iterdir()) == [
        "mw20261122e.pem", "mw20261122e.txt",
    ]  # fmt: skip


def test_an_ed25519_key_is_what_rspamd_and_the_world_read(folder: Folder) -> None:
    (made,) = make(folder)
    (key,) = folder.load(keys=True).domains[0].keys
    assert key == made
    raw = base64.b64decode(key.rspamd_key)
    assert len(raw) == 64
    public = ed25519.Ed25519PrivateKey.from_private_bytes(raw[:32]).public_key()
    assert public.public_bytes_raw() == raw[32:]
    assert key.record == f"v=DKIM1; k=ed25519; p={base64.b64encode(raw[32:]).decode()}"
    assert key.name == "mw20261122e._domainkey.example.com"
    assert path_of(folder.path, key, ".txt").read_text() == f"{key.record}\n"


def test_an_rsa_key_is_what_rspamd_and_the_world_read(folder: Folder) -> None:
    (key,) = make(folder, ("example.com", "rsa"))
    private = serialization.load_pem_private_key(key.rspamd_key.encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == 2048
    assert key.rspamd_key.startswith("-----BEGIN PRIVATE KEY-----\n")
    head, _, value = key.record.partition("p=")
    assert head == "v=DKIM1; k=rsa; "
    assert len(key.record) == 410
    assert serialization.load_der_public_key(base64.b64decode(value)) == private.public_key()


def test_no_secret_in_the_repr(folder: Folder) -> None:
    (key,) = make(folder)
    assert key.rspamd_key not in repr(key)
    assert "PRIVATE" not in repr(key)


def test_a_new_key_never_takes_an_old_ones_place(folder: Folder) -> None:
    (first,) = make(folder)
    text = path_of(folder.path, first).read_bytes()
    (second,) = make(folder)
    assert (second.selector, path_of(folder.path, first).read_bytes()) == ("mw20261122e2", text)
    path_of(folder.path, second).unlink()
    assert [key.selector for key in make(folder)] == ["mw20261122e3"]
    with pytest.raises(FileExistsError):
        secret.create(path_of(folder.path, first), "other")
    assert path_of(folder.path, first).read_bytes() == text


def test_an_interrupted_run_is_continued(folder: Folder) -> None:
    wanted = [(f"d{n}.example", "ed25519") for n in range(8)]
    run = signing_key.create(folder.path, wanted, DAY)
    first = next(run)
    assert isinstance(run, Generator)
    run.close()
    assert path_of(folder.path, first).exists()
    path_of(folder.path, first, ".txt").unlink()
    assert signing_key.read(path_of(folder.path, first), first.domain) == first
    dkim_files.publish(folder.path, first)
    dkim_files.publish(folder.path, first)
    assert path_of(folder.path, first, ".txt").read_text() == f"{first.record}\n"
    assert not list(folder.path.glob("keys/*/.*"))


def test_a_passphrase_encrypts_what_is_on_the_disk(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = make(folder, passphrase="open sesame")
    assert "BEGIN ENCRYPTED PRIVATE KEY" in path_of(folder.path, key).read_text()
    where = "keys/example.com/mw20261122e.pem"
    assert folder.wrong() == [
        f"{where}: is encrypted (set MAILWRIGHT_PASSPHRASE to its passphrase)"
    ]
    monkeypatch.setenv("MAILWRIGHT_PASSPHRASE", "open barley")
    assert folder.wrong() == [f"{where}: is encrypted with another passphrase"]
    monkeypatch.setenv("MAILWRIGHT_PASSPHRASE", "open sesame")
    assert folder.load(keys=True).domains[0].keys == (key,)


def damaged() -> str:
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d ^ 4, numbers.dmp1 ^ 4, numbers.dmq1 ^ 4, numbers.iqmp,
        numbers.public_numbers,
    )  # fmt: skip
    return pem(wrong.private_key(unsafe_skip_rsa_key_validation=True))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "is no private key; expected PKCS#8 in PEM"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is no private key; expected PKCS#8 in PEM"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "is no key for DKIM; expected RSA of 2048 to 4096 bits or Ed25519"),
        (pem(rsa.generate_private_key(65537, 1024)), "is no key for DKIM; expected RSA of 2048 to 4096 bits or Ed25519"),
        (damaged(), "is a damaged key (restore it from a backup)"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "does not fit the public value in mw20261122e.txt (restore the key that belongs to it, or move both files away and make a new key)"),
    ],
)  # fmt: skip
def test_keys_that_cannot_be_used(folder: Folder, text: str, line: str) -> None:
    (key,) = make(folder)
    path_of(folder.path, key).write_text(text)
    assert folder.wrong(keys=True) == [f"keys/example.com/mw20261122e.pem: {line}"]


def test_keys_that_cannot_be_read(folder: Folder) -> None:
    (key,) = make(folder)
    path_of(folder.path, key).chmod(0o644)
    where = "keys/example.com/mw20261122e.pem"
    line = "is open to other users (mode 644); expected mode 600"
    assert folder.wrong(keys=True) == [f"{where}: {line}"]
    path_of(folder.path, key).unlink()
    path_of(folder.path, key).mkdir()
    assert folder.wrong(keys=True) == [f"{where}: cannot be read: Is a directory"]


def test_what_is_public_is_read_without_the_private_key(folder: Folder) -> None:
    (key,) = make(folder)
    folder.load()
    public = load(folder.path, require_keys=False, require_tls=False, public=True)
    (found,) = (key for domain in public.domains for key in domain.keys)
    assert (found.record, found.selector, found.algorithm, found.private_pem) == (
        key.record, key.selector, "ed25519", "",
    )  # fmt: skip
    for state, line in ((0o644, "is open to other users"), (None, "is lost")):
        path_of(folder.path, key).chmod(state) if state else path_of(folder.path, key).unlink()
        with pytest.raises(Problems, match=line):
            load(folder.path, require_keys=False, require_tls=False, public=True)


def test_a_lost_key_is_no_missing_key(folder: Folder) -> None:
    (key,) = make(folder)
    path_of(folder.path, key).unlink()
    lost = (
        "keys/example.com/mw20261122e.pem: is lost: only its public value mw20261122e.txt is there "
        "(restore it from a backup, or delete the .txt and let 'mailwright keys' make a new key)"
    )
    assert folder.wrong(keys=True) == [lost]
    assert folder.wrong(keys=False) == [lost]


def test_algorithms_are_those_of_the_domain(folder: Folder) -> None:
    make(folder, ("example.com", "rsa"))
    assert folder.wrong(keys=True) == [
        f"keys/example.com: has no DKIM key for ed25519 (make it with 'mailwright keys {folder.path}')"
    ]
