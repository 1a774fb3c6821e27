"""A real name server on the loopback that takes dynamic updates with a key: Knot DNS, or BIND."""

import base64
import secrets
import socket
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import dns.zone

SOA = "@ 3600 IN SOA ns1.elsewhere.example. hostmaster.elsewhere.example. 1 7200 900 1209600 300\n"
NS = "@ 3600 IN NS ns1.elsewhere.example.\n"
ADDRESS = "127.0.0.1"

_KNOT = """\
server:
  listen: {address}@{port}
  rundir: {folder}
  user: root
  background-workers: 1
  udp-workers: 1
  tcp-workers: 2
  tcp-remote-io-timeout: 5000
database:
  storage: {folder}
control:
  listen: {folder}/knot.sock
key:
  - id: mailwright
    algorithm: hmac-sha256
    secret: {secret}
  - id: reader
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: ours
    key: mailwright
    action: [{actions}]
  - id: readers
    key: reader
    action: [transfer]
template:
  - id: default
    storage: {folder}
    acl: [ours, readers]
    semantic-checks: off
    zonefile-load: difference
    zonefile-sync: -1
    journal-content: changes
zone:
"""

_BIND = """\
options {{
    directory "{folder}";
    pid-file none;
    session-keyfile none;
    listen-on port {port} {{ {address}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    notify no;
    dnssec-validation no;
}};
controls {{ }};
key "mailwright" {{ algorithm hmac-sha256; secret "{secret}"; }};
key "reader" {{ algorithm hmac-sha256; secret "{secret}"; }};
"""


class Primary:
    """`zones` are texts by origin; SOA and NS are added."""

    def __init__(self, folder: Path, kind: str, can_transfer: bool = True) -> None:
        self.folder, self.kind, self.can_transfer = folder, kind, can_transfer
        self.secret = base64.b64encode(secrets.token_bytes(32)).decode()
        self.key = dns.tsig.Key("mailwright", self.secret, "hmac-sha256")
        self.key_file = self.written_key("mailwright", self.secret)
        with socket.socket() as free:
            free.bind((ADDRESS, 0))
            self.port = free.getsockname()[1]
        self._running: subprocess.Popen[bytes] | None = None

    def written_key(self, name: str, secret: str, algorithm: str = "hmac-sha256") -> Path:
        """A key file as BIND's tsig-keygen writes it."""
        path = self.folder / f"{name}-{len(list(self.folder.glob('*.key')))}.key"
        path.touch(0o600)
        path.write_text(f'key "{name}" {{\n\talgorithm {algorithm};\n\tsecret "{secret}";\n}};\n')
        return path

    def start(self, zones: dict[str, str]) -> None:
        """Serve these zones, and nothing of before."""
        self.stop()
        for path in self.folder.glob("*.jnl"):
            path.unlink()
        for origin, text in zones.items():
            (self.folder / f"{origin}.zone").write_text(f"$ORIGIN {origin}.\n{SOA}{NS}{text}")
        settings = {"address": ADDRESS, "port": self.port, "folder": self.folder}
        argv = self._knot(zones, settings) if self.kind == "knot" else self._bind(zones, settings)
        log = (self.folder / "log").open("ab")
        self._running = subprocess.Popen(argv, stdout=log, stderr=log)
        for origin in zones:
            self._wait(origin)

    def _knot(self, zones: Iterable[str], settings: dict[str, object]) -> list[str]:
        actions = "update, transfer" if self.can_transfer else "update"
        text = _KNOT.format(**settings, secret=self.secret, actions=actions)
        (self.folder / "journal").mkdir(exist_ok=True)
        for path in (self.folder / "journal").iterdir():
            path.unlink()
        text += "".join(f"  - domain: {origin}.\n    file: {origin}.zone\n" for origin in zones)
        path = self.folder / "knot.conf"
        path.write_text(text)
        return ["knotd", "-c", str(path)]

    def _bind(self, zones: Iterable[str], settings: dict[str, object]) -> list[str]:
        text = _BIND.format(**settings, secret=self.secret)
        allowed = "key mailwright; key reader;" if self.can_transfer else "key reader;"
        for origin in zones:
            text += (
                f'zone "{origin}" {{ type primary; file "{origin}.zone"; '
                f"allow-transfer {{ {allowed} }}; "
                "allow-update { key mailwright; }; };\n"
            )
        path = self.folder / "named.conf"
        path.write_text(text)
        return ["named", "-g", "-n", "1", "-c", str(path)]

    def _wait(self, origin: str) -> None:
        query = dns.message.make_query(f"{origin}.", "SOA")
        for _ in range(200):
            with suppress(dns.exception.Timeout, OSError, EOFError):
                reply = dns.query.tcp(query, ADDRESS, 2, self.port)
                if reply.rcode() == dns.rcode.NOERROR and reply.answer:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def text(self, origin: str) -> str:
        """The zone as a master file."""
        return self.zone(origin).to_text(relativize=False)

    def zone(self, origin: str) -> dns.zone.Zone:
        """The zone as the server has it, by its reader's key."""
        zone = dns.zone.Zone(f"{origin}.", relativize=False)
        query = dns.message.make_query(f"{origin}.", "AXFR")
        key = dns.tsig.Key("reader", self.secret, "hmac-sha256")
        query.use_tsig(key, algorithm="hmac-sha256")
        dns.query.inbound_xfr(ADDRESS, zone, query, self.port, 10)
        return zone

    def update(self, origin: str, *lines: str) -> None:
        """What somebody else changes: `+ name ttl type data` or `- name type data`."""
        message = dns.update.UpdateMessage(f"{origin}.")
        message.use_tsig(self.key, algorithm="hmac-sha256")
        for sign, name, *rest in (line.split(" ", 4 if line[0] == "+" else 3) for line in lines):
            if sign == "+":
                message.add(name, int(rest[0]), *rest[1:])
            else:
                message.delete(name, *rest)
        reply = dns.query.tcp(message, ADDRESS, 10, self.port)
        assert reply.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(reply.rcode())

    def stop(self) -> None:
        if self._running:
            self._running.terminate()
            self._running.wait(20)
            self._running = None
