"""DKIM keys replace each other: every step, and every reason to wait, at a clock that stands still.

The name servers are real ones on the loopback, two of them, so that one may lag behind.
"""

from __future__ import annotations

import os
import shutil
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from mailwright.commands.rotate import AUTO, NEXT, SHOW, START, Rotation, run
from mailwright.dns.records import records
from mailwright.inventory.load import Inventory, load
from mailwright.keys import dkim_files, signing_key
from mailwright.model import dkim
from mailwright.model.dkim import Life, State
from mailwright.model.problems import Failed, Problem, Problems
from mailwright.net.authority import Authority
from mailwright.rotation.signers import behind
from tests.unit.conftest import Folder

BEGIN = datetime(2026, 11, 24, 20, 0, 30, tzinfo=UTC)
KEEP = timedelta(days=10)
NEGATIVE_TTL, TTL = 1800, 3600
ADDRESSES = {"a.ns.example.": "127.0.13.1", "b.ns.example.": "127.0.13.2"}
COM, ORG = "mail.example.com", "mail.example.org"


class NameServer(socketserver.ThreadingUDPServer):
    """Serves the root and `zones`; `texts` are its TXT records and CNAMEs."""

    daemon_threads = True
    zones = (".", "example.com.", "example.org.", "operator.example.")

    def __init__(self, address: str, port: int = 0) -> None:
        super().__init__((address, port), Questions)
        self.texts: dict[tuple[str, str], str] = {}
        self.negative_ttl = NEGATIVE_TTL
        self.is_lame = False
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, question: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(question)
        if self.is_lame:
            reply.set_rcode(dns.rcode.REFUSED)
            return reply
        reply.flags |= dns.flags.AA
        name, kind = str(question.question[0].name), question.question[0].rdtype.name
        zone = max(
            (z for z in self.zones if f".{name}".endswith(f".{z}".replace("..", "."))), key=len
        )
        soa = f"a.ns.example. root.example. 1 7200 900 1209600 {self.negative_ttl}"
        there = {("SOA", zone): [soa], ("NS", zone): list(ADDRESSES)}
        there |= {("A", host): [address] for host, address in ADDRESSES.items()}
        there |= {pair: [text] for pair, text in self.texts.items()}
        alias = there.get(("CNAME", name))
        kind = "CNAME" if alias else kind
        if (kind, name) in there:
            rrset = dns.rrset.from_text_list(name, TTL, "IN", kind, there[kind, name])
            reply.answer.append(rrset)
        else:
            if name not in {*ADDRESSES, *self.zones, *(known for _, known in there)}:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.authority.append(dns.rrset.from_text(zone, TTL, "IN", "SOA", soa))
        return reply


class Questions(socketserver.BaseRequestHandler):
    server: NameServer

    def handle(self) -> None:
        data, socket = self.request
        reply = self.server.answer(dns.message.from_wire(data))
        socket.sendto(reply.to_wire(max_size=4096), self.client_address)


