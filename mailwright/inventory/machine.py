"""What `hosts.py` says of a host, checked."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from mailwright.inventory.hosts_file import FILE, Data
from mailwright.inventory.schema import truth
from mailwright.model import address, capacity, storage
from mailwright.model.capacity import Capacity
from mailwright.model.host import RELEASES, Machine
from mailwright.model.problems import Invalid, Problem, listed, nearest

_OURS = (
    *("debian", "ipv4", "ipv6", "myhostname", "tls_chain_file", "dane"),
    *("cores", "memory", "dovecot_mode", "mail_driver"),
)
# What most hosts have of pyinfra's: for others it is loaded, which takes longer than all else here.
USUAL = {"ssh_user", "ssh_key", "ssh_port", "ssh_hostname", "ssh_known_hosts_file", "_sudo"}
_EXPECTED_KEYS = listed([*_OURS, "one of pyinfra's"])


@cache
def pyinfra_settings() -> frozenset[str]:
    """What a host's data may say to pyinfra."""
    from pyinfra.api.arguments import AllArguments
    from pyinfra.connectors.ssh import ConnectorData

    return frozenset({*ConnectorData.__annotations__, *AllArguments.__annotations__} - {"name"})


def machine(target: str, data: Data, found: list[Problem]) -> Machine:
    """The machine that a host's data describes. What is wrong with it goes to `found`."""
    where = f'{FILE}: "{target}"'
    for key in data:
        if key not in _OURS and key not in USUAL and key not in pyinfra_settings():
            hint = nearest(str(key), [*_OURS, *pyinfra_settings()])
            found.append(Problem(where, "is no setting", key, _EXPECTED_KEYS, hint))

    def checked(key: str, check: Callable[[Any], Any], default: Any) -> Any:
        try:
            return check(data[key]) if key in data else default
        except Invalid as error:
            found.append(error.at(f"{where}.{key}"))
            return default

    if "debian" not in data:
        found.append(
            Problem(where, "has no debian", expected=f"debian = {listed(map(str, RELEASES))}")
        )
    if "ipv4" not in data and "ipv6" not in data:
        found.append(Problem(where, "has no address", expected="ipv4, ipv6 or both"))
    name = checked("myhostname", _name, None) or _named(target, data, where, found)
    return Machine(
        name=name,
        target=target,
        ipv4=checked("ipv4", lambda value: _ip(value, 4), None),
        ipv6=checked("ipv6", lambda value: _ip(value, 6), None),
        debian=checked("debian", _debian, min(RELEASES)),
        ssh_port=checked("ssh_port", _port, 22),
        tls_chain_file=checked("tls_chain_file", _path, f"tls/{name}.pem"),
        dane=checked("dane", truth, False),
        capacity=Capacity(
            cores=checked("cores", capacity.cores, Capacity.cores),
            memory=checked("memory", capacity.memory, Capacity.memory),
            dovecot_mode=checked("dovecot_mode", capacity.dovecot_mode, Capacity.dovecot_mode),
        ),
        mail_driver=checked("mail_driver", storage.mail_driver, storage.MAILDIR),
    )


def _named(target: str, data: Data, where: str, found: list[Problem]) -> str:
    if "myhostname" in data:  # wrong, and reported
        return target
    if target.startswith("@"):
        expected = "the name that the host has in DNS, such as mail.example.com"
        found.append(Problem(where, "has no myhostname", expected=expected))
        return target
    try:
        return address.domain(target)
    except Invalid as error:
        found.append(Problem(FILE, "is no host name", target, error.expected))
        return target


def _name(value: object) -> str:
    try:
        return address.domain(value if isinstance(value, str) else "")
    except Invalid as error:
        raise Invalid(value, "is no host name", error.expected) from None


def _ip(value: object, version: int) -> str:
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    example = "198.51.100.10" if version == 4 else "2001:db8::10"
    try:
        found = kind(value if isinstance(value, str) else "")
    except ValueError:
        raise Invalid(value, f"is no IPv{version} address", f"one such as {example}") from None
    if found.is_loopback or found.is_unspecified or found.is_multicast or found.is_link_local:
        raise Invalid(value, "is no address that the world can reach", f"one such as {example}")
    return str(found)


def _debian(value: object) -> int:
    if value in RELEASES and type(value) is int:
        return value
    raise Invalid(value, "is no supported release of Debian", listed(map(str, RELEASES)))


def _port(value: object) -> int:
    if type(value) is int and 0 < value < 65536:
        return value
    raise Invalid(value, "is no port", "a number from 1 to 65535")


def _path(value: object) -> str:
    if isinstance(value, str | Path):
        return str(value)
    raise Invalid(value, "is no path", "a path relative to the inventory folder")
