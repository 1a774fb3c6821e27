"""The zones of the lab's internet: a root, what the inventory publishes, and everyone else's.

Every zone is signed with ECDSA P-256 (RFC 6605) by one key, which the parent vouches for. The
keys belong to the lab home, so that a host's trust in the root zone outlives a lab.
"""

import ipaddress
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.rrset
import dns.zone
import dns.zonefile
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm, DSDigest
from dns.name import Name
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rrset import RRset

from lab.addresses import IPV4_REVERSE, IPV6_REVERSE, NAMESERVER, Place
from lab.home import write

_TTL = 60
_LIFETIME = 10 * 365 * 86400
_SEP = 257  # flags of a key that signs its zone and that the parent vouches for (RFC 4034 2.1.1)


@dataclass(frozen=True)
class Edit:
    """How a publication departs from what the inventory says, for tests.

    `without`: pairs of name and type that are left out; `extra`: records in master file format;
    `bogus`: zones whose parent vouches for a wrong key, so that they do not validate;
    `negative_ttl`: for how many seconds resolvers may remember that a name is not there.
    """

    without: Collection[tuple[str, str]] = ()
    extra: str = ""
    bogus: Collection[str] = ()
    negative_ttl: int = _TTL


@dataclass
class Key:
    """A zone's key."""

    private: ec.EllipticCurvePrivateKey
    public: DNSKEY

    @classmethod
    def of(cls, folder: Path, origin: Name) -> "Key":
        """Return the key that `folder` keeps for a zone, making it on first use."""
        path = folder / f"{origin}pem"
        if not path.exists():
            write(path, _private_pem(ec.generate_private_key(ec.SECP256R1())), mode=0o600)
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        public = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags=_SEP)
        return cls(private, public)

    def ds(self, origin: Name, is_bogus: bool = False) -> RRset:
        """Return the DS records by which a parent vouches for the key."""
        vouched = self.public.replace(key=self.public.key[::-1]) if is_bogus else self.public
        record = dns.dnssec.make_ds(origin, vouched, DSDigest.SHA256)
        return dns.rrset.from_rdata(origin, _TTL, record)


@dataclass
class Internet:
    """All zones, origin -> records; a record goes to the closest zone above its name."""

    keys: Path
    zones: dict[Name, list[RRset]] = field(default_factory=lambda: {dns.name.root: []})

    def declare(self, *origins: str) -> None:
        """Make zones exist."""
        for origin in origins:
            self.zones.setdefault(dns.name.from_text(origin), [])

    def add(self, text: str) -> None:
        """Add records in master file format."""
        for rrset in records(text):
            self.zones[self._zone_of(rrset.name)].append(rrset)

    def add_place(self, place: Place) -> None:
        """Add a place's addresses, forward and reverse."""
        for address in place.addresses:
            kind = "A" if ipaddress.ip_address(address).version == 4 else "AAAA"
            reverse = ipaddress.ip_address(address).reverse_pointer
            self.add(f"{place.name}. IN {kind} {address}\n{reverse}. IN PTR {place.name}.\n")

    def remove(self, pairs: Collection[tuple[str, str]]) -> None:
        """Remove the records of each name and type."""
        unwanted = {(dns.name.from_text(n), dns.rdatatype.from_text(t)) for n, t in pairs}
        for origin, rrsets in self.zones.items():
            self.zones[origin] = [r for r in rrsets if (r.name, r.rdtype) not in unwanted]

    def signed(self, edit: Edit) -> dict[Name, str]:
        """Return every zone, delegated and signed, as a master file."""
        spoiled = {dns.name.from_text(origin) for origin in edit.bogus}
        content = {origin: list(rrsets) for origin, rrsets in self.zones.items()}
        for origin in content:
            if origin != dns.name.root:
                parent = content[self._zone_of(origin.parent())]
                ds = Key.of(self.keys, origin).ds(origin, origin in spoiled)
                parent += [ds, *records(f"{origin} IN NS {NAMESERVER.name}.")]
        return {
            origin: _sign(origin, rrsets, Key.of(self.keys, origin), edit.negative_ttl)
            for origin, rrsets in content.items()
        }

    def _zone_of(self, name: Name) -> Name:
        return max((o for o in self.zones if name.is_subdomain(o)), key=lambda o: len(o.labels))


def records(text: str, origin: Name = dns.name.root) -> list[RRset]:
    """Read a master file (RFC 1035 section 5) whose relative names end at `origin`."""
    return list(
        dns.zonefile.read_rrsets(
            text, origin=origin, rdclass=None, default_ttl=_TTL, relativize=False
        )
    )


def root_trust(keys: Path) -> tuple[str, str]:
    """Return the lab's trust anchor and its root hints, as master files."""
    ds = Key.of(keys, dns.name.root).public
    anchor = dns.rrset.from_rdata(dns.name.root, 86400, ds).to_text()
    hints = f". 3600000 NS {NAMESERVER.name}.\n"
    hints += f"{NAMESERVER.name}. 3600000 A {NAMESERVER.ipv4}\n"
    hints += f"{NAMESERVER.name}. 3600000 AAAA {NAMESERVER.ipv6}\n"
    return anchor + "\n", hints


def internet(keys: Path, emitted: dict[str, str], places: list[Place], edit: Edit) -> Internet:
    """Return the lab's internet: the zones that are `emitted`, and the lab's own `places`."""
    whole = Internet(keys)
    whole.declare(IPV4_REVERSE, IPV6_REVERSE, *emitted)
    for text in emitted.values():
        whole.add(text)
    for place in places:
        whole.add_place(place)
    whole.remove(edit.without)
    whole.add(edit.extra)
    return whole


def _sign(origin: Name, rrsets: list[RRset], key: Key, negative_ttl: int) -> str:
    zone = dns.zone.Zone(origin, relativize=False)
    times = f"{int(time.time())} 300 60 8640000 {negative_ttl}"
    soa = f"{NAMESERVER.name}. hostmaster.lab.example. {times}"
    head = f"{origin} IN SOA {soa}\n{origin} IN NS {NAMESERVER.name}.\n"
    with zone.writer() as transaction:
        for rrset in (*records(head, origin), *rrsets):
            transaction.add(rrset.name, rrset)
        dns.dnssec.sign_zone(
            zone, transaction, keys=[(key.private, key.public)], lifetime=_LIFETIME
        )
    return zone.to_text(relativize=False)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
