"""Whether machines are ready for a deploy: what is known before anything is installed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailwright.inventory.hosts_file import merged
from mailwright.inventory.load import Inventory
from mailwright.model.host import MailHost
from mailwright.model.problems import Problem, listed
from mailwright.net.remote import try_to_ask
from mailwright.net.resolver import Resolver
from mailwright.report.finding import Finding, Severity

_SCRIPT = Path(__file__).with_name("preflight.sh").read_text()
_GIB = 1 << 20  # in KiB
_MEMORY = 15 * _GIB // 16  # a machine of 1 GiB shows a little less
_DISK = 2 * _GIB  # the packages take 700 MiB, with those that are downloaded
_DOWNLOADS = _GIB // 2
_INODES = 50_000
_DRIFT = 60  # seconds
_OURS = {"master", "dovecot", "nginx"}  # programs that serve our ports
_SUDO = "A deploy writes what only root may; sudoers(5) lets a user without a password."
_GREETING = (["220"], ["421"], ["554"])  # a server that talks, whether it wants us or not


@dataclass(frozen=True)
class Candidate:
    """A host and the lines that it says of itself, in words; `now` is our clock, at the answer.

    `has_sudo` and `has_password` are whether hosts.py sets pyinfra's `_sudo` and `_sudo_password`.
    """

    host: MailHost
    lines: tuple[tuple[str, ...], ...]
    now: float
    has_sudo: bool = False
    has_password: bool = False

    def all(self, word: str) -> list[tuple[str, ...]]:
        """The other words of every line that begins with it."""
        return [words for first, *words in self.lines if first == word]  # type: ignore[misc]


Fault = tuple[str, Severity, str, str]
Judge = Callable[[Candidate], Iterator[Fault]]


def findings(inventory: Inventory, resolver: Resolver, peer: str) -> list[Finding]:
    """Of each host, in one round trip; `peer` is a domain whose MX each must be able to reach."""
    peers = _addresses(peer, resolver)
    script = f"PEERS='{' '.join(peers)}'\n{_SCRIPT}"
    # Where sudo wants a password pyinfra would ask for it, and nobody may be there.
    answers, now = try_to_ask(inventory, script, _sudo=False), time.time()
    found = []
    for host in inventory.hosts:
        if host.name not in answers.lines:
            found.append(_unreached(host, answers.unreached.get(host.name)))
            continue
        data = merged(inventory.groups, host.target)
        lines = tuple(tuple(line.split()) for line in answers.lines[host.name] if line.strip())
        machine = Candidate(host, lines, now, bool(data.get("_sudo")), "_sudo_password" in data)
        found += _machine(machine, peer, peers)
    return found


def _unreached(host: MailHost, problem: Problem | None) -> Finding:
    what = problem.what if problem else "cannot be reached: it runs no shell"
    why = "Everything is done over SSH: hosts.py says how (ssh_hostname, ssh_user, ssh_key)."
    why = f"{why} {problem.hint[0].upper()}{problem.hint[1:]}." if problem else why
    return Finding(f"host {host.name}", "ssh", Severity.ERROR, what, why)


def _machine(machine: Candidate, peer: str, peers: Sequence[str]) -> Iterator[Finding]:
    subject = f"host {machine.host.name}"
    for kind, level, what, why in (*judged(machine), *outgoing(machine, peer, peers)):
        yield Finding(subject, kind, level, what, why)


def _addresses(peer: str, resolver: Resolver) -> list[str]:
    """Of the peer's first MX, one of each family."""
    exchanges = (value.split() for value in resolver.ask(f"{peer}.", "MX").values)
    first = min(exchanges, key=lambda pair: int(pair[0]), default=["", f"{peer}."])
    found = (resolver.ask(first[1], kind).values for kind in ("A", "AAAA"))
    return [values[0] for values in found if values]


def _root(machine: Candidate) -> Iterator[Fault]:
    said = " ".join(word for words in machine.all("sudo") for word in words)
    for number, user in machine.all("user"):
        if number != "0" and not machine.has_sudo:
            yield "sudo", Severity.ERROR, f'is {user}, without "_sudo": True in hosts.py', _SUDO
        elif number != "0" and said and not machine.has_password:
            yield "sudo", Severity.ERROR, f"{user} cannot become root ({said})", _SUDO