@dataclass
class World:
    """An inventory, its name servers, its hosts, and what time it is."""

    folder: Folder
    servers: list[NameServer]
    now: datetime = BEGIN
    carried: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder.path

    def rotate(
        self,
        mode: str = SHOW,
        *names: str,
        hurried: bool = False,
        clock: Callable[[], datetime] | None = None,
    ) -> int:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [str(self.servers[0].server_address[0])]
        resolver.port = self.servers[0].server_address[1]
        clock = clock or (lambda: self.now)
        rotation = Rotation(
            self.path, names, clock, lambda: Authority(resolver, resolver.port),
            self.ask_hosts, hurried,
        )  # fmt: skip
        return run(rotation, mode)

    def ask_hosts(self, _inventory: Inventory) -> dict[str, frozenset[str]]:
        if "down" in self.carried:
            raise Problems([Problem(ORG, "cannot be asked")])
        return self.carried

    def refused(self, *names: str, hurried: bool = False) -> list[str]:
        before = self.lives()
        with pytest.raises(Problems) as caught:
            self.rotate(NEXT, *names, hurried=hurried)
        assert [each.state for each in self.lives()] == [each.state for each in before]
        return str(caught.value).splitlines()

    def publish(self, *servers: NameServer) -> None:
        for server in servers or self.servers:
            server.texts = {
                (r.type, r.name): (r.data or r.values)[0]
                for r in records(self.inventory)
                if r.purpose in ("dkim", "dkim-alias")
            }

    def deploy(self, *hosts: str) -> None:
        for host in self.inventory.hosts:
            if host.name in (hosts or (COM, ORG)):
                files = {key.file for domain in host.sending_domains for key in domain.signing}
                self.carried[host.name] = frozenset(files)

    @property
    def inventory(self) -> Inventory:
        return load(self.path, require_tls=False)

    def keys(self, domain: str = "example.com") -> dict[str, State]:
        (found,) = [d for d in self.inventory.domains if d.name == domain]
        return {key.stem: key.state for key in found.keys}

    def lives(self) -> list[dkim.DkimKey]:
        return [key for domain in self.inventory.domains for key in domain.keys]

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def is_sound(self) -> None:
        """What a host signs with now, and may sign with after a deploy, every server shows."""
        for key in self.lives():
            used = any(key.file in files for files in self.carried.values())
            if used or key.state is State.SIGNING:
                for server in self.servers:
                    shown = server.texts.get(("TXT", f"{key.name}."), "").replace('" "', "")
                    assert key.record in shown, f"{key.name} at {server.server_address}"


