"""Certificates by ACME: what is described, and the keys that are for them."""

import stat

import pytest
from cryptography.hazmat.primitives import serialization

from mailwright import acme, tls
from mailwright.dns import zones
from mailwright.problems import Problems
from mailwright.render import picture
from mailwright.tls_keys import KeyFiles

HOST = "mail.example.com"


@pytest.fixture
def described(folder):
    """Two hosts, the first with DANE, both by ACME."""
    folder.mail += "\n[acme]\n"
    folder.hosts = folder.hosts.replace('"debian": 12,', '"debian": 12, "dane": True,')
    return folder


def made(folder) -> None:
    for name in (HOST, "mail.example.org"):
        assert len([*KeyFiles(folder.path, name).make()]) == 2


def published(folder) -> list[str]:
    records = [each for some in zones(folder.load(tls=True)).values() for each in some]
    return [value for each in records if each.type == "TLSA" for value in each.values]


def test_without_acme_nothing_is_ordered(folder) -> None:
    assert [host.acme for host in folder.load().hosts] == [None, None]


def test_the_authority_is_let_s_encrypt_and_the_contact_the_postmaster(described) -> None:
    host = described.load().hosts[0]
    assert (host.acme.directory, host.acme.contact) == (acme.LETS_ENCRYPT, "alice@example.com")
    described.mail += 'contact = "it@example.net"\ndirectory = "https://ca.example:9000/acme"\n'
    host = described.load().hosts[0]
    assert host.acme == acme.Acme("https://ca.example:9000/acme", "it@example.net")


def test_a_file_of_the_operator_wins(described, chain) -> None:
    made(described)
    path = described.path / f"tls/{HOST}.pem"
    path.touch(0o600)
    path.write_text(chain())
    first, second = described.load(tls=True).hosts
    assert (first.tls_chain, first.tls_keys) == (path.read_text(), ())
    assert "ordered" not in first.variants
    assert second.acme and not second.tls_chain
    described.hosts = described.hosts.replace('"dane": True', '"tls_chain_file": "other.pem"')
    path.unlink()
    assert described.wrong(tls=True)[0].startswith("other.pem: is missing; expected private key")


def test_missing_and_broken_keys(described) -> None:
    made(described)
    (described.path / f"tls/{HOST}.next.key").unlink()
    (described.path / "tls/mail.example.org.key").write_text("no key")
    (described.path / "tls/mail.example.org.next.key").chmod(0o644)
    assert described.wrong(tls=True) == [
        f"tls/{HOST}.next.key: is missing (make it with 'mailwright keys {described.path}')",
        "tls/mail.example.org.key: has no private key; "
        "expected private key, leaf and intermediates in one PEM file",
        "tls/mail.example.org.next.key: is open to other users (mode 644); expected mode 600",
    ]
    assert described.load().hosts[0].tlsa == ()


def test_keys_are_made_once_for_their_owner_alone(described) -> None:
    made(described)
    files = KeyFiles(described.path, HOST)
    before = files.current.read_bytes(), files.next.read_bytes()
    assert [*files.make()] == []
    assert (files.current.read_bytes(), files.next.read_bytes()) == before
    assert stat.S_IMODE(files.current.stat().st_mode) == 0o600
    key = serialization.load_pem_private_key(before[0], None)
    assert key.curve.name == "secp256r1"


def test_the_key_of_a_chain_file_is_taken_over_by_renaming_it(described, chain) -> None:
    made(described)
    files, text = KeyFiles(described.path, HOST), chain()
    files.current.write_text(text)
    host = described.load(tls=True).hosts[0]
    assert host.tls_key in text
    assert "CERTIFICATE" not in host.tls_key
    assert host.tlsa[0] == tls.tlsa(text)


def test_tlsa_of_the_next_key_is_published_and_a_roll_never_breaks_it(described) -> None:
    made(described)
    files = KeyFiles(described.path, HOST)
    first, second = published(described)
    files.roll()
    assert published(described)[::2] == [second, first]
    with pytest.raises(Problems, match=r"previous\.key: is of the roll before"):
        files.roll()
    files.previous.unlink()
    assert published(described)[0] == second
    assert first not in published(described)


def test_a_roll_that_died_is_finished_by_a_second_one(described) -> None:
    made(described)
    files = KeyFiles(described.path, HOST)
    first, second = files.current.read_text(), files.next.read_text()
    files.previous.touch(0o600)
    files.previous.write_text(first)
    files.roll()
    assert (files.previous.read_text(), files.current.read_text()) == (first, second)


def test_the_picture_has_the_key_that_serves_and_no_other(described) -> None:
    made(described)
    host = described.load(tls=True).hosts[0]
    files = picture(host)
    assert files["/etc/mailwright/tls/mail.key"].strip() == host.tls_keys[0].strip()
    assert not any(host.tls_keys[1] in text for text in files.values())
    assert "/etc/mailwright/tls/mail.pem" not in files
    assert host.tls_keys[0] not in repr(host)


def test_what_stands_in_a_shell_program_is_quoted(described) -> None:
    made(described)
    described.mail += 'contact = "o\'brien$x@example.net"\n'
    text = picture(described.load(tls=True).hosts[0])["/etc/mailwright/acme/renew"]
    assert "contact='o'\"'\"'brien$x@example.net'\n" in text
