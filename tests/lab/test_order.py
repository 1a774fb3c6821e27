"""`mailwright order` gets certificates by a proof in DNS from Pebble, and never spoils a file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest
from acme.client import ClientV2
from click.testing import CliRunner, Result
from cryptography import x509

from lab.acme import ENVIRONMENT
from lab.network import entered
from mailwright.certificates import chains
from mailwright.cli import cli
from mailwright.inventory.load import load
from mailwright.keys import pem, secret, tls_keys
from mailwright.zones.change import Change
from mailwright.zones.present import Zone
from mailwright.zones.primary import Primary, Unusable
from tests import inventories
from tests.host.letters import eventually
from tests.lab.names import FIRST, RESOLVER, Names

HOST, DOMAIN = "mail.example.com", "example.com"
PROOF = f"_acme-challenge.{HOST}."
DIRECTORY = "https://localhost:14000/dir"
HOSTS = f'mail = [("{HOST}", {{"debian": 13, "ipv4": "198.51.100.10"}})]\n'
MAIL = f"""\
postmaster = "alice@{DOMAIN}"
[acme]
directory = "{DIRECTORY}"
eab_kid = "kid-1"
[domains."{DOMAIN}"]
mta_sts = "testing"
[domains."blocked.example"]
mta_sts = "testing"
[mailboxes."alice@{DOMAIN}"]
password = "{{BLF-CRYPT}}$2y$08$VvkQ.WbHGHeEprpEvodAfe3OEGDlwlv2xuKKCo8rakkmgK25LBRJy"
"""


EAB = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


class World:
    """An inventory, the names of its zone, and an authority that knows no other way to the host."""

    def __init__(self, path: Path) -> None:
        (path / "names").mkdir()
        self.names = Names(path / "names", {f"{DOMAIN}.": ""})
        self.log = path / "names/env.out"
        self.chain = path / "pebble.pem"
        self.settings = path / "pebble.json"
        inventories.self_signed(self.chain, "localhost")
        here = {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000"}
        files = {"certificate": str(self.chain), "privateKey": str(self.chain)}
        blocked = {"domainBlocklist": ["blocked.example"]}
        bound = {"externalAccountBindingRequired": True, "externalAccountMACKeys": {"kid-1": EAB}}
        self.settings.write_text(json.dumps({"pebble": here | files | blocked | bound}))

    def start(self) -> None:
        self.names.start()
        argv = ["pebble", "-config", str(self.settings), "-dnsserver", f"{RESOLVER}:53"]
        environment = (f"{name}={value}" for name, value in ENVIRONMENT.items())
        self.pebble = self.names.run("env", *environment, *argv)
        eventually(lambda: self.listening() or None, "Pebble")

    def listening(self) -> bool:
        return self.log.exists() and "Listening on" in self.log.read_text()

    def stop(self) -> None:
        self.pebble.terminate()
        self.pebble.wait()
        self.names.stop()

    def orders(self) -> int:
        return self.log.read_text().count("/order-plz")

    def shown(self) -> list[str]:
        """The proofs that are in DNS."""
        with entered(self.names.namespace):
            reply = dns.query.tcp(dns.message.make_query(PROOF, "TXT"), FIRST, timeout=20)
        return [str(data) for rrset in reply.answer for data in rrset]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("order"))
    try:
        world.start()
        yield world
    finally:
        world.stop()


@pytest.fixture
def folder(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory without a certificate."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(world.chain))
    (tmp_path / "hosts.py").write_text(HOSTS)
    (tmp_path / "mail.toml").write_text(MAIL)
    list(tls_keys.KeyFiles(tmp_path, HOST).make())
    secret.create(tmp_path / "tls/acme-eab.key", EAB)
    return tmp_path


def order(world: World, folder: Path, *options: str, key: Path | None = None) -> Result:
    where = ["--server", FIRST, "--key", str(key or world.names.key), "--resolver", RESOLVER]
    with entered(world.names.namespace):
        return CliRunner().invoke(cli, ["order", str(folder), *where, *options])


def certificate(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(file.read_bytes())[0]


def test_a_host_that_nobody_reaches_gets_a_certificate_for_its_key(
    world: World, folder: Path
) -> None:
    done = order(world, folder, HOST)
    assert done.exit_code == 0, done.output
    file = folder / f"tls/{HOST}.pem"
    assert "Pebble" in certificate(file).issuer.rfc4514_string()
    assert chains.covered(chains.usable(file), HOST) == [HOST]
    assert pem.tlsa(file.read_text()) == pem.tlsa((folder / f"tls/{HOST}.key").read_text())
    assert file.stat().st_mode & 0o777 == 0o600
    assert world.shown() == []
    assert load(folder, require_keys=False).hosts[0].tls_chain == file.read_text()


def test_an_authority_that_takes_its_customers_only_wants_to_know_which(
    world: World, folder: Path
) -> None:
    before = world.orders()
    for line, said in (
        ("", "say who you are there with eab_kid"),
        ('eab_kid = "kid-2"', "not known"),
    ):
        (folder / "mail.toml").write_text(MAIL.replace('eab_kid = "kid-1"', line))
        done = order(world, folder, HOST)
        assert done.exit_code == 1
        assert said in done.output
    assert world.orders() == before
    (folder / "mail.toml").write_text(MAIL)
    (folder / "tls/acme-eab.key").unlink()
    failed = order(world, folder, HOST).exception
    assert "tls/acme-eab.key: is missing" in str(failed)


def test_nothing_is_ordered_without_need(world: World, folder: Path) -> None:
    order(world, folder, HOST)
    before, first = world.orders(), certificate(folder / f"tls/{HOST}.pem")
    done = order(world, folder, HOST)
    assert (done.exit_code, world.orders()) == (0, before)
    assert f"{HOST}: good until {first.not_valid_after_utc:%F}" in done.output
    assert order(world, folder, HOST, "--now").exit_code == 0
    second = certificate(folder / f"tls/{HOST}.pem")
    assert first.serial_number != second.serial_number
    assert first.public_key() == second.public_key()


def test_a_domain_gets_one_for_all_its_web_names(world: World, folder: Path) -> None:
    done = order(world, folder, DOMAIN)
    assert done.exit_code == 0, done.output
    names = ("mta-sts.example.com", "autoconfig.example.com", "autodiscover.example.com")
    assert chains.covered(chains.usable(folder / f"tls/web/{DOMAIN}.pem"), *names) == [*names]


def test_what_others_have_there_stays(world: World, folder: Path) -> None:
    with world.names.changed(added=f'{PROOF} 60 IN TXT "somebody else\'s"\n'):
        assert order(world, folder, HOST).exit_code == 0
        assert world.shown() == ['"somebody else\'s"']


def test_what_fails_is_named_and_spoils_nothing(world: World, folder: Path, tmp_path: Path) -> None:
    order(world, folder, HOST)
    file = folder / f"tls/{HOST}.pem"
    before = file.read_bytes()
    wrong = tmp_path / "wrong.key"
    wrong.touch(0o600)
    wrong.write_text('key "mailwright" { algorithm hmac-sha256; secret "AAAA"; };')
    done = order(world, folder, HOST, "--now", key=wrong)
    assert (done.exit_code, file.read_bytes()) == (1, before)
    assert f"error: {HOST}: {FIRST} has another secret for this key (BADSIG)" in done.output
    with (
        world.names.second("example.com."),
        world.names.changed(added=f"x.{DOMAIN}. 60 A 192.0.2.1"),
    ):
        done = order(world, folder, HOST, "--now", "--patience", "2")
    assert (done.exit_code, file.read_bytes()) == (1, before)
    assert f"{PROOF.rstrip('.')}: after 2 s ns2.lab.example (198.51.100.55)" in done.output
    assert "does not show it" in done.output
    assert world.shown() == []


def test_a_proof_that_stays_in_dns_is_told_and_the_certificate_kept(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finalize = ClientV2.poll_and_finalize

    def then_refusing(*args: Any) -> Any:
        issued = finalize(*args)
        world.names.refusing(True)
        return issued

    monkeypatch.setattr(ClientV2, "poll_and_finalize", then_refusing)
    try:
        done = order(world, folder, HOST)
    finally:
        world.names.refusing(False)
    assert done.exit_code == 1
    told = f"error: the proof was not taken out of DNS: {PROOF.rstrip('.')}: {FIRST} does not"
    assert told in done.output  # "know the key", or "serve the zone, or not to this key"
    assert chains.covered(chains.usable(folder / f"tls/{HOST}.pem"), HOST) == [HOST]


def test_a_proof_whose_answer_is_lost_is_taken_out_all_the_same(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, before = Primary.send, world.shown()

    def lost(primary: Primary, zone: Zone, changes: list[Change]) -> None:
        send(primary, zone, changes)
        if changes[0].added:
            assert world.shown() != before
            raise Unusable("no answer")

    monkeypatch.setattr(Primary, "send", lost)
    done = order(world, folder, HOST)
    assert (done.exit_code, world.shown()) == (1, before)
    assert f"error: {HOST}: no answer" in done.output


def test_a_dead_authority_is_named(world: World, folder: Path) -> None:
    text = (folder / "mail.toml").read_text()
    (folder / "mail.toml").write_text(text.replace(":14000", ":14001"))
    done = order(world, folder, HOST)
    assert done.exit_code == 1
    assert f"error: {HOST}: https://localhost:14001/dir: " in done.output
    assert "Connection refused" in done.output
    assert not (folder / f"tls/{HOST}.pem").exists()


def test_what_the_authority_refuses_is_told_in_its_words(world: World, folder: Path) -> None:
    done = order(world, folder, "blocked.example", HOST)
    assert done.exit_code == 1
    assert "error: mta-sts.blocked.example: the authority refuses: " in done.output
    assert "issuance is forbidden by policy" in done.output
    assert (folder / f"tls/{HOST}.pem").exists(), "the others are ordered all the same"