@pytest.fixture
def world(folder: Folder, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    folder.mail = folder.mail.replace(
        '[domains."example.com"]', '[domains."example.com"]\ndkim = "ed25519"'
    ).replace('[domains."example.org"]', '[domains."example.org"]\ndkim = ["rsa", "ed25519"]')
    folder.load()
    first = NameServer(ADDRESSES["a.ns.example."])
    servers = [first, NameServer(ADDRESSES["b.ns.example."], first.server_address[1])]
    wanted = [("example.com", "ed25519"), ("example.org", "rsa"), ("example.org", "ed25519")]
    list(signing_key.create(folder.path, wanted, BEGIN.date() - timedelta(days=200)))
    world = World(folder, servers)
    world.publish()
    world.deploy()
    yield world
    for server in servers:
        server.shutdown()
        server.server_close()


OLD, NEW = "mw20260508e", "mw20261124e"


def test_a_key_is_replaced_without_a_gap(world: World) -> None:
    world.rotate(START, "example.com")
    assert world.keys() == {OLD: State.SIGNING, NEW: State.NEW}
    world.publish()
    world.deploy()
    (line,) = world.refused("example.com")
    assert line == f"example.com: {NEW}: may sign from 2026-11-24 21:00 UTC, in 60 minutes"
    world.is_sound()
    world.wait(seconds=TTL - 1)
    assert world.refused("example.com") == [
        f"example.com: {NEW}: may sign from 2026-11-24 21:00 UTC, in 1 minute"
    ]
    world.wait(seconds=1)
    world.rotate(NEXT, "example.com")
    assert world.keys() == {OLD: State.OLD, NEW: State.SIGNING}
    world.is_sound()
    assert world.refused("example.com") == [
        f"example.com: {OLD}: deploy: mail.example.com may still sign with it"
    ]
    world.wait(days=30)
    world.deploy()
    line = f"example.com: {OLD}: may be revoked from 2027-01-03 21:00 UTC, in 10 days"
    assert world.refused("example.com") == [line]
    world.is_sound()
    world.wait(days=9, hours=23)
    assert "in 60 minutes" in world.refused("example.com")[0]
    world.wait(hours=1)
    world.rotate(NEXT, "example.com")
    assert world.keys() == {OLD: State.REVOKED, NEW: State.SIGNING}
    assert "still has the key" in world.refused("example.com")[0]
    world.publish()
    assert f"{OLD}: may be removed from 2027-01-13 21:00 UTC" in world.refused("example.com")[0]
    world.wait(days=10)
    world.rotate(NEXT, "example.com")
    assert world.keys() == {OLD: State.REMOVED, NEW: State.SIGNING}
    assert "still has a record" in world.refused("example.com")[0]
    world.publish()
    world.rotate()
    assert world.refused("example.com") == [
        "example.com: has no rotation under way (begin with --start)"
    ]
    world.is_sound()


def test_the_record_of_a_revoked_key_is_empty_and_its_private_key_is_gone(world: World) -> None:
    replaced(world)
    world.wait(days=10)
    world.rotate(NEXT, "example.com")
    (record,) = [r for r in records(world.inventory) if r.name == f"{OLD}._domainkey.example.com."]
    assert record.values == ("v=DKIM1; k=ed25519; p=",)
    assert sorted(path.name for path in (world.path / "keys/example.com").iterdir()) == [
        f"{OLD}.toml", f"{NEW}.pem", f"{NEW}.toml", f"{NEW}.txt",
    ]  # fmt: skip


def replaced(world: World, domain: str = "example.com") -> None:
    """A new key signs on every host, and the old one's time runs."""
    world.rotate(START, domain)
    world.publish()
    world.rotate()
    world.wait(seconds=TTL)
    world.rotate(NEXT, domain)
    world.deploy()
    world.rotate()


def test_a_server_that_lags_behind_is_named(world: World) -> None:
    world.rotate(START, "example.com")
    world.publish(world.servers[0])
    said = f"example.com: {NEW}: publish it: b.ns.example (127.0.13.2)"
    assert world.refused("example.com") == [f"{said} has no record"]
    world.wait(days=100)
    assert world.refused("example.com") == [f"{said} has no record"]
    world.servers[1].is_lame = True
    assert f"{said} does not serve the zone (REFUSED)" in world.refused("example.com")


def test_a_server_that_cannot_be_reached_from_here_is_no_consent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rotate(START, "example.com")
    world.publish()
    monkeypatch.setitem(ADDRESSES, "b.ns.example.", "255.255.255.255")  # the kernel sends nothing
    what = "b.ns.example cannot be reached from this machine"
    assert f"example.com: {NEW}: publish it: {what}" in world.refused("example.com")


def test_another_key_under_the_name_is_no_key(world: World) -> None:
    world.rotate(START, "example.com")
    world.publish()
    name = f"{NEW}._domainkey.example.com."
    world.servers[1].texts["TXT", name] = '"v=DKIM1; k=ed25519; p=AAAA"'
    assert "b.ns.example (127.0.13.2) has another record" in world.refused("example.com")[0]


def test_what_means_the_same_is_the_same(world: World) -> None:
    world.rotate(START, "example.com")
    world.publish()
    name = f"{NEW}._domainkey.example.com."
    value = world.servers[0].texts["TXT", name].strip('"').partition("p=")[2]
    world.servers[0].texts["TXT", name] = f'"p={value[:9]} " "{value[9:]};k=ed25519 ;t=s; n=ours"'
    assert "may sign from" in world.refused("example.com")[0]


def test_absence_is_remembered_as_long_as_the_zone_once_said(world: World) -> None:
    """RFC 2308: who asked before the zone's owner lowered the value goes by the higher one."""
    for server in world.servers:
        server.negative_ttl = 86400
    world.rotate(START, "example.com")
    for server in world.servers:
        server.negative_ttl = 60
    world.publish()
    # The TTL of the SOA record itself caps it (RFC 2308 section 5).
    assert "in 60 minutes" in world.refused("example.com")[0]
    assert {key.life.ttl for key in world.lives()} == {0, TTL}


def test_the_waiting_begins_anew_when_a_record_was_away(world: World) -> None:
    world.rotate(START, "example.com")
    world.publish()
    world.rotate()
    there = dict(world.servers[0].texts)
    world.servers[0].texts.clear()
    world.wait(minutes=30)
    world.rotate()
    world.servers[0].texts = there
    world.wait(minutes=40)
    assert "in 60 minutes" in world.refused("example.com")[0]


@pytest.mark.parametrize("host", [COM, ORG])
def test_each_host_that_may_sign_is_waited_for(world: World, host: str) -> None:
    """Whichever it is: a domain may have moved, or be signed for on more hosts than one."""
    world.rotate(START, "example.com")
    world.publish()
    world.rotate()
    world.wait(seconds=TTL)
    world.rotate(NEXT, "example.com")
    world.deploy()
    world.carried[host] |= {f"example.com.{OLD}"}
    assert f"deploy: {host} may still sign with it" in world.refused("example.com")[0]
    world.carried[ORG] = world.carried[COM] = world.carried[host]
    both = f"deploy: {COM} and {ORG} may still sign with it"
    assert both in world.refused("example.com")[0]
    world.deploy(COM if host == ORG else ORG)
    assert f"deploy: {host} may still sign with it" in world.refused("example.com")[0]


def test_each_host_that_sends_for_the_domain_must_sign_with_the_new_key(world: World) -> None:
    mail = world.path / "mail.toml"
    mail.write_text(mail.read_text() + '"sales@example.com" = "bob@example.org"\n')
    world.rotate(START, "example.com")
    world.publish()
    world.rotate()
    world.wait(seconds=TTL)
    world.rotate(NEXT, "example.com")
    world.deploy(COM)
    world.carried[ORG] = frozenset({f"example.org.{OLD}"})  # the key was withheld
    assert f"deploy: {ORG} may still sign with it" in world.refused("example.com")[0]
    world.wait(days=11)
    assert f"deploy: {ORG} may still sign with it" in world.refused("example.com")[0]
    world.deploy(ORG)
    assert "may be revoked from 2026-12-15" in world.refused("example.com")[0]
    world.wait(days=10)
    assert world.rotate(NEXT, "example.com") == 0


def test_a_host_that_was_put_back_stops_the_clock(world: World) -> None:
    replaced(world)
    before = dict(world.carried)
    world.wait(days=9)
    world.carried[COM] = frozenset({f"example.com.{OLD}"})
    world.rotate()
    world.carried = before
    world.wait(days=2)
    assert f"{OLD}: may be revoked from 2026-12-15" in world.refused("example.com")[0]


def test_a_host_without_any_of_the_keys_is_not_deployed(world: World) -> None:
    world.rotate(START, "example.com")
    world.publish()
    world.rotate()
    world.wait(seconds=TTL)
    world.rotate(NEXT, "example.com")
    world.carried = {COM: frozenset(), ORG: frozenset()}
    (domain, _) = world.inventory.domains
    old = next(key for key in domain.keys if key.state is State.OLD)
    assert behind(domain, old, world.carried) == [COM]


def test_a_host_that_cannot_be_asked_is_no_consent(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.rotate(START, "example.com")
    world.publish()
    world.rotate()
    world.wait(seconds=TTL)
    world.rotate(NEXT, "example.com")
    world.carried["down"] = frozenset()
    world.wait(days=100)
    assert world.refused("example.com") == [f"example.com: {OLD}: deploy: no host was asked"]
    assert "warning: mail.example.org: cannot be asked" in capsys.readouterr().err


def test_a_clock_that_went_back_does_not_bring_the_old_key_back(world: World) -> None:
    replaced(world)
    world.now = BEGIN - timedelta(days=1)
    world.rotate(START, "example.com")
    third = next(name for name, state in world.keys().items() if state is State.NEW)
    world.publish()
    world.rotate()
    world.wait(seconds=TTL)
    world.rotate(NEXT, "example.com")
    assert world.keys()[third] is State.SIGNING
    assert list(world.keys().values()).count(State.SIGNING) == 1


def test_who_is_in_a_hurry_does_not_wait_but_looks(world: World) -> None:
    world.rotate(START, "example.com")
    assert "has no record" in world.refused("example.com", hurried=True)[0]
    world.publish()
    world.rotate(NEXT, "example.com", hurried=True)
    world.is_sound()
    assert "deploy" in world.refused("example.com", hurried=True)[0]
    world.deploy()
    world.rotate(NEXT, "example.com", hurried=True)
    assert world.keys() == {OLD: State.REVOKED, NEW: State.SIGNING}
    world.publish()
    assert "may be removed from" in world.refused("example.com", hurried=True)[0]


def test_both_algorithms_and_several_domains_go_together(world: World) -> None:
    replaced(world)
    world.rotate(START, "example.org")
    world.publish()
    assert len(world.refused()) == 3  # one of .com that waits, two of .org
    world.wait(days=11)
    world.rotate(NEXT)
    assert list(world.keys("example.org").values()).count(State.SIGNING) == 2
    assert world.keys() == {OLD: State.REVOKED, NEW: State.SIGNING}
    world.is_sound()


@pytest.mark.parametrize("delegated", ["", 'dkim_delegated = "operator.example"\n'])
def test_the_first_keys_of_each_algorithm_sign_together_and_go_together(
    world: World, run_cli: Callable[..., None], delegated: str
) -> None:
    world.folder.mail = world.folder.mail.replace(
        'dkim = "ed25519"\n', f'dkim = ["rsa", "ed25519"]\n{delegated}'
    )
    world.folder.load()
    shutil.rmtree(world.path / "keys")
    run_cli("keys", str(world.path))
    old = {key.file for key in world.lives()}
    assert [key.state for key in world.lives()] == 4 * [State.SIGNING]
    world.publish()
    world.deploy()
    world.wait(days=30)
    world.rotate(START)
    world.publish()
    world.rotate()
    world.wait(seconds=TTL)
    world.rotate(NEXT)
    world.deploy()
    world.rotate()
    world.wait(days=11)
    world.rotate(NEXT)
    assert {key.file for key in world.lives() if key.state is State.REVOKED} == old
    assert {key.file for key in world.lives() if key.state is State.SIGNING}.isdisjoint(old)


def another_algorithm(world: World, run_cli: Callable[..., None]) -> None:
    """Its key is made, waits until it is published, and then signs."""
    world.folder.load()
    run_cli("keys", str(world.path))
    assert sorted(world.keys().values()) == [State.NEW, State.SIGNING]
    world.publish()
    world.rotate()
    world.wait(seconds=TTL)
    world.rotate(NEXT, "example.com")


def test_an_algorithm_that_is_added_waits_until_it_is_published(
    world: World, run_cli: Callable[..., None]
) -> None:
    world.folder.mail = world.folder.mail.replace('"ed25519"\n', '["ed25519", "rsa"]\n', 1)
    another_algorithm(world, run_cli)
    assert set(world.keys().values()) == {State.SIGNING}
    world.is_sound()


def test_an_algorithm_that_is_dropped_is_taken_back_in_good_order(world: World) -> None:
    old = world.folder.mail
    world.folder.mail = old.replace('["rsa", "ed25519"]', '"rsa"')
    world.folder.load()
    assert world.keys("example.org") == {"mw20260508r": State.SIGNING, OLD: State.OLD}
    assert f"{ORG} may still sign with it" in world.refused("example.org")[0]
    world.deploy()
    world.rotate()
    world.wait(days=10)
    world.rotate(NEXT, "example.org")
    assert world.keys("example.org")[OLD] is State.REVOKED


def test_mail_is_signed_while_another_algorithm_takes_over(
    world: World, run_cli: Callable[..., None]
) -> None:
    world.folder.mail = world.folder.mail.replace('dkim = "ed25519"', 'dkim = "rsa"')
    another_algorithm(world, run_cli)
    assert world.keys()[OLD] is State.OLD


@pytest.fixture
def run_cli() -> Callable[..., None]:
    from mailwright import cli

    def run(*args: str) -> None:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(args))
        assert not ended.value.code

    return run


def test_a_timer_hears_when_there_is_something_to_do(world: World) -> None:
    assert world.rotate(AUTO) == 0
    world.folder.mail = f"dkim_days = 180\n{world.folder.mail}"
    world.folder.load()
    assert world.rotate(AUTO) == 3  # publish
    assert world.rotate(AUTO) == 3
    world.publish()
    assert world.rotate(AUTO) == 0
    world.wait(seconds=TTL)
    assert world.rotate(AUTO) == 3  # deploy
    world.deploy(COM)
    assert world.rotate(AUTO) == 3
    world.deploy()
    assert world.rotate(AUTO) == 0
    for _ in range(2):
        world.wait(days=10)
        assert world.rotate(AUTO) == 3  # publish
        world.publish()
        assert world.rotate(AUTO) == 0
    assert sorted(world.keys().values()) == [State.REMOVED, State.SIGNING]
    world.wait(days=158)
    assert world.rotate(AUTO) == 0
    world.wait(days=3)
    assert world.rotate(AUTO) == 3


def test_a_rotation_under_way_is_not_begun_again(world: World) -> None:
    world.rotate(START, "example.com")
    with pytest.raises(Problems, match="has new keys already"):
        world.rotate(START, "example.com")


def test_what_another_run_writes_while_servers_are_asked_is_kept(world: World) -> None:
    world.rotate(START, "example.com")
    world.publish()
    others = [world.rotate]

    def clock() -> datetime:
        """Is asked between the reading of the keys and the look at the servers."""
        if others:
            others.pop()()
        return BEGIN + timedelta(hours=1)

    with pytest.raises(Failed, match="was changed by another command meanwhile"):
        world.rotate(clock=clock)
    (seen,) = {key.life.seen for key in world.lives() if key.state is State.NEW}
    assert seen == BEGIN.replace(microsecond=0), "the waiting began with the first look"


WRITES = ("fsync", "link", "replace", "unlink")


def killed_at(number: int, action: Callable[[], object]) -> bool:
    """Do it in a process that is killed at its n-th write; whether it came so far."""
    child = os.fork()
    if child == 0:
        left = iter(range(number, -1, -1))
        for name in WRITES:
            setattr(os, name, dying(getattr(os, name), left))
        try:
            action()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def dying(function: Callable[..., object], left: Iterator[int]) -> Callable[..., object]:
    def call(*args: object, **options: object) -> object:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **options)

    return call


