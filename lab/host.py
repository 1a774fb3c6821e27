"""A host: a Debian server with its own systemd (systemd-nspawn), disk, address and cgroup."""

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab.addresses import RESOLVER, Place
from lab.cgroup import Group
from lab.disk import Disk
from lab.error import LabError
from lab.home import Home, write
from lab.keys import host_key, public
from lab.network import Network
from lab.process import run
from lab.service import Service

_BOOT_SECONDS = 60.0
_SHUTDOWN_SECONDS = 30.0

# The host sees cgroup v2 as a real Debian server does, whatever the machine uses, and may set
# net.* with sysctl. NOTIFY_SOCKET is how its systemd says that it has booted.
_ENVIRONMENT = {
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
}

# For a resolver that a host may get: documentation addresses are real ones here, and zones change
# within seconds.
_RESOLVER = """\
server:
  unblock-lan-zones: yes
  cache-max-ttl: 1
  cache-max-negative-ttl: 1
  infra-host-ttl: 1
"""


class Host:
    """One server, identified by its host name; its state lies in `folder`."""

    def __init__(self, home: Home, network: Network, group: Group, folder: Path, place: Place):
        self.place = place
        self.namespace = network.namespace(place.name)
        self.disk = Disk(folder / "disk")
        self._home = home
        self._network = network
        self._group = group.child(place.name)
        self._folder = folder
        # Other labs of this machine have hosts of the same name.
        self._machine = f"lab-{zlib.crc32(self.namespace.encode()):08x}"

    @property
    def is_running(self) -> bool:
        """Whether the host is powered on."""
        return self._group.is_populated

    @property
    def console(self) -> Path:
        """What the host printed to its console."""
        return self._folder / "console.log"

    def prepare(self, image: Path, furnish: Callable[[Path], None] | None = None) -> None:
        """Give the host its disk, unless it has one; `furnish` writes more files below a root."""
        if not self.disk.is_prepared:
            steps = [self._furnish, furnish] if furnish else [self._furnish]
            self.disk.prepare(image, *steps)

    def start(self) -> None:
        """Power on and wait until systemd has finished booting; nothing if it is on already."""
        if self.is_running:
            return
        self._forget()
        self._network.detach(self.place.name)
        self._network.attach(self.place.name, self.place)
        self.disk.mount()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
            address = f"@{self._group.path}"  # abstract: no file, and no limit by its folder
            notifications.bind(address.replace("@", "\0"))
            process = self._service(address).start()
            assert process
            self._await_boot(notifications, process)

    def stop(self, graceful: bool = False) -> None:
        """Power off: at once, as when the mains fail, or after an orderly shutdown."""
        if graceful and self.is_running:
            for pid in self._group.processes("supervisor"):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            self._group.wait_empty(_SHUTDOWN_SECONDS)
        self._group.kill()
        self._forget()
        self.disk.unmount()
        self._network.detach(self.place.name)

    def remove(self) -> None:
        """Power off and delete all that there is of the host."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _forget(self) -> None:
        """Take away what a systemd-nspawn that was killed leaves; later releases refuse it."""
        export = Path("/run/systemd/nspawn/unix-export", self._machine)
        if os.path.ismount(export):
            run("umount", "--lazy", str(export))

    def _service(self, notifications: str) -> Service:
        argv = [
            "systemd-nspawn",
            "--quiet",
            "--boot",
            f"--directory={self.disk.root}",
            f"--machine={self._machine}",
            f"--network-namespace-path=/run/netns/{self.namespace}",
            "--register=no",
            "--keep-unit",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            "--console=read-only",
            "--notify-ready=yes",
            "--capability=CAP_NET_ADMIN",
            "--rlimit=RLIMIT_NOFILE=1024:524288",
        ]
        environment = _ENVIRONMENT | {"NOTIFY_SOCKET": notifications}
        return Service(self.place.name, argv, self._group, self.console, environment)

    def _await_boot(self, notifications: socket.socket, process: "subprocess.Popen[bytes]") -> None:
        """Wait for READY=1 of sd_notify(3), which systemd sends when it has booted."""
        notifications.settimeout(0.5)
        end = time.monotonic() + _BOOT_SECONDS
        while time.monotonic() < end and process.poll() is None:
            with suppress(TimeoutError):
                if "READY=1" in notifications.recv(8192).decode().splitlines():
                    return
        code = process.poll()
        what = "does not boot in a minute" if code is None else f"ended with {code} while booting"
        tail = " | ".join(self.console.read_text(errors="replace").splitlines()[-5:])
        raise LabError(f"{self.place.name} {what}: {tail}", f"see {self.console}")

    def _furnish(self, root: Path) -> None:
        """Write the files that make an image this host."""
        name = self.place.name
        key = host_key(self._home, name)
        hosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
        hosts += "".join(f"{a} {name} {name.split('.')[0]}\n" for a in self.place.addresses)
        servers = RESOLVER.addresses if self.place.ipv4 else (RESOLVER.ipv6,)
        write(root / "etc/hostname", f"{name}\n")
        write(root / "etc/hosts", hosts)
        write(root / "etc/resolv.conf", "".join(f"nameserver {server}\n" for server in servers))
        write(root / "etc/unbound/unbound.conf.d/lab.conf", _RESOLVER)
        write(root / "etc/machine-id", f"{uuid.uuid4().hex}\n", mode=0o444)
        write(root / "etc/ssh/ssh_host_ed25519_key", key.read_bytes(), mode=0o600)
        write(root / "etc/ssh/ssh_host_ed25519_key.pub", public(key))
