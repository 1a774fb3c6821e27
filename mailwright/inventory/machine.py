"""What `hosts.py` says of a host, checked."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, PlainValidator, ValidationError

from mailwright.inventory.hosts_file import FILE, Data
from mailwright.inventory.schema import truth
from mailwright.model import acme, address, capacity, storage
from mailwright.model.capacity import Capacity
from mailwright.model.host import RELEASES, Machine
from mailwright.model.problems import Invalid, Problem, listed, nearest

# What most hosts have of pyinfra's: for others it is loaded, which takes longer than all else here.
USUAL = {"ssh_user", "ssh_key", "ssh_port", "ssh_hostname", "ssh_known_hosts_file", "_sudo"}


@cache
def pyinfra_settings() -> frozenset[str]:
    """What a host's data may say to pyinfra."""
    from pyinfra.api.arguments import AllArguments
    from pyinfra.connectors.ssh import ConnectorData

    return frozenset({*ConnectorData.__annotations__, *AllArguments.__annotations__} - {"name"})


def machine(target: str, data: Data, found: list[Problem]) -> Machine:
    """The machine that a host's data describes. What is wrong with it goes to `found`."""
    where, ours = f'{FILE}: "{target}"', HostTable.model_fields
    for key in data:
        if key not in ours and key not in USUAL and key not in pyinfra_settings():
            hint = nearest(str(key), [*ours, *pyinfra_settings()])
            expected = listed([*ours, "one of pyinfra's"])
            found.append(Problem(where, "is no setting", key, expected, hint))
    if "debian" not in data:
        found.append(
            Problem(where, "has no debian", expected=f"debian = {listed(map(str, RELEASES))}")
        )
    if "ipv4" not in data and "ipv6" not in data:
        found.append(Problem(where, "has no address", expected="ipv4, ipv6 or both"))
    table = _table({key: data[key] for key in ours if key in data}, where, found)
    name = table.myhostname or _named(target, data, where, found)
    return Machine(
        name=name,
        target=target,
        ipv4=table.ipv4,
        ipv6=table.ipv6,
        debian=table.debian,
        ssh_port=table.ssh_port,
        tls_chain_file=table.tls_chain_file or f"tls/{name}.pem",
        dane=table.dane,
        capacity=Capacity(table.cores, table.memory, table.dovecot_mode),
        mail_driver=table.mail_driver,
        acme_account=table.acme_account,
    )


def _table(said: Data, where: str, found: list[Problem]) -> HostTable:
    """What is said, without what is wrong."""
    try:
        return HostTable.model_validate(said)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            key, invalid = str(detail["loc"][0]), detail["ctx"]["error"]
            found.append(invalid.at(f"{where}.{key}"))
            del said[key]
    return HostTable.model_validate(said)


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


def ip(value: object, version: int) -> str:
    """An address of a host that the world can reach; of IP version 4 or 6. Raises Invalid."""
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    example = "198.51.100.10" if version == 4 else "2001:db8::10"
    try:
        found = kind(value if isinstance(value, str) else "")
    except ValueError:
        raise Invalid(value, f"is no IPv{version} address", f"one such as {example}") from None
    if found.is_loopback or found.is_unspecified or found.is_multicast or found.is_link_local:
        raise Invalid(value, "is no address that the world can reach", f"one such as {example}")
    return str(found)


_PRIVATE = [
    *map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")),  # RFC 1918
    ipaddress.ip_network("100.64.0.0/10"),  # RFC 6598
    ipaddress.ip_network("fc00::/7"),  # RFC 4193
]


def warnings(machines: Iterable[Machine]) -> Iterator[str]:
    """What is allowed, as where everybody is in one network, and most likely not meant."""
    for machine in machines:
        for text in machine.addresses:
            found = ipaddress.ip_address(text)
            if any(found in each for each in _PRIVATE if each.version == found.version):
                router = "its router's (NAT)" if found.version == 4 else "one of the provider's"
                todo = "ssh_hostname may be this one"
                yield (
                    f"{machine.name}: {text} is a private address, so other servers do not find"
                    f" it; expected {router}, as the world sees it ({todo})"
                )


def release(value: object) -> int:
    """A release of Debian that a host may run. Raises Invalid."""
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


class HostTable(BaseModel):
    """What a host's data in `hosts.py` says to mailwright; the rest is pyinfra's."""

    debian: Annotated[int, PlainValidator(release)] = Field(
        default=min(RELEASES),
        description="The release of Debian that the host runs.",
        examples=[13],
        json_schema_extra={"default": "required"},
    )
    ipv4: Annotated[str | None, PlainValidator(lambda value: ip(value, 4))] = Field(
        default=None,
        description="Its IPv4 address in the world: in DNS, and where mail leaves from.",
        examples=["198.51.100.10"],
        json_schema_extra={"default": "none; one of `ipv4` and `ipv6` is required"},
    )
    ipv6: Annotated[str | None, PlainValidator(lambda value: ip(value, 6))] = Field(
        default=None,
        description="Its IPv6 address, the same.",
        examples=["2001:db8::10"],
        json_schema_extra={"default": "none; one of `ipv4` and `ipv6` is required"},
    )
    myhostname: Annotated[str | None, PlainValidator(_name)] = Field(
        default=None,
        description="The name of the host in DNS, in its greeting, its PTR and its certificate,"
        " where pyinfra reaches it by another one.",
        examples=["mail.example.com"],
        json_schema_extra={"default": "the name that pyinfra reaches it by; required for `@local`"},
    )
    ssh_port: Annotated[int, PlainValidator(_port)] = Field(
        default=22,
        description="The port of SSH, which pyinfra uses and the firewall keeps open.",
        examples=[2222],
    )
    tls_chain_file: Annotated[str | None, PlainValidator(_path)] = Field(
        default=None,
        description="The file with a certificate of yours (private key, certificate, chain), seen"
        " from the inventory's folder.",
        examples=["certificates/mail.pem"],
        json_schema_extra={"default": "`tls/` and the host's name with `.pem`"},
    )
    dane: Annotated[bool, PlainValidator(truth)] = Field(
        default=False,
        description="Whether TLSA records with the key of its certificate are published (DANE);"
        " for a zone that is signed.",
        examples=[True],
    )
    acme_account: Annotated[str | None, PlainValidator(acme.account)] = Field(
        default=None,
        description="The URL of its account at the authority, which no other may then use for its"
        " name (CAA): `/etc/mailwright/acme/renew --account` says it on the host.",
        examples=["https://acme-v02.api.letsencrypt.org/acme/acct/123456"],
        json_schema_extra={"default": "none: any account at the authority"},
    )
    cores: Annotated[int, PlainValidator(capacity.cores)] = Field(
        default=Capacity.cores,
        description="How many cores it has: as many processes wait for logins.",
        examples=[4],
    )
    memory: Annotated[int, PlainValidator(capacity.memory)] = Field(
        default=Capacity.memory,
        description="How much memory it has: half of it is for sessions, a MiB each.",
        examples=["8G"],
    )
    dovecot_mode: Annotated[str, PlainValidator(capacity.dovecot_mode)] = Field(
        default=Capacity.dovecot_mode,
        description="Whether processes of Dovecot serve many connections, or one each.",
        examples=["high-security"],
    )
    mail_driver: Annotated[str, PlainValidator(storage.mail_driver)] = Field(
        default=storage.MAILDIR,
        description="How all of its mail is kept: a file for each message, or many in one.",
        examples=["mdbox"],
    )
