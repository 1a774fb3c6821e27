"""The lab's name servers: nsd answers for the zones, unbound resolves and validates."""

import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from lab.addresses import NAMESERVER, RESOLVER
from lab.cgroup import Group
from lab.home import write
from lab.network import Network, entered, root_server_addresses
from lab.process import inside, run, succeeds
from lab.service import Service
from lab.zones import Edit, Internet, root_trust

_MARK = "publication.lab.example."

_NSD = """\
server:
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  pidfile: ""
  server-count: 1
{addresses}
  hide-version: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: yes
  control-interface: {folder}/nsd.socket
"""

_UNBOUND = """\
server:
  interface: 0.0.0.0
  interface: ::0
  interface-automatic: yes
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  num-threads: 1
  val-log-level: 2
  root-hints: "{folder}/root.hints"
  trust-anchor-file: "{folder}/root.key"
  # The defaults answer for documentation addresses themselves, which here are real ones.
  unblock-lan-zones: yes
  # A lab changes its zones within seconds, and hosts come and go.
  cache-max-ttl: 60
  cache-max-negative-ttl: 5
  infra-host-ttl: 5
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: {folder}/unbound.socket
"""


class NameServers:
    """Both servers of one lab; zones and settings lie in `folder`."""

    def __init__(self, folder: Path, keys: Path, network: Network, group: Group) -> None:
        self._folder = folder
        self._keys = keys
        self._network = network
        self._nsd = self._service("nsd", "nameserver", group, "-d", "-c")
        self._unbound = self._service("unbound", "resolver", group, "-d", "-c")

    def publish(self, internet: Internet, edit: Edit) -> None:
        """Write and sign all zones, and wait until they are served when the servers run."""
        mark = uuid.uuid4().hex
        internet.add(f"{_MARK} IN TXT {mark}\n")
        zones = internet.signed(edit)
        names = {origin: str(origin).rstrip(".") or "root" for origin in zones}
        for origin, text in zones.items():
            write(self._folder / f"{names[origin]}.zone", text)
        served = (
            f'zone:\n  name: "{origin}"\n  zonefile: "{name}.zone"\n'
            for origin, name in names.items()
        )
        # A wildcard socket would answer from another address than the one that was asked.
        addresses = (*NAMESERVER.addresses, *root_server_addresses())
        listen = "\n".join(f"  ip-address: {address}" for address in addresses)
        head = _NSD.format(folder=self._folder, addresses=listen)
        write(self._folder / "nsd.conf", head + "".join(served))
        if self._nsd.is_running:
            self._reload(mark)

    def start(self) -> None:
        """Start what does not run; zones must have been published."""
        roots = [f"addr add {address} dev lo" for address in root_server_addresses()]
        self._network.attach("nameserver", NAMESERVER, *roots)
        self._network.attach("resolver", RESOLVER)
        anchor, hints = root_trust(self._keys)
        write(self._folder / "root.key", anchor)
        write(self._folder / "root.hints", hints)
        write(self._folder / "unbound.conf", _UNBOUND.format(folder=self._folder))
        self._nsd.start()
        self._unbound.start()

    def _reload(self, mark: str) -> None:
        self._control("nsd", "reconfig")
        self._control("nsd", "reload")
        end = time.monotonic() + 10
        while not self._serves(mark) and time.monotonic() < end:
            time.sleep(0.05)
        if self._unbound.is_running:
            self._control("unbound", "reload")

    def _control(self, program: str, command: str) -> None:
        """Give a daemon a command; one that has just been started does not listen yet."""
        argv = (f"{program}-control", "-c", str(self._folder / f"{program}.conf"), command)
        end = time.monotonic() + 5
        while not succeeds(*argv):
            if time.monotonic() > end:
                run(*argv)
            time.sleep(0.05)

    def _serves(self, mark: str) -> bool:
        """Whether nsd answers with the mark of a publication."""
        query = dns.message.make_query(_MARK, "TXT")
        with entered(self._network.namespace("nameserver")), suppress(dns.exception.Timeout):
            answer = dns.query.udp(query, str(NAMESERVER.ipv4), timeout=0.5)
            return mark in str(answer)
        return False

    def _service(self, program: str, role: str, group: Group, *options: str) -> Service:
        """Run a copy of the program, which AppArmor's profile of the original does not bind."""
        self._folder.mkdir(parents=True, exist_ok=True)
        copy = self._folder / program
        if not copy.exists():
            write(copy, Path(shutil.which(program) or program).read_bytes(), mode=0o755)
        argv = [str(copy), *options, str(self._folder / f"{program}.conf")]
        argv = inside(self._network.namespace(role), argv)
        return Service(program, argv, group.child(program), self._folder / f"{program}.log")
