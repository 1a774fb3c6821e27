"""The lab's certificate authority: a root that hosts trust, an intermediate, and leaves.

ECDSA P-256 throughout; nothing of it is installed on the machine itself.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.home import write

ROOT_NAME = "mailwright lab root"
INTERMEDIATE_NAME = "mailwright lab intermediate"

_LEAF_DAYS = 365
_AUTHORITY_DAYS = 3650


@dataclass(frozen=True)
class Issuer:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, name: str, days: int, *extensions: tuple[x509.ExtensionType, bool]) -> "Issuer":
        """Return a new key and its certificate, signed by this issuer."""
        key = ec.generate_private_key(ec.SECP256R1())
        return Issuer(_sign(_name(name), key, self, days, *extensions), key)

    def pem(self) -> bytes:
        """Return the private key and the certificate as PEM."""
        return _key_pem(self.key) + _certificate_pem(self.certificate)


class Authority:
    """The authority in a folder; it is made on first use and kept from then on."""

    def __init__(self, folder: Path) -> None:
        self.root_file = folder / "root.pem"
        if not (folder / "intermediate.pem").exists():
            _create(folder)
        self.root = x509.load_pem_x509_certificate(self.root_file.read_bytes())
        self._intermediate = _load(folder / "intermediate.pem")

    def root_pem(self) -> str:
        """Return the root certificate, which clients trust, as PEM."""
        return self.root_file.read_text()

    def issue(self, hostname: str, *others: str) -> bytes:
        """Return PEM text for a TLS server: private key, its certificate, the intermediate's."""
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in (hostname, *others)])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        leaf = self._intermediate.issue(
            hostname,
            _LEAF_DAYS,
            (names, False),
            (usage, False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
        )
        return leaf.pem() + _certificate_pem(self._intermediate.certificate)

    def provide(self, path: Path, hostname: str, *others: str) -> bool:
        """Issue `path` where it is missing, of another lab, ending or without a name; tell if so.

        A file that no lab issued stays as it is.
        """
        if path.exists() and not self._is_outdated(path, {hostname, *others}):
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, self.issue(hostname, *others), mode=0o600)
        return True

    def _is_outdated(self, path: Path, names: set[str]) -> bool:
        """Whether a lab's authority issued the file, and this one should do so again."""
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
        if certificates[0].issuer != _name(INTERMEDIATE_NAME):
            return False
        ends_soon = certificates[0].not_valid_after_utc < datetime.now(UTC) + timedelta(days=7)
        there = certificates[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
        lacking = names - {*there.value.get_values_for_type(x509.DNSName)}
        return bool(lacking) or ends_soon or self._intermediate.certificate not in certificates


def _create(folder: Path) -> None:
    """Make a root whose key is forgotten and an intermediate whose key is kept."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = _sign(_name(ROOT_NAME), key, None, _AUTHORITY_DAYS, *_authority_extensions(1))
    intermediate = Issuer(own, key).issue(
        INTERMEDIATE_NAME, _AUTHORITY_DAYS, *_authority_extensions(0)
    )
    write(folder / "root.pem", _certificate_pem(own))
    write(folder / "intermediate.pem", intermediate.pem(), mode=0o600)


def _authority_extensions(path_length: int) -> list[tuple[x509.ExtensionType, bool]]:
    usage = x509.KeyUsage(
        key_cert_sign=True,
        crl_sign=True,
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return [(x509.BasicConstraints(ca=True, path_length=path_length), True), (usage, True)]


def _sign(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: Issuer | None,
    days: int,
    *extensions: tuple[x509.ExtensionType, bool],
) -> x509.Certificate:
    """Return a certificate; without an issuer it is signed by its own key."""
    signer = issuer.key if issuer else key
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signer, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _load(path: Path) -> Issuer:
    data = path.read_bytes()
    key = serialization.load_pem_private_key(data, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} holds no elliptic curve key")
    return Issuer(x509.load_pem_x509_certificate(data), key)


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
