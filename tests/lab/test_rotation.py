"""DKIM keys are replaced while mail flows, and no letter arrives without all its signatures.

Each host has a domain with keys of its own and one whose keys are in the operator's zone, for which
the other host signs as well. TTLs are seconds here, and are waited for; the ten days of a letter in
a queue pass for the operator's clock alone (faketime(1)).
"""

import re
import shutil
import smtplib
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest

from lab.addresses import FOREIGN
from lab.inventory import zones
from lab.lab import Lab
from lab.network import entered
from lab.zones import Edit
from mailwright.inventory.load import Inventory, load
from tests.host.letters import Account, eventually
from tests.lab.clients import Person
from tests.lab.deploys import HOSTS, STEPS, Deploy
from tests.lab.flow import Author, Flow, identity, valid
from tests.lab.test_deploy import ask

TTL = 8  # seconds
OPERATOR = "example.com"  # whose zone has the keys of customers
CUSTOMERS = {"example.net", "caught.example"}
PEOPLE = {
    "alice@example.com": HOSTS[0],
    "carol@example.net": HOSTS[0],
    "bob@example.org": HOSTS[1],
    "dave@caught.example": HOSTS[1],
}
# Who writes as an address of a domain that is stored on the other host.
ELSEWHERE = {"office@caught.example": "alice@example.com", "sales@example.net": "bob@example.org"}
DOMAINS = {address.partition("@")[2] for address in PEOPLE}
ALGORITHMS = ["ed25519-sha256", "rsa-sha256"]


@dataclass
class World:
    """An inventory whose keys are replaced, and the lab that sees it."""

    lab: Lab
    folder: Path
    customers: set[str] = field(default_factory=set)  # what their zones have been

    def rotate(self, *options: str, days: int = 0) -> "subprocess.CompletedProcess[str]":
        """`mailwright rotate` as its users run it, so many days later."""
        later = ["faketime", "--exclude-monotonic", "-f", f"+{days}d"]
        argv = [*(later if days else []), "mailwright", "rotate", str(self.folder), *options]
        return self.lab.run(argv, capture_output=True, timeout=120)

    def well(self, *options: str, days: int = 0) -> str:
        """What a run says that must go well."""
        done = self.rotate(*options, days=days)
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    def refused(self, *options: str, days: int = 0) -> str:
        """What a run says that must be too early."""
        done = self.rotate(*options, days=days)
        assert done.returncode == 1, done.stdout + done.stderr
        return str(done.stderr)

    def publish(self) -> None:
        """Serve what the inventory says now."""
        self.lab.publish(Edit(negative_ttl=TTL), self.folder)
        emitted = zones(self.folder)
        self.customers.add("".join(emitted[f"{domain}."] for domain in CUSTOMERS))

    def deploy(self, stop: str = "") -> Deploy:
        return Deploy.run(self.lab, self.folder, stop=stop)

    @property
    def inventory(self) -> Inventory:
        return load(self.folder)

    def names(self) -> set[str]:
        """The name of every key that is published or will be."""
        return {key.name for domain in self.inventory.domains for key in domain.published}

    def forgets(self, look: Callable[[], bool]) -> None:
        """Wait for as long as a resolver may remember what was there before."""
        eventually(lambda: look() or None, "answer but what a resolver remembers", 2 * TTL)

    def shown(self, names: Iterable[str]) -> list[str]:
        """The keys that the internet has there."""
        questions = [word for name in names for word in (name, "TXT")]
        said = self.lab.run(["dig", "+short", *questions], capture_output=True).stdout
        return [line for line in said.splitlines() if "DKIM1" in line]


@pytest.fixture
def world(deployed: Lab, inventory: Path, tmp_path: Path) -> Iterator[World]:
    """Both hosts sign with two keys for each domain of PEOPLE; the TTLs are short."""
    folder = Path(shutil.copytree(inventory, tmp_path / "inventory"))
    text = re.sub(r"^dkim = .*\n", "", (folder / "mail.toml").read_text(), flags=re.M)
    for domain in DOMAINS:
        shutil.rmtree(folder / "keys" / domain)
        delegated = f'dkim_delegated = "{OPERATOR}"\n' if domain in CUSTOMERS else ""
        table = f'[domains."{domain}"]\n'
        text = text.replace(table, f'{table}dkim = ["rsa", "ed25519"]\n{delegated}')
    (folder / "mail.toml").write_text(f"ttl = {TTL}\n{text}")
    assert deployed.run(["mailwright", "keys", str(folder)], capture_output=True).returncode == 0
    world = World(deployed, folder)
    world.publish()
    try:
        stop_signing(deployed)
        world.deploy().succeeded()
        yield world
    finally:
        stop_signing(deployed)
        deployed.publish()
        forget = "doveadm expunge -u judge@elsewhere.example mailbox INBOX from curious@"
        ask(deployed, FOREIGN.name, forget)


