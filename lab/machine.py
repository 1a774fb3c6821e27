"""What the machine that carries the lab must have, and what its apt settings say."""

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.error import LabError
from lab.process import run

#: Debian package -> a file or program of it that the lab uses.
PACKAGES = {
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "dns-root-data": "/usr/share/dns/root.hints",
    "iproute2": "ip",
    "mmdebstrap": "mmdebstrap",
    "nsd": "nsd",
    "openssh-client": "ssh",
    "pebble": "pebble",
    "systemd-container": "systemd-nspawn",
    "unbound": "unbound",
}

SUITES = {12: "bookworm", 13: "trixie"}

_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_INOTIFY_OF_HOST = 10  # systemd, udev, journald, D-Bus and the mail server, rounded up

_REQUIRED_OF_APT = ("Acquire::Check-Date", "Acquire::Check-Valid-Until")


def missing() -> list[str]:
    """Return the Debian packages that the lab needs and this machine has not."""
    return [name for name, proof in PACKAGES.items() if not _is_there(proof)]


def _is_there(proof: str) -> bool:
    return Path(proof).exists() if proof.startswith("/") else shutil.which(proof) is not None


def check() -> None:
    """Raise LabError unless this process is root on a machine that has all packages."""
    if os.geteuid():
        raise LabError("the lab makes network namespaces and mounts, so it needs root", "use sudo")
    if absent := missing():
        plural = "s" if len(absent) > 1 else ""
        raise LabError(
            f"this machine lacks the Debian package{plural} {', '.join(absent)}",
            f"apt-get install --no-install-recommends {' '.join(absent)}",
        )


def check_inotify(hosts: int) -> None:
    """Raise LabError when so many hosts need more inotify(7) instances than one user may have.

    The hosts' root is this machine's. One without would stop in the middle of its boot.
    """
    limit, needed = int(_INOTIFY.read_text()), hosts * _INOTIFY_OF_HOST
    if needed > limit:
        raise LabError(
            f"{hosts} hosts need {needed} inotify instances, and this machine allows {limit}",
            f"sysctl fs.inotify.max_user_instances={needed * 2}",
        )


@dataclass(frozen=True)
class Archive:
    """Where this machine's apt gets Debian from: base URIs, without a suite."""

    debian: str
    security: str | None

    def repositories(self) -> dict[str, str]:
        """Return the name that the lab gives each repository -> its URI."""
        named = {"debian": self.debian, "debian-security": self.security}
        return {name: uri for name, uri in named.items() if uri}

    def sources(self, debian: int, bases: dict[str, str]) -> list[str]:
        """Return the lines of sources.list(5) for a release, from the URIs in `bases`."""
        suite = SUITES[debian]
        lines = [f"deb {bases['debian']} {name} main" for name in (suite, f"{suite}-updates")]
        if "debian-security" in bases:
            lines.append(f"deb {bases['debian-security']} {suite}-security main")
        return lines


def archive() -> Archive:
    """Read the Debian archive's URIs out of apt's own settings (apt-get indextargets).

    Raises LabError when apt on this machine knows no Debian archive.
    """
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = run("apt-get", "indextargets", "Identifier: Packages", "--format", form)
    rows = [row for row in map(str.split, targets.splitlines()) if row[2:] == ["main"]]
    of_suite = {suite: uri for uri, suite, _ in reversed(rows) if uri.startswith("http")}
    for suite in SUITES.values():
        debian = of_suite.get(f"{suite}-updates", of_suite.get(suite))
        if debian:
            return Archive(debian, of_suite.get(f"{suite}-security"))
    raise LabError("apt on this machine names no Debian archive", "see /etc/apt/sources.list(5)")


def apt_settings() -> list[str]:
    """Return apt settings that the lab's hosts must share: how far the clock is trusted."""
    pairs = [f"V{number} {name}" for number, name in enumerate(_REQUIRED_OF_APT)]
    found = run("apt-config", "shell", *" ".join(pairs).split())
    values = dict(shlex.split(line)[0].split("=", 1) for line in found.splitlines())
    return [
        f'{name} "{values[f"V{number}"]}";'
        for number, name in enumerate(_REQUIRED_OF_APT)
        if f"V{number}" in values
    ]


def apt_proxies() -> list[str]:
    """Return the proxy settings of this machine's apt, as lines of apt.conf(5)."""
    dump = run("apt-config", "dump")
    schemes = ("Acquire::http::", "Acquire::https::")
    return [
        line
        for line in dump.splitlines()
        if line.startswith(schemes) and "proxy" in line.split()[0].lower() and '""' not in line
    ]
