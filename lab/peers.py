"""Domains that say by DANE or MTA-STS how mail must reach them, some of them falsely, and others.

Each is `NAME.elsewhere.example`, its MX `NAME.mx.elsewhere.example` one of the servers that the
foreign host runs beside its own, and its mail that of the foreign server's one account.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.addresses import FOREIGN, PLAIN, RIGHT, SEVEN, WRONG, Place
from lab.authority import Authority
from lab.home import Home, write

DOMAIN = "elsewhere.example"
_OTHER_KEY = sha256(b"no key of this lab").hexdigest()


@dataclass(frozen=True)
class Peer:
    """A domain: the server that its MX is, whose key TLSA names, and whether MTA-STS enforces."""

    name: str
    server: Place
    tlsa: str = ""  # "own", "other" or none
    sts: bool = False

    @property
    def mx(self) -> str:
        """The host name of its mail server."""
        return f"{self.name}.mx.{DOMAIN}"


# The server RIGHT has a certificate for all these MX names, WRONG one for somebody else's name,
# at PLAIN somebody has taken STARTTLS out of the conversation, and SEVEN knows no 8BITMIME.
PEERS = (
    Peer("dane", WRONG, tlsa="own"),
    Peer("wrong-dane", RIGHT, tlsa="other"),
    Peer("stripped-dane", PLAIN, tlsa="other"),
    Peer("sts", RIGHT, sts=True),
    Peer("wrong-sts", WRONG, sts=True),
    Peer("stripped-sts", PLAIN, sts=True),
    Peer("both", WRONG, tlsa="own", sts=True),
    Peer("wrong-both", RIGHT, tlsa="other", sts=True),
    Peer("neither", WRONG),
    Peer("seven", SEVEN),
)


def records(home: Home) -> str:
    """Return what the domains publish, as a master file."""
    return "".join(_records(home, peer) for peer in PEERS)


def _records(home: Home, peer: Peer) -> str:
    domain = f"{peer.name}.{DOMAIN}."
    text = f"{domain} IN MX 10 {peer.mx}.\n{peer.mx}. IN A {peer.server.ipv4}\n"
    if peer.tlsa:
        key = _key(home, peer.server) if peer.tlsa == "own" else _OTHER_KEY
        text += f"_25._tcp.{peer.mx}. IN TLSA 3 1 1 {key}\n"
    if peer.sts:
        text += f'_mta-sts.{domain} IN TXT "v=STSv1; id=1"\n'
        text += f"mta-sts.{domain} IN A {FOREIGN.ipv4}\n"
    return text


def furnish(home: Home, root: Path) -> None:
    """Write the servers' certificates below `root`; their settings are among `elsewhere/`."""
    for place in (RIGHT, WRONG):
        chain = _chain(home, place).read_bytes()
        write(root / f"etc/ssl/private/{place.name}.pem", chain, mode=0o600)
    names = [f"mta-sts.{peer.name}.{DOMAIN}" for peer in PEERS if peer.sts]
    policies = Authority(home.authority).issue(*names)
    write(root / "etc/ssl/private/mta-sts.pem", policies, mode=0o600)


def _chain(home: Home, place: Place) -> Path:
    """The server's key and certificate, which stay: TLSA records are made of them."""
    names = [p.mx for p in PEERS if p.server == place] if place == RIGHT else [place.name]
    path = home.authority / f"{place.name}.pem"
    Authority(home.authority).provide(path, *names)
    return path


def _key(home: Home, place: Place) -> str:
    """The SHA-256 of the server's public key (RFC 6698: 3 1 1)."""
    certificate = x509.load_pem_x509_certificates(_chain(home, place).read_bytes())[0]
    public = certificate.public_key()
    return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
