"""Inventories for tests: a copy of one, with the keys and certificates that a user would have."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailwright.inventory.load import Inventory, load
from mailwright.keys import signing_key
from mailwright.keys.tls_keys import KeyFiles

DAY = date(2026, 1, 1)


def complete(source: Path, target: Path) -> Inventory:
    """Copy the description at `source`; add keys and self-signed certificates."""
    for name in ("hosts.py", "mail.toml", "verify.toml"):
        if (source / name).exists():
            shutil.copy(source / name, target / name)
    if (source / "sieve").exists():
        shutil.copytree(source / "sieve", target / "sieve")
    inventory = make_keys(target)
    for host in inventory.hosts:
        if host.tls_keys:
            list(KeyFiles(target, host.name).make())
        else:
            self_signed(target / host.tls_chain_file, host.name)
    certify_web(target)
    return load(target)


def make_keys(folder: Path) -> Inventory:
    """Make the DKIM keys that an inventory folder lacks."""
    inventory = load(folder, require_keys=False, require_tls=False)
    wanted = [(domain.name, name) for domain in inventory.domains for name in domain.algorithms]
    list(signing_key.create(folder, wanted, DAY))
    return inventory


def certify_web(folder: Path) -> None:
    """Give each domain a certificate for its web names."""
    for site in load(folder, require_keys=False, require_tls=False).sites:
        if not site.is_ordered:
            self_signed(folder / site.file, *site.wanted)


def self_signed(path: Path, *names: str, key: ec.EllipticCurvePrivateKey | None = None) -> None:
    """A private key and a certificate for `names` in one PEM file that only its owner reads."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(
        now + timedelta(days=90)
    )
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
    )
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    path.write_bytes(private + certificate.public_bytes(pem))
