"""A lab as a whole: what `up` brings up, how to get at it, and what `down` takes away."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from lab import foreign, machine
from lab import inventory as inventories
from lab.acme import AcmeAuthority
from lab.addresses import FOREIGN, NAMESERVER, OPERATOR, PACKAGES, RESOLVER, Place
from lab.authority import Authority
from lab.cgroup import Group, remove_empty
from lab.disk import FRESH
from lab.error import LabError
from lab.home import Home, locked, write
from lab.host import Host
from lab.image import Identity, Image
from lab.keys import operator_key, public
from lab.nameserver import NameServers
from lab.network import Network
from lab.plan import Plan, Server
from lab.progress import Progress
from lab.service import Service
from lab.zones import Edit, internet, root_trust

# What `run` does before the command: in a mount namespace of its own, the lab's resolver is the
# machine's, and nothing (such as systemd-resolved) can answer for it.
_RUN = (
    'mount --bind "$1" /etc/resolv.conf; mount --bind "$2" /etc/nsswitch.conf; shift 2; exec "$@"'
)


class Lab:
    """The lab called `name`; nothing of it need be up."""

    def __init__(self, name: str = "lab", home: Home | None = None) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,23}", name):
            raise LabError(f"'{name}' is no name for a lab", "letters, digits and -, at most 24")
        self.name = name
        self.home = home or Home.here()
        self.folder = self.home.path / "labs" / name
        self.network = Network(self.home.prefix, name)
        self._group = Group(f"{self.home.prefix}/{name}")
        self._hint = f"mailwright lab up --name {name}"
        self._plan_file = self.folder / "plan.json"

    # -- the whole lab -------------------------------------------------------------------------

    def up(
        self, inventory: Path, has_foreign: bool = True, progress: Progress | None = None
    ) -> None:
        """Bring up what is missing of the lab for the hosts of the inventory folder.

        Issues `tls/<host name>.pem` and `tls/web/<domain>.pem` in it where there is none and none
        comes by ACME. Raises LabError.
        """
        progress = progress or Progress()
        hosts = inventories.hosts(inventory)
        with self._held():
            with locked(self.home.path / "keys.lock"):
                self._certify(inventory, progress)
                identity = self._identity()
            plan = Plan(str(inventory.resolve()), hosts, has_foreign)
            machine.check_inotify(len(plan.servers()))
            self._remove_changed_hosts(plan)
            plan.save(self._plan_file)
            images = self._images(plan, identity, progress)
            progress("network, name servers and package mirror")
            self._start_services(plan)
            self._each(
                plan.servers(),
                lambda server: self._boot(server, images[server.image], progress),
            )
        progress(f"{self.name} is up")

    def down(self) -> None:
        """Remove everything of the lab; images, packages, keys and the authority stay."""
        if not self.folder.exists() and not self.network.namespaces():
            return
        with self._held():
            self._group.kill()
            for mount in self.folder.glob("hosts/*/disk/root"):
                if os.path.ismount(mount):
                    subprocess.run(["umount", mount], check=True)
            self.network.down()
            shutil.rmtree(self.folder)
        remove_empty(self.home.prefix)

    def publish(self, edit: Edit | None = None, inventory: Path | None = None) -> None:
        """Sign and serve the zones of the inventory as it is now, changed by `edit`.

        Another `inventory` must have the same hosts.
        """
        with self._held():
            plan = self._plan()
            self._publish(plan, inventory or Path(plan.inventory), edit or Edit())

    def status(self) -> dict[str, Any]:
        """Return what there is and how to reach it, ready for JSON."""
        plan = self._plan()
        return {
            "name": self.name,
            "hosts": [self._host_status(host.place, host.debian) for host in plan.hosts],
            "foreign": self._foreign_status() if plan.foreign else None,
            "resolver": RESOLVER.addresses,
            "nameserver": NAMESERVER.addresses,
            "operator": OPERATOR.addresses,
            "operator_namespace": self.network.namespace("operator"),
            "ca": str(self.home.path / "authority" / "root.pem"),
            "ssh_key": str(self.home.path / "ssh" / "id_ed25519"),
            "known_hosts": str(self.home.path / "ssh" / "known_hosts"),
            "inventory": plan.inventory,
            "accounts": inventories.accounts(Path(plan.inventory)),
        }

    @property
    def acme(self) -> AcmeAuthority:
        """The authority that is asked by ACME; it runs when a host of the inventory needs it."""
        folder = self.folder / "acme"
        return AcmeAuthority(folder, self.home.authority, self.network, self._group)

    # -- programs ------------------------------------------------------------------------------

    def command(self, argv: Sequence[str], at: str = "operator") -> list[str]:
        """Return `argv` as a command that runs as an outside client, with the lab's resolver.

        With `at`, a host's name, it runs at that host's addresses. OpenSSL, curl and
        Python's requests trust the lab's authority there, and no other.
        """
        machine.check()
        self._plan()
        place = at if at == "operator" else self._host(at).place.name
        if not self.network.has(place):
            raise LabError(f"{place} of lab '{self.name}' is not up", self._hint)
        namespace = f"--net=/run/netns/{self.network.namespace(place)}"
        root = self.home.authority / "root.pem"
        names = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
        trust = [f"{name}={root}" for name in names]
        private = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _RUN, "sh"]
        binds = [str(self.folder / name) for name in ("resolv.conf", "nsswitch.conf")]
        return ["nsenter", namespace, *private, *binds, "env", *trust, *argv]

    def run(self, argv: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `argv` as an outside client; `options` are those of subprocess.run."""
        return subprocess.run(self.command(argv), **({"text": True, "check": False} | options))

    def ssh_command(self, host: str, argv: Sequence[str] = (), user: str = "root") -> list[str]:
        """Return the command that logs in to a host, or runs `argv` there through its shell."""
        machine.check()
        options = {
            "UserKnownHostsFile": self.home.ssh / "known_hosts",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
        }
        settings = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        identity = ["-F", "none", "-i", str(operator_key(self.home)), "-l", user]
        return self.command(["ssh", *identity, *settings, self._host(host).place.name, *argv])

    def ssh(self, host: str, *argv: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run a command on a host as root; `options` are those of subprocess.run."""
        defaults = {"text": True, "check": False, "stdin": subprocess.DEVNULL}
        return subprocess.run(self.ssh_command(host, argv), **(defaults | options))

    # -- one host ------------------------------------------------------------------------------

    def snapshot(self, host: str, label: str = FRESH) -> None:
        """Keep a host's disk as `label`; the host is shut down and started again."""
        self._swap(host, True, lambda machine: machine.disk.snapshot(label))

    def reset(self, host: str, label: str = FRESH) -> None:
        """Put a host's disk back to `label` and start it; `fresh` is what `up` made."""
        self._host(host).disk.require(label)
        self._swap(host, False, lambda machine: machine.disk.reset(label))

    def copy(self, source: str, label: str, host: str) -> None:
        """Start a host from what another kept as `label`; name, addresses and keys stay its own.

        The host has that label as well then. The other one must stay for as long.
        """
        self._host(host).disk.copy(self._host(source).disk, label)
        self.reset(host, label)

    def stop(self, host: str, graceful: bool = False) -> None:
        """Power a host off: as a power failure does, or in good order."""
        with self._held():
            self._host(host).stop(graceful)

    def start(self, host: str) -> None:
        """Power a host on and wait until it has booted."""
        with self._held():
            self._host(host).start()

    # -- inside --------------------------------------------------------------------------------

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lab against other processes; files that become a host's are made with 022."""
        machine.check()
        mask = os.umask(0o022)
        try:
            with locked(self.home.labs / f"{self.name}.lock"):
                self.folder.mkdir(exist_ok=True)
                yield
        finally:
            os.umask(mask)

    def _plan(self) -> Plan:
        if not self._plan_file.exists():
            raise LabError(f"lab '{self.name}' is not up", self._hint)
        return Plan.read(self._plan_file)

    def _certify(self, inventory: Path, progress: Progress) -> None:
        authority = Authority(self.home.authority)
        for path, names in inventories.certificates(inventory).items():
            if authority.provide(inventory / path, *names):
                progress(f"issued a certificate for {', '.join(names)}")

    def _identity(self) -> Identity:
        key = public(operator_key(self.home))
        return Identity(
            key, Authority(self.home.authority).root_pem(), *root_trust(self.home.dnssec)
        )

    def _images(self, plan: Plan, identity: Identity, progress: Progress) -> dict[Image, Path]:
        images = sorted({server.image for server in plan.servers()}, key=lambda image: image.label)
        folders = self._each(images, lambda i: i.provide(self.home, identity, progress))
        return dict(zip(images, folders, strict=True))

    def _start_services(self, plan: Plan) -> None:
        self.network.up()
        self.network.attach("operator", OPERATOR)
        resolvers = "".join(f"nameserver {address}\n" for address in RESOLVER.addresses)
        write(self.folder / "resolv.conf", resolvers)
        write(self.folder / "nsswitch.conf", _nsswitch())
        self._publish(plan, Path(plan.inventory), Edit())
        self._name_servers().start()
        self.network.attach("packages", PACKAGES)
        self._mirror().start()
        if inventories.uses_acme(Path(plan.inventory)):
            self.acme.start()

    def _publish(self, plan: Plan, inventory: Path, edit: Edit) -> None:
        emitted = inventories.zones(inventory)
        emitted[foreign.ZONE] = foreign.records(self.home) if plan.foreign else ""
        whole = internet(self.home.dnssec, emitted, plan.places(), edit)
        self._name_servers().publish(whole, edit)

    def _name_servers(self) -> NameServers:
        return NameServers(self.folder / "dns", self.home.dnssec, self.network, self._group)

    def _mirror(self) -> Service:
        origins = machine.archive().repositories().items()
        argv = [sys.executable, "-m", "lab.packages", self.network.namespace("packages")]
        argv += [str(self.home.cache), *(f"{name}={uri}" for name, uri in origins)]
        path = {"PYTHONPATH": str(Path(__file__).parent.parent)}
        log = self.folder / "packages.log"
        return Service("packages", argv, self._group.child("packages"), log, path)

    def _boot(self, server: Server, image: Path, progress: Progress) -> None:
        host = self._host(server.place.name)
        if host.is_running:
            return
        is_foreign = server.place == FOREIGN
        host.prepare(image, partial(foreign.furnish, self.home) if is_foreign else None)
        host.start()
        progress(f"{server.place.name} has booted (Debian {server.image.debian})")

    def _remove_changed_hosts(self, plan: Plan) -> None:
        """Remove the hosts of an earlier `up` that this plan does not have, or has otherwise."""
        if not self._plan_file.exists():
            return
        for server in set(self._plan().servers()) - set(plan.servers()):
            host = self._host(server.place.name)
            host.remove()

    def _host(self, name: str) -> Host:
        places = {server.place.name: server.place for server in self._plan().servers()}
        if name not in places:
            raise LabError(f"there is no host '{name}'", f"there is: {', '.join(places)}")
        folder = self.folder / "hosts" / name
        return Host(self.home, self.network, self._group, folder, places[name])

    def _foreign_status(self) -> dict[str, Any]:
        status = self._host_status(FOREIGN, foreign.IMAGE.debian)
        return status | {"account": foreign.ACCOUNT}

    def _host_status(self, place: Place, debian: int) -> dict[str, Any]:
        host = self._host(place.name)
        return {
            "name": place.name,
            "debian": debian,
            "ipv4": place.ipv4,
            "ipv6": place.ipv6,
            "state": "running" if host.is_running else "stopped",
            "namespace": host.namespace,
            "ssh": f"mailwright lab ssh --name {self.name} {place.name}",
            "console": str(host.console),
            "snapshots": host.disk.labels,
        }

    def _swap(self, name: str, graceful: bool, change: Callable[[Host], None]) -> None:
        with self._held():
            host = self._host(name)
            host.stop(graceful)
            change(host)
            host.start()

    @staticmethod
    def _each(items: Sequence[Any], work: Callable[[Any], Any]) -> list[Any]:
        """Do the work for all items at once; raise the first error after all have ended."""
        with ThreadPoolExecutor(max(1, len(items))) as pool:
            return [future.result() for future in [pool.submit(work, item) for item in items]]


def _nsswitch() -> str:
    """This machine's nsswitch.conf(5), with names resolved by nothing but files and DNS."""
    path = Path("/etc/nsswitch.conf")
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if not line.startswith("hosts:")]
    return "\n".join([*kept, "hosts: files dns"]) + "\n"