def test_a_run_that_is_killed_at_any_write_is_finished_by_the_next(world: World) -> None:
    """No state is unsound, and nothing that was made is lost or used too early."""
    kills = 0

    def survive(mode: str) -> None:
        nonlocal kills
        for number in range(40):
            died = killed_at(number, lambda: world.rotate(mode, "example.com"))
            kills += died
            world.is_sound()
            assert State.SIGNING in world.keys().values()
            if not died:
                return

    survive(START)
    assert list(world.keys().values()).count(State.NEW) == 1
    world.publish()
    survive(SHOW)
    world.wait(seconds=TTL)
    survive(NEXT)
    assert world.keys() == {OLD: State.OLD, max(world.keys()): State.SIGNING}
    world.deploy()
    survive(SHOW)
    world.wait(days=10)
    survive(NEXT)
    world.publish()
    survive(SHOW)
    world.wait(days=10)
    survive(NEXT)
    world.publish()
    survive(SHOW)
    assert sorted(world.keys().values()) == [State.REMOVED, State.SIGNING]
    assert kills > 20
    left = [path.name for path in (world.path / "keys/example.com").glob("*.pem")]
    assert len(left) == 1


def test_a_selector_is_never_used_twice(world: World) -> None:
    replaced(world)
    for _ in range(2):
        world.wait(days=10)
        world.rotate(NEXT, "example.com")
        world.publish()
        world.rotate()
    world.now = BEGIN - timedelta(days=200)
    world.rotate(START, "example.com")
    assert world.keys()[f"{OLD}2"] is State.NEW


