"""Images: unpacked root file systems of a fresh Debian server, made once and kept.

A fresh server has systemd, OpenSSH and sudo, root and `admin` with the operator's key, and no
mail software. What makes it a host of the lab: it trusts the lab's certificate authority, takes
packages from the lab's mirror, and its root name servers' keys are those of the lab's root zone.
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.addresses import PACKAGES as MIRROR
from lab.cgroup import Group, remove_empty
from lab.home import Home, locked, write
from lab.machine import SUITES, Archive, apt_proxies, apt_settings, archive
from lab.process import run
from lab.progress import Progress

_RECIPE = 2
_PACKAGES = (
    "systemd,systemd-sysv,dbus,openssh-server,iproute2,iputils-ping,ca-certificates,sudo,"
    "netbase,procps"
)
_CONFIGURATION = "etc/apt/apt.conf.d/99mmdebstrap"
_DNS_DATA = Path("usr/share/dns")


@dataclass(frozen=True)
class Identity:
    """What every image carries: the operator's public key, the authority, the root zone's keys."""

    operator: str
    authority: str
    root_key: str
    root_hints: str


@dataclass(frozen=True)
class Image:
    """A release and the packages in it beyond a fresh server's."""

    debian: int
    extra: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """How progress lines call it."""
        return f"Debian {self.debian}" + (" with " + ", ".join(self.extra) if self.extra else "")

    def folder(self, home: Home, identity: Identity) -> Path:
        """Return where the image lies, or will: the name follows from all that is in it."""
        recipe = hashlib.sha256(repr((_RECIPE, _PACKAGES, self, identity)).encode()).hexdigest()
        return home.images / f"{SUITES[self.debian]}-{recipe[:12]}"

    def provide(self, home: Home, identity: Identity, progress: Progress) -> Path:
        """Return the image's folder, making it when it is not there; one process at a time."""
        folder = self.folder(home, identity)
        with locked(home.images / f"{folder.name}.lock"):
            if not folder.exists():
                progress(f"building the image of {self.label}")
                _build(self, folder, identity, Group(f"{home.prefix}.images/{folder.name}"))
                remove_empty(f"{home.prefix}.images")
        return folder


def _build(image: Image, folder: Path, identity: Identity, builders: Group) -> None:
    """Make the image beside `folder`, and move it there when it is whole."""
    part = folder.with_name(folder.name + ".part")
    builders.kill()  # those of a process that was killed while it built
    shutil.rmtree(part, ignore_errors=True)
    try:
        _bootstrap(image, part, archive(), builders)
        _furnish(part, image.debian, identity)
    finally:
        builders.kill()
    part.rename(folder)


def _bootstrap(image: Image, root: Path, origin: Archive, builders: Group) -> None:
    """Unpack and configure Debian's packages, straight from the machine's own mirrors."""
    options = [f"--aptopt={line}" for line in (*apt_settings(), *apt_proxies())]
    argv = [
        *("unshare", "--mount", "--propagation", "private"),  # its mounts end with it
        "mmdebstrap",
        "--mode=root",
        "--format=directory",
        "--variant=minbase",
        f"--include={','.join((_PACKAGES, *image.extra))}",
        '--aptopt=Acquire::Languages "none"',
        *options,
        SUITES[image.debian],
        str(root),
        *origin.sources(image.debian, origin.repositories()),
    ]
    run(*builders.entering(argv))


def _furnish(root: Path, debian: int, identity: Identity) -> None:
    """Make Debian's packages a server of the lab."""
    _take_packages_from_mirror(root, debian)
    _trust(root, identity)
    _admit_operator(root, identity.operator)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    write(root / "etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
    for path in ("etc/locale.conf", "etc/default/locale"):
        write(root / path, "LANG=C.UTF-8\n")
    write(root / "etc/machine-id", "")


def _take_packages_from_mirror(root: Path, debian: int) -> None:
    origin = archive()
    mirrors = {name: f"http://{MIRROR.name}/{name}" for name in origin.repositories()}
    write(root / "etc/apt/sources.list", "\n".join(origin.sources(debian, mirrors)) + "\n")
    settings = ['Acquire::Languages "none";', *apt_settings()]
    (root / _CONFIGURATION).unlink()
    write(root / "etc/apt/apt.conf.d/90lab", "\n".join(settings) + "\n")


def _trust(root: Path, identity: Identity) -> None:
    """Install the lab's authority and the lab's root zone in place of the internet's."""
    write(root / "usr/local/share/ca-certificates/mailwright-lab.crt", identity.authority)
    run("chroot", str(root), "update-ca-certificates")
    texts = {"root.key": identity.root_key, "root.ds": identity.root_key}
    for name, text in (texts | {"root.hints": identity.root_hints}).items():
        path = _DNS_DATA / name
        run("chroot", str(root), "dpkg-divert", "--no-rename", "--add", f"/{path}")
        write(root / path, text)


def _admit_operator(root: Path, key: str) -> None:
    """Let the operator in as root and as `admin`, who may use sudo without a password."""
    run("chroot", str(root), "useradd", "-m", "-s", "/bin/bash", "-G", "sudo", "admin")
    write(root / "etc/sudoers.d/90-admin", "admin ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)
    for user, folder in (("root", root / "root/.ssh"), ("admin", root / "home/admin/.ssh")):
        folder.mkdir(mode=0o700, exist_ok=True)
        write(folder / "authorized_keys", key, mode=0o600)
        run("chroot", str(root), "chown", "-R", f"{user}:", f"/{folder.relative_to(root)}")
