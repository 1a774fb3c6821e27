"""Certificates by ACME: what is described, and the keys that are for them."""

import base64
import hmac
import json
import os
import ssl
import stat
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from mailwright.dns.record import RECOMMENDED
from mailwright.dns.records import zones
from mailwright.keys import pem
from mailwright.keys.tls_keys import KeyFiles
from mailwright.model import acme
from mailwright.model.problems import Problems
from mailwright.order import directory
from mailwright.picture.render import picture
from programs import renew
from tests import inventories
from tests.unit.conftest import Folder

HOST = "mail.example.com"


@pytest.fixture
def described(folder: Folder) -> Folder:
    """Two hosts, the first with DANE, both by ACME."""
    folder.mail += "\n[acme]\n"
    folder.hosts = folder.hosts.replace('"debian": 12,', '"debian": 12, "dane": True,')
    return folder


def made(folder: Folder) -> None:
    for name in (HOST, "mail.example.org"):
        assert len([*KeyFiles(folder.path, name).make()]) == 2


def published(folder: Folder) -> list[str]:
    records = [each for some in zones(folder.load(tls=True)).values() for each in some]
    return [value for each in records if each.type == "TLSA" for value in each.values]


def test_without_acme_nothing_is_ordered(folder: Folder) -> None:
    assert [host.acme for host in folder.load().hosts] == [None, None]


def test_the_authority_is_let_s_encrypt_and_the_contact_the_postmaster(described: Folder) -> None:
    host = described.load().hosts[0]
    assert host.acme
    assert (host.acme.directory, host.acme.contact) == (acme.LETS_ENCRYPT, "alice@example.com")
    described.mail += 'contact = "it@example.net"\ndirectory = "https://ca.example:9000/acme"\n'
    host = described.load().hosts[0]
    assert host.acme == acme.Acme("https://ca.example:9000/acme", "it@example.net")


def caa(folder: Folder) -> dict[str, str]:
    records = [each for some in zones(folder.load()).values() for each in some]
    assert all(each.level == RECOMMENDED for each in records if each.purpose == "caa")
    return {each.id: each.values[0] for each in records if each.purpose == "caa"}


def test_the_authority_in_use_is_published_unless_it_is_off(described: Folder) -> None:
    both = (f"caa {HOST}", "caa mail.example.org")
    assert caa(described) == dict.fromkeys(both, '0 issue "letsencrypt.org"')
    account = "https://acme-v02.api.letsencrypt.org/acme/acct/1"
    described.hosts = described.hosts.replace('"dane"', f'"acme_account": "{account}", "dane"')
    assert caa(described)[both[0]] == f'0 issue "letsencrypt.org; accounturi={account}"'
    (described.path / f"tls/{HOST}.pem").parent.mkdir(exist_ok=True)
    (described.path / f"tls/{HOST}.pem").touch(0o600)  # from an authority that we do not know
    assert [*caa(described)] == [both[1]]
    mail = described.mail
    for off in ('"off"', "[]"):
        described.mail = f"caa = {off}\n{mail}"
        assert not caa(described)
    described.mail = f'{mail}directory = "https://ca.example/directory"\n'
    assert not caa(described)
    described.hosts = described.hosts.replace(account, "http://x; y")
    assert "acme_account: 'http://x; y' is not the URL of an account" in described.wrong()[0]


def test_a_file_of_the_operator_wins(described: Folder, chain: Callable[..., str]) -> None:
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


def test_missing_and_broken_keys(described: Folder) -> None:
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