SPOILED = {
    "x": "is no TOML: ",
    "": "has no algorithm (restore it from a backup)",
    'algorithm = "rsa"\nseen = 1': "cannot be its seen; expected a time such as 2026",
    'algorithm = "rsa"\nsene = 1': "is nothing that is remembered of a key; expected algorithm",
}


@pytest.mark.parametrize("text", SPOILED)
def test_a_life_that_was_spoiled(world: World, text: str) -> None:
    (world.path / f"keys/example.com/{OLD}.toml").write_text(text)
    (said,) = world.folder.wrong(keys=True)
    assert said.startswith(f"keys/example.com/{OLD}.pem: ")
    assert f"has a life that cannot be used, in {OLD}.toml: {SPOILED[text]}" in said


def test_a_lost_key_is_told_by_its_life(world: World) -> None:
    replaced(world)
    for suffix in ("pem", "txt"):
        (world.path / f"keys/example.com/{NEW}.{suffix}").unlink()
    assert world.folder.wrong() == [
        f"keys/example.com/{NEW}.pem: is lost: only its life {NEW}.toml is there "
        "(restore it from a backup, or delete the .toml and let 'mailwright keys' make a new key)"
    ]


def test_a_life_is_read_as_it_was_written(tmp_path: Path) -> None:
    life = Life("rsa", "mwr1", BEGIN, 60, BEGIN, None, BEGIN)
    dkim_files.write_life(tmp_path / "x.toml", life)
    assert dkim_files.read_life(tmp_path / "x.toml") == life
    assert [path.name for path in tmp_path.iterdir()] == ["x.toml"]


