"""A world of nothing but names: Knot DNS signs and serves, Unbound validates, in a namespace.

A change is a dynamic update (RFC 2136), signed and served at once, and taken back at the end.
"""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.update
from dns.name import Name

from lab.network import entered
from lab.zones import records
from tests.lab.deploys import edit

FIRST, SECOND, RESOLVER = "198.51.100.53", "198.51.100.55", "198.51.100.54"
OTHER_RESOLVER = "198.51.100.56"
_SECRET = "bWFpbHdyaWdodCBtYWlsd3JpZ2h0IG1haWx3cmlnaHQ="
_OURS = ("198.51.100.10", "198.51.100.20", "198.51.100.90", "2001:db8::10", "2001:db8::20")

_KNOT = """\
server:
  listen: {address}@53
  rundir: {folder}
  user: root
  background-workers: 1
  udp-workers: 1
  tcp-workers: 1
database:
  storage: {folder}
control:
  listen: {folder}/knot.sock
key:
  - id: mailwright
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: who-has-the-key
    key: mailwright
    action: [update, transfer]
  - id: anybody
    address: 198.51.100.0/24
    action: [update, transfer]
policy:
  - id: own
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: {folder}
    acl: [who-has-the-key, anybody]
    semantic-checks: off
    zonefile-sync: -1
    journal-content: changes
zone:
"""

_UNBOUND = """\
server:
  interface: {resolver}
  access-control: 0.0.0.0/0 allow
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: "{folder}/unbound.log"
  num-threads: 1
  do-ip6: no
  root-hints: "{folder}/root.hints"
  trust-anchor-file: "{folder}/anchors"
  unblock-lan-zones: yes
  infra-host-ttl: 1
  val-bogus-ttl: 1
  # What a change removes is not remembered.
  harden-below-nxdomain: no
  aggressive-nsec: no
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: {folder}/unbound.socket
"""