def test_keys_are_made_once_for_their_owner_alone(described: Folder) -> None:
    made(described)
    files = KeyFiles(described.path, HOST)
    before = files.current.read_bytes(), files.next.read_bytes()
    assert [*files.make()] == []
    assert (files.current.read_bytes(), files.next.read_bytes()) == before
    assert stat.S_IMODE(files.current.stat().st_mode) == 0o600
    key = serialization.load_pem_private_key(before[0], None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"


def test_the_key_of_a_chain_file_is_taken_over_by_renaming_it(
    described: Folder, chain: Callable[..., str]
) -> None:
    made(described)
    files, text = KeyFiles(described.path, HOST), chain()
    files.current.write_text(text)
    host = described.load(tls=True).hosts[0]
    assert host.tls_key in text
    assert "CERTIFICATE" not in host.tls_key
    assert host.tlsa[0] == pem.tlsa(text)


def test_tlsa_of_the_next_key_is_published_and_a_roll_never_breaks_it(described: Folder) -> None:
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


def test_a_roll_that_died_is_finished_by_a_second_one(described: Folder) -> None:
    made(described)
    files = KeyFiles(described.path, HOST)
    first, second = files.current.read_text(), files.next.read_text()
    files.previous.touch(0o600)
    files.previous.write_text(first)
    files.roll()
    assert (files.previous.read_text(), files.current.read_text()) == (first, second)


def test_the_picture_has_the_key_that_serves_and_no_other(described: Folder) -> None:
    made(described)
    host = described.load(tls=True).hosts[0]
    files = picture(host)
    assert files["/etc/mailwright/tls/mail.key"].strip() == host.tls_keys[0].strip()
    assert not any(host.tls_keys[1] in text for text in files.values())
    assert "/etc/mailwright/tls/mail.pem" not in files
    assert host.tls_keys[0] not in repr(host)


EAB = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


@pytest.fixture
def bound(described: Folder) -> Folder:
    """The same, for an authority that has customers."""
    described.mail += 'eab_kid = "kid-1"\n'
    made(described)
    (described.path / "tls/acme-eab.key").touch(0o600)
    (described.path / "tls/acme-eab.key").write_text(f"{EAB}\n")
    return described


def test_who_we_are_to_the_authority_is_for_root_alone(bound: Folder) -> None:
    from roles.acme import SERVICE

    host = bound.load(tls=True).hosts[0]
    assert host.acme
    assert (host.acme.eab_kid, host.acme.eab_key) == ("kid-1", EAB)
    assert EAB not in repr(host)
    with_it = {path for path, text in picture(host).items() if EAB in text}
    assert with_it == {"/etc/mailwright/acme/settings.toml"}
    assert SERVICE.modes["*.toml"].bits == 0o600


@pytest.mark.parametrize(
    ("text", "mode", "what"),
    [
        (None, 0o600, "is missing"),
        (EAB, 0o644, "is open to other users (mode 644)"),
        ("", 0o600, "has no key of an external account"),
        ("two words", 0o600, "has no key of an external account"),
        ("c2hvcnQ", 0o600, "has no key of an external account"),
        (f"{EAB}!", 0o600, "has no key of an external account"),
    ],
)
def test_a_key_of_an_external_account_that_is_none(
    bound: Folder, text: str | None, mode: int, what: str
) -> None:
    path = bound.path / "tls/acme-eab.key"
    path.unlink()
    if text is not None:
        path.touch()
        path.write_text(text)
        path.chmod(mode)
    (line,) = bound.wrong(tls=True)
    assert line.startswith(f"tls/acme-eab.key: {what}")
    assert not text or text not in line
    assert bound.load().acme


def test_a_key_in_plain_base64_is_the_same(bound: Folder) -> None:
    raw = base64.urlsafe_b64decode(f"{EAB}")[:-1] + b"\xff"
    (bound.path / "tls/acme-eab.key").write_text(base64.b64encode(raw).decode())
    found = bound.load(tls=True).acme
    assert found and renew.decoded(found.eab_key) == raw


def test_an_identifier_that_is_none(described: Folder) -> None:
    described.mail += 'eab_kid = "två ord"\n'
    what = "is no identifier of an external account; expected what the authority calls it"
    assert described.wrong() == [f"mail.toml: acme.eab_kid: 'två ord' {what}"]


def unpacked(body: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, content, what is signed, and the signature of a JWS."""
    words = f"{body['protected']}.{body['payload']}".encode()
    header, content = (json.loads(b64(body[name])) for name in ("protected", "payload"))
    return header, content, words, b64(body["signature"])


def b64(text: str) -> bytes:
    assert not {*"+/="} & {*text}
    return base64.urlsafe_b64decode(text + "==")


def rsa_key() -> renew.AccountKey:
    """As uacme makes one."""
    return rsa.generate_private_key(65537, 2048)


def ec_key() -> renew.AccountKey:
    """As we make one."""
    return ec.generate_private_key(ec.SECP256R1())


def short_key() -> renew.AccountKey:
    """One whose x begins with a zero, which is written (RFC 7518 section 6.2.1.2)."""
    keys = (ec.derive_private_key(number, ec.SECP256R1()) for number in range(1, 10_000))
    return next(key for key in keys if key.public_key().public_numbers().x < 1 << 248)


@pytest.mark.parametrize("make", [ec_key, short_key, rsa_key])
def test_an_account_is_asked_for_as_rfc_8555_says(make: Callable[[], renew.AccountKey]) -> None:
    """The signatures are verified by cryptography, over the key that stands in the request."""
    url = "https://ca.example/new-account"
    settings = renew.Settings("https://ca.example/dir", "a@b.example", [], "", 35, "kid-1", EAB)
    key = make()
    inner = renew.binding(settings, renew.jwk(key), url)
    payload = {"externalAccountBinding": inner}
    header, content, words, signature = unpacked(renew.signed(key, "nonce-1", url, payload))
    assert (header["nonce"], header["url"], content) == ("nonce-1", url, payload)
    public, numbers = key.public_key(), header["jwk"]
    if isinstance(public, rsa.RSAPublicKey):
        assert header["alg"] == "RS256"
        e, n = (int.from_bytes(b64(numbers[name]), "big") for name in "en")
        assert rsa.RSAPublicNumbers(e, n) == public.public_numbers()
        public.verify(signature, words, padding.PKCS1v15(), hashes.SHA256())
    else:
        assert (header["alg"], numbers["crv"], len(signature)) == ("ES256", "P-256", 64)
        assert [len(b64(numbers[name])) for name in "xy"] == [32, 32]
        x, y = (int.from_bytes(b64(numbers[name]), "big") for name in "xy")
        assert ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()) == public.public_numbers()
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        public.verify(encode_dss_signature(r, s), words, ec.ECDSA(hashes.SHA256()))
    header, content, words, signature = unpacked(inner)
    assert header == {"alg": "HS256", "kid": "kid-1", "url": url}
    assert content == numbers
    assert hmac.compare_digest(signature, hmac.digest(b64(EAB), words, "sha256"))


def test_another_word_for_us_is_another_order(settings: renew.Settings) -> None:
    order = renew.Order(settings, renew.STATE / "mail", [HOST])
    order.fail()
    order.keep("error")
    corrected = replace(settings, eab_kid="kid-1", eab_key=EAB)
    assert renew.Order(settings, renew.STATE / "mail", [HOST]).is_paused
    assert not renew.Order(corrected, renew.STATE / "mail", [HOST]).is_paused


@contextmanager
def authority(folder: Path, says: bytes) -> Iterator[str]:
    """The URL of a directory that says this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(says)

        def log_message(self, *_: object) -> None:
            pass

    inventories.self_signed(folder / "ca.pem", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem")
    server = HTTPServer(("localhost", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_port}/dir"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("says", "kid", "count"),
    [
        (b'{"meta": {"externalAccountRequired": true}}', "", 1),
        (b'{"meta": {"externalAccountRequired": true}}', 'eab_kid = "kid-1"', 0),
        (b'{"meta": {"externalAccountRequired": false}}', "", 0),
        (b"{}", "", 0),
        (b"[]", "", 0),
        (b"<html>", "", 0),
    ],
)
def test_an_authority_that_takes_its_customers_only_is_told_before_a_deploy(
    described: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: bytes, kid: str,
    count: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with authority(tmp_path, says) as url:
        described.mail += f'directory = "{url}"\n{kid}\n'
        found = [each.id for each in directory.findings(described.load())]
    assert found == [f"authority {url}: eab_kid"] * count


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Folders of ours for the program that orders."""
    for name in ("STATE", "TLS", "PROGRAMS"):
        monkeypatch.setattr(renew, name, tmp_path / name.lower())
        (tmp_path / name.lower()).mkdir()
    (renew.TLS / "web").mkdir()
    with warnings.catch_warnings(action="ignore"):
        yield


@pytest.fixture
def settings(described: Folder, folders: None) -> renew.Settings:
    """Those that a host gets."""
    described.mail += 'contact = "o\'brien$x@example.net"\n'
    made(described)
    files = picture(described.load(tls=True).hosts[0])
    (renew.PROGRAMS / "settings.toml").write_text(files["/etc/mailwright/acme/settings.toml"])
    return renew.Settings.read()


def test_a_host_gets_the_program_as_it_is_and_its_settings(
    described: Folder, settings: renew.Settings
) -> None:
    host = described.load(tls=True).hosts[0]
    found = (settings.directory, settings.contact, settings.addresses, settings.loopback)
    assert found == (acme.LETS_ENCRYPT, "o'brien$x@example.net", host.addresses, "127.0.0.1")
    source = Path(renew.__file__).read_text()
    first, _, rest = picture(host)["/etc/mailwright/acme/renew"].split("\n", 2)
    assert (first, rest) == ("#!/usr/bin/python3 -Iu", source)


def test_what_does_not_lead_here_is_looked_at_ever_more_rarely(
    settings: renew.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every ten minutes somebody may look."""
    now = time.time()
    order = renew.Order(settings, renew.STATE / "web/example.com", ["mta-sts.example.com"])
    looks = []
    for minute in range(0, 7 * 24 * 60, 10):
        monkeypatch.setattr(time, "time", lambda minute=minute: now + minute * 60)
        if not order.is_looked_at:
            order.waits.write_text("mta-sts.example.com has no address in DNS\n")
            os.utime(order.waits, (now + minute * 60,) * 2)
            looks.append(minute)
    assert looks[:5] == [0, 10, 20, 40, 80]
    assert len(looks) < 20
    assert max(b - a for a, b in pairwise(looks)) == 24 * 60


def test_after_a_failure_there_is_a_pause_which_grows_and_another_order_has_none(
    settings: renew.Settings,
) -> None:
    folder, names = renew.STATE / "mail", [HOST]
    order = renew.Order(settings, folder, names, "key")
    assert not order.is_paused
    hours = []
    for _ in range(7):
        order.fail()
        order.keep("error")
        hours.append(order.pause / 3600)
    assert hours == [1, 2, 4, 8, 16, 16, 16]
    assert renew.Order(settings, folder, names, "key").is_paused
    assert not renew.Order(settings, folder, names, "another").is_paused
    order = renew.Order(settings, folder, names, "another")
    order.fail()
    order.keep("error")
    corrected = replace(settings, directory="https://ca.example/corrected")
    assert not renew.Order(corrected, folder, names, "another").is_paused


@pytest.mark.usefixtures("folders")
def test_an_authority_gets_a_bounded_number_of_orders() -> None:
    (renew.STATE / "orders").write_text("\n".join([str(time.time())] * (renew.ORDERS - 1)))
    assert renew.has_room()
    with (renew.STATE / "orders").open("a") as file:
        file.write(f"\n{time.time()}")
    assert not renew.has_room()
    (renew.STATE / "orders").write_text("\n".join([str(time.time() - 4 * 3600)] * 900))
    assert renew.has_room()


def test_when_several_orders_in_a_row_fail_the_others_wait(
    settings: renew.Settings,
    chain: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One certificate that cannot be read stops no other."""
    for number in range(20):
        (renew.TLS / f"web/{number:02}.example.names").write_text(f"# x\n{number:02}.example\n")
        (renew.TLS / f"web/{number:02}.example.pem").write_text(chain() if number else "nothing")
    tried: list[str] = []

    def fails(certificate: renew.Certificate, names: list[str], why: str) -> None:
        tried.append(*names)
        raise renew.FailedError("no certificate came from it")

    monkeypatch.setattr(renew.Certificate, "renew", fails)
    monkeypatch.setattr(renew.Certificate, "reason", lambda certificate: "it ends soon")

    async def leads_here(settings: renew.Settings, names: list[str]) -> dict[str, list[str]]:
        return {name: [] for name in names}

    monkeypatch.setattr(renew, "look", leads_here)
    assert not renew.Run(settings, now=False, only="").run()
    assert tried == ["01.example", "02.example", "03.example"]
    said = capsys.readouterr().out
    assert "error: web/00.example: " in said
    assert "3 orders in a row have failed" in said
    assert not renew.Run(settings, now=False, only="").run()
    assert tried[3:] == []
    (renew.STATE / "failure").unlink()
    assert not renew.Run(settings, now=False, only="").run()
    assert tried[3:] == ["04.example", "05.example", "06.example"]


def test_of_many_names_that_wait_there_is_one_line(
    settings: renew.Settings,
    chain: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [f"{number:02}.example" for number in range(40)]
    for name in names:
        (renew.TLS / f"web/{name}.names").write_text(f"# x\n{name}\n")
        (renew.TLS / f"web/{name}.pem").write_text(chain())
    looks = []

    async def leads_nowhere(settings: renew.Settings, some: list[str]) -> dict[str, list[str]]:
        looks.append(some)
        return {name: [f"{name} has no address in DNS"] for name in some}

    monkeypatch.setattr(renew, "look", leads_nowhere)
    monkeypatch.setattr(renew.Certificate, "is_temporary", property(lambda certificate: True))
    assert renew.Run(settings, now=False, only="").run()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert "00.example has no address in DNS; " in lines[0]
    assert "; and 37 more" in lines[0]
    for path in renew.STATE.rglob("asked"):  # they have waited for ten minutes
        os.utime(path, (time.time() - 600,) * 2)
    assert renew.Run(settings, now=False, only="").run()
    assert (looks, capsys.readouterr().out) == ([names], "")
    assert renew.Run(settings, now=False, only="web/01.example").run()
    assert looks[1:] == [["01.example"]]