def _release(machine: Candidate) -> Iterator[Fault]:
    for name, version in machine.all("release"):
        if (name, version) != ("debian", str(machine.host.debian)):
            what = f"is {name} {version}, and hosts.py says Debian {machine.host.debian}"
            why = "The configuration is made for one release of Postfix and Dovecot."
            yield "release", Severity.ERROR, what, why


def _memory(machine: Candidate) -> Iterator[Fault]:
    for (size,) in machine.all("memory"):
        if int(size) < _MEMORY:
            what = f"has {int(size) >> 10} MiB of memory"
            why = "Rspamd, Dovecot, Redis and Unbound together want 1 GiB; add some, or swap."
            yield "memory", Severity.WARNING, what, why


def _disk(machine: Candidate) -> Iterator[Fault]:
    for place, free, inodes in machine.all("disk"):
        least = _DOWNLOADS if place == "/var/cache/apt" else _DISK
        least = least if place != "/tmp" else _DOWNLOADS // 8
        if int(free) < least:
            what = f"has {int(free) >> 10} MiB free in {place}"
            why = f"{least >> 10} MiB are needed; mail comes on top of that."
            yield f"disk {place}", Severity.ERROR, what, why
        elif inodes.isdigit() and 0 < int(inodes) < _INODES:
            what = f"has {inodes} inodes free in {place}"
            yield f"disk {place}", Severity.ERROR, what, "Each message is a file."


def _clock(machine: Candidate) -> Iterator[Fault]:
    for (seconds,) in machine.all("clock"):
        drift = int(seconds) - int(machine.now)
        if abs(drift) > _DRIFT:
            what = f"its clock is {abs(drift)} seconds {'ahead' if drift > 0 else 'behind'}"
            why = "Certificates, signatures and packages are refused at the wrong time: set it."
            yield "clock", Severity.ERROR, what, why


def _ports(machine: Candidate) -> Iterator[Fault]:
    wanted = {str(each.port) for each in machine.host.listeners} - {str(machine.host.ssh_port)}
    taken = {(port, program) for port, program, _ in machine.all("listener") if port in wanted}
    for port, program in sorted(taken, key=lambda pair: int(pair[0])):
        if program in _OURS:
            continue
        what = f"{program} listens at port {port}"
        why = "Postfix and Dovecot want it: stop the program, and keep it from starting."
        yield f"port {port}", Severity.ERROR, what, why


def _mta(machine: Candidate) -> Iterator[Fault]:
    is_ours = bool(machine.all("deployed"))
    for (package,) in machine.all("mta"):
        if package != "postfix":
            what = f"has {package}, another mail server"
            why = (
                f"Postfix takes its place, and what it has queued stays: apt purge {package} first."
            )
            yield "mta", Severity.ERROR, what, why
        elif not is_ours:
            what = "has a Postfix that somebody else has set up"
            why = "A deploy replaces its configuration: keep a copy of /etc/postfix."
            yield "mta", Severity.WARNING, what, why


def _address(machine: Candidate) -> Iterator[Fault]:
    there = {address for (address,) in machine.all("address")}
    missing = [ip for ip in machine.host.addresses if ip not in there]
    if missing:
        families = {":" in ip for ip in missing}
        used = sorted(ip for (ip,) in machine.all("source") if (":" in ip) in families)
        what = f"has no {listed(missing, 'and')} at any interface"
        what += f": mail leaves it from {listed(used, 'and')}" if used else ""
        why = "Behind NAT that is right; otherwise SPF, which names the former, fails."
        yield "address", Severity.WARNING, what, why


def outgoing(machine: Candidate, peer: str, peers: Sequence[str]) -> Iterator[Fault]:
    """What the peer's MX said to the host, over each family that the host has."""
    if not peers:
        yield "outgoing", Severity.UNASKED, f"the MX of {peer} has no address that is found", ""
    said = {address: words for address, *words in machine.all("outgoing")}
    for address in peers:
        family = "ipv6" if ":" in address else "ipv4"
        if getattr(machine.host, family) and said.get(address) not in _GREETING:
            what = f"cannot reach port 25 of {address}, the MX of {peer}"
            why = (
                "Many providers block it until they are asked: without it no mail leaves the host."
            )
            yield f"outgoing {family}", Severity.ERROR, what, why


_JUDGES: tuple[Judge, ...] = (_root, _release, _memory, _disk, _clock, _ports, _mta, _address)


def judged(machine: Candidate) -> list[Fault]:
    """All that is wrong with a machine itself."""
    return [fault for judge in _JUDGES for fault in judge(machine)]
