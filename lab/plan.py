"""What `up` was asked for, which every later command reads again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import foreign
from lab.addresses import ACME, FOREIGN, NAMESERVER, OPERATOR, PACKAGES, RESOLVER, Place
from lab.home import write
from lab.image import Image
from lab.inventory import InventoryHost


@dataclass(frozen=True)
class Server:
    """A machine of the lab: its name and addresses, and what it is made from."""

    place: Place
    image: Image


@dataclass(frozen=True)
class Plan:
    """What `up` was asked for: an inventory's hosts, and whether the foreign server is there."""

    inventory: str
    hosts: tuple[InventoryHost, ...]
    foreign: bool

    def servers(self) -> list[Server]:
        """Return the machines that boot, those of the inventory first."""
        servers = [Server(host.place, Image(host.debian)) for host in self.hosts]
        return [*servers, Server(FOREIGN, foreign.IMAGE)] if self.foreign else servers

    def places(self) -> list[Place]:
        """Return the places whose names the lab itself publishes."""
        places = [NAMESERVER, RESOLVER, ACME, PACKAGES, OPERATOR]
        return [*places, FOREIGN] if self.foreign else places

    def save(self, path: Path) -> None:
        """Write the plan to a file."""
        write(path, json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Return the plan that a file keeps."""
        data = json.loads(path.read_text())
        hosts = (InventoryHost(Place(**host["place"]), host["debian"]) for host in data["hosts"])
        return cls(data["inventory"], tuple(hosts), data["foreign"])