def stop_signing(lab: Lab) -> None:
    """A deploy of other keys need not wait then for the end of what signs with these."""
    for host in HOSTS:
        ask(lab, host, "systemctl stop rspamd")


@pytest.fixture
def flow(world: World, tmp_path: Path) -> Flow:
    """One person of each domain writes to the foreign server, and from the other host as well."""
    known = [Person.of(world.lab, world.folder, a, s, tmp_path) for a, s in PEOPLE.items()]
    accounts = {p.address: Account(p.address, p.password, p.server) for p in known}
    people = [Author(account, name) for name, account in accounts.items()]
    people += [Author(accounts[login], name) for name, login in ELSEWHERE.items()]
    judge = world.lab.status()["foreign"]["account"]
    return Flow(world.lab, people, Account(judge["address"], judge["password"], FOREIGN.name))


def ask_for(lab: Lab, names: set[str]) -> None:
    """Forged signatures make the foreign server look for keys, and remember that there are none."""
    with (
        entered(lab.network.namespace("operator")),
        smtplib.SMTP(str(FOREIGN.ipv4), 25, timeout=20) as client,
    ):
        for name in sorted(names):
            selector, _, domain = name.partition("._domainkey.")
            letter = EmailMessage()
            letter["DKIM-Signature"] = (
                f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s={selector}; h=from; "
                "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA"
            )
            letter["From"] = "curious@sender.invalid"
            letter["Subject"] = name
            client.send_message(letter, "curious@sender.invalid", ["judge@elsewhere.example"])


def test_keys_are_replaced_while_mail_flows(world: World, flow: Flow) -> None:
    old = world.names()
    with flow.running():
        published(world, old)
        signing(world)
        revoked_and_removed(world, old)
    assert flow.sent.keys() <= {*map(identity, flow.arrived)}
    assert [wrong for letter in flow.arrived for wrong in faults(letter)] == []
    assert {letter["From"] for letter in flow.arrived} == PEOPLE.keys() | ELSEWHERE.keys()
    assert len(world.customers) == 1
    used = {f"{s}._domainkey.{d}" for letter in flow.arrived for d, _, s in valid(letter)}
    ours = {name for name in old | world.names() if name.partition("._domainkey.")[2] in DOMAINS}
    assert used == ours


def faults(letter: EmailMessage) -> Iterator[str]:
    """What is wrong with a letter's signatures, and what the foreign server thought of it."""
    domain, found = str(letter["From"]).partition("@")[2], valid(letter)
    count = len(letter.get_all("DKIM-Signature", []))
    wanted = [(domain, algorithm) for algorithm in ALGORITHMS]
    if sorted((d, a) for d, a, _ in found) != wanted or count != len(wanted):
        yield f"{letter['Date']} {letter['From']}: {count} signatures, valid are {found}"
    judged = " ".join(map(str, letter.get_all("Authentication-Results", [])))
    if not ("spf=pass" in judged and "dmarc=pass" in judged):
        yield f"{letter['Date']} {letter['From']}: {judged}"


def published(world: World, old: set[str]) -> None:
    """New keys wait until no resolver can remember that they were not there."""
    assert "new: publish it" in world.well("--start")
    assert "has no record" in world.refused("--next")
    ask_for(world.lab, world.names() - old)
    world.publish()
    assert "may sign from" in world.refused("--next")
    shown = time.monotonic()
    assert Deploy.count(world.lab, world.folder) == 0  # no host has them yet
    time.sleep(max(0, shown + TTL - time.monotonic()))
    assert "signs from the next deploy on" in world.well("--next")


def signing(world: World) -> None:
    """A deploy brings the new keys, however often it dies; what waits has been signed before."""
    *steps, last = STEPS[1:]
    for step in steps:
        world.deploy(f"rspamd {step} KILL").refused()
    for host in HOSTS:
        assert f"{host} may still sign with it" in world.refused("--next")
    ask(world.lab, FOREIGN.name, "systemctl stop postfix")
    try:
        world.deploy(f"rspamd {last} KILL").refused()
        world.deploy().succeeded()
    finally:
        ask(world.lab, FOREIGN.name, "systemctl start postfix")
    for mail in world.inventory.hosts:
        ask(world.lab, mail.name, "postqueue -f")
        files = {key.file for domain in mail.sending_domains for key in domain.signing}
        assert {*ask(world.lab, mail.name, "ls /etc/rspamd/dkim").split()} == files


def revoked_and_removed(world: World, old: set[str]) -> None:
    """After the life of a letter in a queue, and after that time again."""
    assert "may be revoked from" in world.refused("--next")
    assert "its private key is deleted" in world.well("--next", days=11)
    world.publish()
    world.forgets(lambda: {line.rpartition(" ")[2] for line in world.shown(old)} == {'p="'})
    assert "may be removed from" in world.refused("--next", days=11)
    assert "is published no more" in world.well("--next", days=22)
    world.publish()
    world.forgets(lambda: world.shown(old) == [])
    world.well("--auto", days=22)  # there is nothing left to do
