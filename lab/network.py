"""The lab's network: namespaces and virtual Ethernet, none of it in the machine's own namespace.

One namespace holds the bridge, which is also the default gateway. It forwards nothing but queries
for the real root name servers' addresses, which reach the lab's name server, so that a resolver
with stock root hints finds the lab's root; everything else is unreachable at once.
"""

import ctypes
import ipaddress
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import dns.rdatatype
import dns.zonefile

from lab.addresses import GATEWAY, IPV4_PREFIX, IPV6_PREFIX, NAMESERVER, Place
from lab.error import LabError
from lab.process import inside, run, succeeds

_CLONE_NEWNET = 0x40000000
ROOT_HINTS = Path("/usr/share/dns/root.hints")

_QUIET = (
    "net.ipv6.conf.all.accept_ra=0",
    "net.ipv6.conf.default.accept_ra=0",
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
)


@cache
def root_server_addresses() -> tuple[str, ...]:
    """Return the addresses of the internet's root name servers (Debian's dns-root-data)."""
    rrsets = dns.zonefile.read_rrsets(ROOT_HINTS.read_text(), rdclass=None)
    wanted = (dns.rdatatype.A, dns.rdatatype.AAAA)
    return tuple(rdata.address for rrset in rrsets if rrset.rdtype in wanted for rdata in rrset)


class Network:
    """The namespaces of one lab, named `PREFIX-LAB.ROLE`."""

    def __init__(self, prefix: str, lab: str) -> None:
        self._stem = f"{prefix}-{lab}."
        self.bridge = self.namespace("bridge")

    def namespace(self, role: str) -> str:
        """Return the name of the namespace that plays `role` (a host's name, `operator`, …)."""
        return self._stem + role

    def namespaces(self) -> list[str]:
        """Return the names of those of this lab's namespaces that exist."""
        return sorted(path.name for path in Path("/run/netns").glob(f"{self._stem}*"))

    def has(self, role: str) -> bool:
        """Whether the namespace of `role` exists; a file alone may be from before a reboot."""
        return os.path.ismount(Path("/run/netns", self.namespace(role)))

    def up(self) -> None:
        """Make the bridge, unless it is complete."""
        if _is_complete(self.bridge):
            return
        _recreate(self.bridge)
        run("ip", "-n", self.bridge, "-batch", "-", text=_bridge_script())
        _sysctl(self.bridge, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        _sysctl(self.bridge, "net.ipv4.conf.all.send_redirects=0")
        _sysctl(self.bridge, "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        run("ip", "-n", self.bridge, "-batch", "-", text=_gateway_script())

    def attach(self, role: str, place: Place, *extra: str) -> None:
        """Make the namespace of `role` with the addresses of `place`, unless it is complete."""
        if _is_complete(self.namespace(role)):
            return
        self.detach(role)
        namespace, port = self.namespace(role), _port(role)
        run("ip", "netns", "add", namespace)
        _sysctl(namespace, *_QUIET)
        run(*_veth(namespace, self.bridge, port, place))
        run("ip", "-n", self.bridge, "link", "set", port, "master", "br0", "up")
        run("ip", "-n", namespace, "-batch", "-", text=_station_script(place, extra))

    def detach(self, role: str) -> None:
        """Remove the namespace of `role`, if there is one, even if programs still run in it."""
        succeeds("ip", "-n", self.bridge, "link", "del", _port(role))
        _delete(self.namespace(role))

    def down(self) -> None:
        """Remove every namespace of this lab."""
        for name in self.namespaces():
            if name != self.bridge:
                self.detach(name.removeprefix(self._stem))
        _delete(self.bridge)


@contextmanager
def entered(namespace: str) -> Iterator[None]:
    """Move this thread into a network namespace, and back at the end; sockets made stay there."""
    path = Path("/run/netns", namespace)
    with Path("/proc/thread-self/ns/net").open() as home, path.open() as away:
        _setns(away.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def _setns(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _port(role: str) -> str:
    """Return the bridge's end of a role's cable; interface names have 15 characters at most."""
    return f"p{zlib.crc32(role.encode()):08x}"


def _mac(place: Place) -> str:
    """A hardware address that follows from the place, so that a reset host keeps its own."""
    return (b"\2\0" + zlib.crc32(place.name.encode()).to_bytes(4, "big")).hex(":")


def _is_complete(namespace: str) -> bool:
    """Whether the namespace has its IPv6 default route, which is made last of all."""
    with suppress(LabError):
        return bool(run("ip", "-n", namespace, "-6", "route", "show", "default").strip())
    return False


def _delete(namespace: str) -> None:
    if Path("/run/netns", namespace).exists():
        run("ip", "netns", "del", namespace)


def _recreate(namespace: str) -> None:
    _delete(namespace)
    run("ip", "netns", "add", namespace)
    _sysctl(namespace, *_QUIET)


def _sysctl(namespace: str, *settings: str) -> None:
    script = "".join(
        f"echo {value} >/proc/sys/{name.replace('.', '/')}\n"
        for name, value in (setting.split("=") for setting in settings)
    )
    run(*inside(namespace, ["sh", "-ec", script]))


def _veth(namespace: str, bridge: str, port: str, place: Place) -> list[str]:
    station = ["ip", "link", "add", "eth0", "address", _mac(place), "netns", namespace]
    return [*station, "type", "veth", "peer", "name", port, "netns", bridge]


def _bridge_script() -> str:
    return (
        "link set lo up\n"
        f"link add br0 address {_mac(GATEWAY)} type bridge"
        " stp_state 0 forward_delay 0 mcast_snooping 0\n"
        "link set br0 up\n"
    )


def _gateway_script() -> str:
    lines = [
        f"addr add {GATEWAY.ipv4}/{IPV4_PREFIX} dev br0",
        f"addr add {GATEWAY.ipv6}/{IPV6_PREFIX} dev br0 nodad",
    ]
    for address in root_server_addresses():
        is_ipv4 = ipaddress.ip_address(address).version == 4
        lines.append(f"route add {address} via {NAMESERVER.ipv4 if is_ipv4 else NAMESERVER.ipv6}")
    lines += ["route add unreachable default", "route add unreachable ::/0"]
    return "\n".join(lines) + "\n"


def _station_script(place: Place, extra: tuple[str, ...]) -> str:
    lines = ["link set lo up"]
    if place.ipv4:
        lines.append(f"addr add {place.ipv4}/{IPV4_PREFIX} dev eth0")
    if place.ipv6:
        lines.append(f"addr add {place.ipv6}/{IPV6_PREFIX} dev eth0 nodad")
    lines += ["link set eth0 up", *extra]
    if place.ipv4:
        lines.append(f"route add default via {GATEWAY.ipv4}")
    lines.append(_last_route(place))
    return "\n".join(lines) + "\n"


def _last_route(place: Place) -> str:
    """The route that proves a namespace complete; without IPv6 it leads nowhere."""
    if place.ipv6:
        return f"route add ::/0 via {GATEWAY.ipv6}"
    return "route add unreachable ::/0"
