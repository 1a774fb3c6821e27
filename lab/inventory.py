"""What the lab takes from an inventory folder: its hosts, the zones' records, test accounts."""

import runpy
import tomllib
from dataclasses import dataclass
from pathlib import Path

from lab.addresses import RESERVED, Place
from lab.error import LabError
from lab.machine import SUITES
from mailwright.dns import zone
from mailwright.inventory import load


@dataclass(frozen=True)
class InventoryHost:
    """A machine that the inventory names, which the lab makes."""

    place: Place
    debian: int


def hosts(folder: Path) -> list[InventoryHost]:
    """Return the hosts of every group in `hosts.py`.

    This reads the plain file and not `mailwright.inventory`, which wants the certificates that
    the lab is about to issue. Raises LabError when a host cannot be made.
    """
    path = folder / "hosts.py"
    if not path.is_file():
        raise LabError(f"{folder} is no inventory: it has no hosts.py")
    groups = [value for name, value in runpy.run_path(str(path)).items() if name[0] != "_"]
    entries = [entry for group in groups if isinstance(group, list) for entry in group]
    found = {host.place.name: host for host in (_host(*entry) for entry in entries)}
    _check_addresses([host.place for host in found.values()])
    return list(found.values())


def _host(name: str, data: dict[str, object]) -> InventoryHost:
    debian = data.get("debian")
    if debian not in SUITES:
        raise LabError(f"{name}: the lab has no Debian {debian!r}", f"it has {list(SUITES)}")
    ipv4, ipv6 = (str(data[key]) if data.get(key) else None for key in ("ipv4", "ipv6"))
    place = Place(str(data.get("myhostname", name)), ipv4, ipv6)
    return InventoryHost(place, int(str(debian)))


def _check_addresses(places: list[Place]) -> None:
    taken: dict[str, str] = {a: place.name for place in RESERVED for a in place.addresses}
    for place in places:
        for address in place.addresses:
            if not address.startswith(("198.51.100.", "2001:db8::")):
                raise LabError(f"{place.name}: {address} is not of the lab's network")
            if address in taken:
                raise LabError(f"{place.name}: {address} belongs to {taken[address]}")
            taken[address] = place.name


def zones(folder: Path) -> dict[str, str]:
    """Return the zones that `mailwright dns` prints: origin -> records as a master file.

    Raises mailwright's Problems for an inventory that is not complete.
    """
    inventory = load(folder, require_tls=False)
    return {f"{domain.name}.": zone(inventory, domain.name) for domain in inventory.domains}


def accounts(folder: Path) -> dict[str, str]:
    """Return the accounts that tests may use: address -> password (`verify.toml`)."""
    path = folder / "verify.toml"
    found = tomllib.loads(path.read_text()).get("accounts", {}) if path.exists() else {}
    return {str(address): str(password) for address, password in found.items()}
