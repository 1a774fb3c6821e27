"""The lab's numbering plan: documentation addresses only (RFC 5737, RFC 3849)."""

from dataclasses import dataclass

IPV4_PREFIX = 24
IPV6_PREFIX = 64
IPV4_REVERSE = "100.51.198.in-addr.arpa."
IPV6_REVERSE = "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."


@dataclass(frozen=True)
class Place:
    """A name and its addresses in the lab's one network; a host may lack one of the two."""

    name: str
    ipv4: str | None
    ipv6: str | None

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that there are, IPv4 first."""
        return tuple(address for address in (self.ipv4, self.ipv6) if address)


GATEWAY = Place("gateway.lab.example", "198.51.100.1", "2001:db8::1")
NAMESERVER = Place("ns.lab.example", "198.51.100.53", "2001:db8::53")
RESOLVER = Place("resolver.lab.example", "198.51.100.54", "2001:db8::54")
ACME = Place("acme.lab.example", "198.51.100.70", "2001:db8::70")
PACKAGES = Place("packages.lab.example", "198.51.100.80", "2001:db8::80")
FOREIGN = Place("mx.elsewhere.example", "198.51.100.90", "2001:db8::90")
# More servers on the foreign host, each with a certificate of its own or none (lab/peers.py).
RIGHT = Place("right.peers.elsewhere.example", "198.51.100.91", None)
WRONG = Place("wrong.peers.elsewhere.example", "198.51.100.92", None)
PLAIN = Place("plain.peers.elsewhere.example", "198.51.100.93", None)
SEVEN = Place("seven.peers.elsewhere.example", "198.51.100.94", None)
OPERATOR = Place("client.elsewhere.example", "198.51.100.200", "2001:db8::200")

RESERVED = (
    *(GATEWAY, NAMESERVER, RESOLVER, ACME, PACKAGES, FOREIGN, RIGHT, WRONG, PLAIN, SEVEN),
    OPERATOR,
)
