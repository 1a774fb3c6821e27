"""What the lab takes from an inventory folder: its hosts, the zones' records, test accounts."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from lab.addresses import RESERVED, Place
from lab.error import LabError
from mailwright.dns.formats import bind
from mailwright.dns.records import records
from mailwright.dns.records import zones as zones_of
from mailwright.inventory.load import Inventory
from mailwright.inventory.load import load as described_in
from mailwright.model.problems import Problems


@dataclass(frozen=True)
class InventoryHost:
    """A machine that the inventory names, which the lab makes."""

    place: Place
    debian: int


def load(folder: Path) -> Inventory:
    """Read an inventory folder, which need not have keys and certificates yet; or LabError."""
    try:
        return described_in(folder, require_keys=False, require_tls=False)
    except Problems as problems:
        raise LabError(str(problems)) from problems


def hosts(folder: Path) -> tuple[InventoryHost, ...]:
    """Return the inventory's hosts. Raises LabError when one cannot be in the lab."""
    described = load(folder).hosts
    found = [
        InventoryHost(Place(host.name, host.ipv4, host.ipv6), host.debian) for host in described
    ]
    _check_addresses([host.place for host in found])
    return tuple(found)


def certificates(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the names of each certificate that is a file in the inventory, by its path there."""
    described = load(folder)
    hosts = [host for host in described.hosts if not host.tls_keys]
    sites = [site for site in described.sites if not site.is_ordered]
    return {host.default_chain_file: (host.name,) for host in hosts} | {
        site.file: site.wanted for site in sites
    }


def uses_acme(folder: Path) -> bool:
    """Return whether a host orders certificates by itself."""
    return any(host.acme for host in load(folder).hosts)


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
    """Return what `mailwright dns` prints: zone's origin -> master file, `.` for other records.

    Reverse names, which it prints as a comment for the provider, are among the others.
    """
    described = load(folder)
    text = {
        f"{origin}." if origin else ".": bind.text(origin, some)
        for origin, some in zones_of(described).items()
    }
    for record in records(described):
        if record.type == "PTR":
            text["."] += f"{record.name} IN PTR {record.values[0]}\n"
    return text


def accounts(folder: Path) -> dict[str, str]:
    """Return the accounts that tests may use: address -> password (`verify.toml`)."""
    path = folder / "verify.toml"
    found = tomllib.loads(path.read_text()).get("accounts", {}) if path.exists() else {}
    return {str(address): str(password) for address, password in found.items()}