@pytest.fixture
def delegated(world: World) -> World:
    """example.com publishes aliases once; the keys are in the operator's zone."""
    world.folder.mail = world.folder.mail.replace(
        'dkim = "ed25519"', 'dkim = "ed25519"\ndkim_delegated = "operator.example"', 1
    )
    world.folder.load()
    return world


def test_delegated_keys_take_turns_in_slots(delegated: World) -> None:
    aliases = {r.name: r.values for r in records(delegated.inventory) if r.purpose == "dkim-alias"}
    assert aliases == {
        f"mwe{n}._domainkey.example.com.": (f"mwe{n}.example.com._domainkey.operator.example.",)
        for n in (1, 2, 3)
    }
    taken = []
    for _ in range(4):
        replaced(delegated)
        for _ in range(2):
            delegated.wait(days=10)
            delegated.rotate(NEXT, "example.com")
            delegated.publish()
            delegated.rotate()
        (key,) = delegated.inventory.domains[0].signing
        taken.append(key.selector)
        (record,) = [r for r in records(delegated.inventory) if key.record in r.values]
        assert record.name == f"{key.selector}.example.com._domainkey.operator.example."
    assert taken == ["mwe1", "mwe2", "mwe3", "mwe1"]
    now = {r.name: r.values for r in records(delegated.inventory) if r.purpose == "dkim-alias"}
    assert now == aliases


def test_a_slot_is_free_when_its_last_key_is_gone_from_every_server(delegated: World) -> None:
    for _ in range(3):
        replaced(delegated)
    with pytest.raises(Problems, match="has no slot left for a new ed25519 key"):
        delegated.rotate(START, "example.com")


def test_an_alias_that_is_missing_is_named(delegated: World) -> None:
    delegated.rotate(START, "example.com")
    delegated.publish()
    del delegated.servers[1].texts["CNAME", "mwe1._domainkey.example.com."]
    (line,) = delegated.refused("example.com")
    assert line.endswith("b.ns.example (127.0.13.2) has no record")
    delegated.publish()
    assert "may sign from" in delegated.refused("example.com")[0]


def test_keys_cannot_be_delegated_to_their_own_zone(world: World) -> None:
    world.folder.mail = world.folder.mail.replace(
        'dkim = "ed25519"', 'dkim = "ed25519"\ndkim_delegated = "keys.example.com"', 1
    )
    assert world.folder.wrong() == [
        "mail.toml: domains.\"example.com\".dkim_delegated: 'keys.example.com' is in the domain's "
        "own zone; expected that of whoever runs its mail"
    ]
