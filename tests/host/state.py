"""What many tests ask of a host: its units and who listens, each read with one command."""

from dataclasses import dataclass, field

from testinfra.host import Host

UNITS = (
    *("dovecot.service", "nftables.service", "nginx.service", "postfix.service"),
    *("postfix@-.service", "postfix-mta-sts-resolver.service"),
    *("redis-server.service", "rspamd.service", "unbound.service"),
    *("mailwright-acme.service", "mailwright-acme.timer", "mailwright-expiry.service"),
    *("mailwright-expiry.timer", "mailwright-purge.service", "mailwright-purge.timer"),
    *("mailwright-srs.service", "mailwright-tls-policy.service"),
    *("mailwright-waiting.service", "mailwright-waiting.timer"),
)


@dataclass(frozen=True)
class Unit:
    """A unit of systemd's, with properties as systemctl(1) shows them."""

    name: str
    properties: dict[str, str] = field(repr=False)

    @property
    def exists(self) -> bool:
        return self.properties["LoadState"] == "loaded"

    @property
    def is_running(self) -> bool:
        return self.properties["ActiveState"] in ("active", "reloading")

    @property
    def is_enabled(self) -> bool:
        return self.properties["UnitFileState"] == "enabled"


def read_units(host: Host) -> dict[str, Unit]:
    """Those that the tests ask about, by name; a service also without `.service`."""
    wanted = "LoadState,ActiveState,UnitFileState,Result,OnFailure,Restart"
    said = host.check_output(f"systemctl show -p {wanted} {' '.join(UNITS)}")
    units = {}
    for name, lines in zip(UNITS, said.split("\n\n"), strict=True):
        properties = dict(line.split("=", 1) for line in lines.splitlines())
        units[name] = units[name.removesuffix(".service")] = Unit(name, properties)
    return units


@dataclass(frozen=True)
class Socket:
    """Where somebody listens, as ss(8) shows it."""

    protocol: str
    address: str
    port: int
    process: str


def read_sockets(host: Host) -> list[Socket]:
    """All of TCP and UDP."""
    lines = [line.split(maxsplit=6) for line in host.check_output("ss -Hltunp").splitlines()]
    found = []
    for protocol, _, _, _, local, _, *process in lines:
        address, _, port = local.rpartition(":")
        found.append(Socket(protocol, address.strip("[]"), int(port), "".join(process)))
    return found