class Names:
    """The zones, by origin, and the daemons that serve them."""

    def __init__(self, folder: Path, zones: dict[str, str]) -> None:
        self.folder = folder
        self.namespace = f"mailwright-names-{os.getpid()}"
        self.origins = [dns.name.from_text(origin) for origin in (".", *zones)]
        self._running: list[subprocess.Popen[bytes]] = []
        self._second: subprocess.Popen[bytes] | None = None
        self._write(zones)

    @property
    def key(self) -> Path:
        """A file with the TSIG key for dynamic updates."""
        path = self.folder / "tsig.key"
        path.touch(0o600)
        path.write_text(f'key mailwright {{ algorithm hmac-sha256; secret "{_SECRET}"; }};\n')
        return path

    def _write(self, zones: dict[str, str]) -> None:
        content: dict[Name, list[str]] = {origin: [] for origin in self.origins}
        for text in zones.values():
            for rrset in records(text):
                content[self.zone(rrset.name)].append(str(rrset))
        content[dns.name.root].append(f"ns1.lab.example. 3600 IN A {FIRST}")
        content[dns.name.root].append(f"ns2.lab.example. 3600 IN A {SECOND}")
        for origin in self.origins[1:]:
            content[self.zone(origin.parent())].append(f"{origin} 3600 IN NS ns1.lab.example.")
        for origin, lines in content.items():
            soa = "ns1.lab.example. hostmaster.lab.example. 1 300 60 8640000 300"
            head = f"{origin} 3600 IN SOA {soa}"
            lines = [head, f"{origin} 3600 IN NS ns1.lab.example.", *lines]
            self._file(origin).write_text("\n".join(dict.fromkeys(lines)) + "\n")

    def _file(self, origin: Name) -> Path:
        return self.folder / f"{str(origin).rstrip('.') or 'root'}.zone"

    def zone(self, name: Name) -> Name:
        """The zone that a name is in."""
        return max((o for o in self.origins if name.is_subdomain(o)), key=lambda o: len(o.labels))

    def start(self) -> None:
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        addresses = [*_OURS, FIRST, SECOND, RESOLVER, OTHER_RESOLVER]
        script = "".join(f"addr add {a}/{128 if ':' in a else 32} dev lo\n" for a in addresses)
        ip = ["ip", "-n", self.namespace, "-batch", "-"]
        subprocess.run(ip, input=f"link set lo up\n{script}", text=True, check=True)
        self._running.append(self.serve(FIRST, self.origins, "dnssec-signing: on"))
        with entered(self.namespace):
            anchors = [self.ask(FIRST, str(origin), "DNSKEY") for origin in self.origins]
        keys = "".join(f"{rrset}\n" for reply in anchors for rrset in reply.answer)
        (self.folder / "anchors").write_text(keys)
        (self.folder / "root.hints").write_text(
            f". 3600 NS ns1.lab.example.\nns1.lab.example. 3600 A {FIRST}\n"
        )
        self._running.append(self._resolve(self.folder, RESOLVER))

    def serve(
        self, address: str, origins: Iterable[Name], setting: str = ""
    ) -> "subprocess.Popen[bytes]":
        """Another Knot at an address, with the zones' files as they are."""
        folder = self.folder / address
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        text = _KNOT.format(folder=folder, address=address, secret=_SECRET)
        origins = list(origins)
        for origin in origins:
            text += f"  - domain: {origin}\n    file: {self._file(origin)}\n"
            text += f"    {setting}\n    dnssec-policy: own\n" if setting else ""
        (folder / "knot.conf").write_text(text)
        running = self.run("knotd", "-c", str(folder / "knot.conf"))
        self._wait(address, None if not origins else str(origins[-1]))
        return running

    @contextmanager
    def second(self, *zones: str, name: str = "example.com.", text: str = "") -> Iterator[None]:
        """A second server of the zone `name`, which has `zones` as they are, or with this text."""
        origins = [dns.name.from_text(origin) for origin in zones]
        with entered(self.namespace):
            for origin in origins:
                where = dns.query.xfr(FIRST, origin, relativize=False)
                lines = [str(rrset) for message in where for rrset in message.answer]
                self._file(origin).write_text(text or "\n".join(lines[:-1]) + "\n")
        running = self.serve(SECOND, origins)
        try:
            with self.changed(added=f"{name} 3600 IN NS ns2.lab.example."):
                yield
        finally:
            running.terminate()
            running.wait()

    @contextmanager
    def denying(self, name: str, zone: str = "example.com.") -> Iterator[None]:
        """A second server of the zone, which is right but for one name: that does not exist."""
        with entered(self.namespace):
            here, there = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            here.bind((SECOND, 53))
            there.connect((FIRST, 53))
        serving = threading.Thread(target=_serve, args=(here, there, dns.name.from_text(name)))
        serving.start()
        try:
            with self.changed(added=f"{zone} 3600 IN NS ns2.lab.example."):
                yield
        finally:
            here.sendto(b"", (SECOND, 53))
            serving.join()
            here.close()
            there.close()

    @contextmanager
    def resolver(self, *trusted: str) -> Iterator[str]:
        """The address of another resolver, which validates in these zones only."""
        anchors = (self.folder / "anchors").read_text().splitlines()
        path = self.folder / "other"
        path.mkdir(exist_ok=True)
        some = [line for line in anchors if line.partition(" ")[0] in trusted]
        (path / "anchors").write_text("".join(f"{line}\n" for line in some))
        shutil.copy(self.folder / "root.hints", path)
        running = self._resolve(path, OTHER_RESOLVER)
        try:
            yield OTHER_RESOLVER
        finally:
            running.terminate()
            running.wait()

    def _resolve(self, folder: Path, address: str) -> "subprocess.Popen[bytes]":
        """Unbound, with the anchors and the hints that the folder has."""
        config = folder / "unbound.conf"
        config.write_text(_UNBOUND.format(folder=folder, resolver=address))
        running = self.run("unbound", "-d", "-c", str(config))
        self._wait(address)
        return running

    @contextmanager
    def changed(self, removed: str = "", added: str = "", flush: bool = True) -> Iterator[None]:
        """Other records for a while: these lines of a master file are taken out, and put in.

        Without `flush` the resolver remembers what was there before.
        """
        with entered(self.namespace):
            self._update(removed, added)
            if flush:
                self.flush()
            try:
                yield
            finally:
                self._update(added, removed)
                self.flush()

    def _update(self, removed: str, added: str) -> None:
        """Removals first: a CNAME is only taken where nothing else is any more."""
        for text, is_added in ((removed, False), (added, True)):
            for origin in self.origins:
                update = dns.update.Update(origin)
                for rrset in records(text):
                    if self.zone(rrset.name) == origin and is_added:
                        update.add(rrset.name, rrset)
                    elif self.zone(rrset.name) == origin:
                        update.delete(rrset.name, rrset)
                if update.update:
                    reply = dns.query.tcp(update, FIRST, timeout=20)
                    assert reply.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(reply.rcode())

    @contextmanager
    def untold(self, zone: str) -> Iterator[None]:
        """The resolver says nothing of the zone for a while."""
        self._control(f"local_zone {zone} always_refuse")
        try:
            yield
        finally:
            self._control(f"local_zone_remove {zone}")

    def flush(self) -> None:
        """Let the resolver forget everything."""
        self._control("flush_zone .")

    def _control(self, command: str) -> None:
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.folder / "unbound.socket"))
            control.sendall(f"UBCT1 {command}\n".encode())
            said = b"".join(iter(lambda: control.recv(4096), b""))
        assert said.startswith(b"ok"), said

    def refusing(self, refuses: bool) -> None:
        """Whether the first server refuses all updates."""
        folder = self.folder / FIRST
        before, after = "action: [update, transfer]", "action: [transfer]"
        edit(folder / "knot.conf", *([(before, after)] if refuses else [(after, before)]))
        command = ["knotc", "-b", "-s", str(folder / "knot.sock"), "reload"]
        subprocess.run(command, check=True)

    def ask(self, address: str, name: str, kind: str) -> dns.message.Message:
        """One answer, however long it takes."""
        for _ in range(200):
            with suppress(dns.exception.Timeout, OSError):
                reply = dns.query.tcp(dns.message.make_query(name, kind), address, timeout=2)
                if reply.rcode() == dns.rcode.NOERROR and reply.answer:
                    return reply
            time.sleep(0.1)
        raise AssertionError(f"{address} does not answer for {name} {kind}")

    def _wait(self, address: str, name: str | None = ".") -> None:
        with entered(self.namespace):
            if name:
                self.ask(address, name, "SOA")
                return
            for _ in range(200):  # a server without zones refuses, once it is there
                with suppress(dns.exception.Timeout, OSError):
                    dns.query.tcp(dns.message.make_query(".", "SOA"), address, timeout=2)
                    return
                time.sleep(0.1)

    def run(self, *argv: str) -> "subprocess.Popen[bytes]":
        """A program of this world, which goes on."""
        log = (self.folder / f"{argv[0]}.out").open("ab")
        return subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, *argv], stdout=log, stderr=log
        )

    def stop(self) -> None:
        for running in self._running:
            running.terminate()
            running.wait()
        subprocess.run(["ip", "netns", "del", self.namespace], check=False)


def _serve(here: socket.socket, there: socket.socket, denied: Name) -> None:
    """Pass every question on; of one name say that it does not exist (NXDOMAIN)."""
    while True:
        wire, client = here.recvfrom(4096)
        if not wire:  # the end
            return
        there.send(wire)
        answer = there.recv(4096)
        question = dns.message.from_wire(wire)
        if question.question[0].name == denied:
            reply = dns.message.make_response(question)
            reply.flags |= dns.flags.AA
            reply.set_rcode(dns.rcode.NXDOMAIN)
            answer = reply.to_wire()
        here.sendto(answer, client)
