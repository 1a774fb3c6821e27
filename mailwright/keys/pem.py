"""Private keys of TLS: opened, written as PEM, and as TLSA records tell them (RFC 7672)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    PrivateKeyTypes,
)

from mailwright.keys import secret
from mailwright.model.problems import Invalid

_EXPECTED = "private key, leaf and intermediates in one PEM file"


def read_key(path: Path) -> str:
    """The private key in a file, whatever else is in it, as PEM.

    Raises Invalid when it is open to other users or has no usable key.
    """
    return key_pem(opened(secret.read(path)))


def private_key(text: str) -> CertificateIssuerPrivateKeyTypes:
    """The key in PEM text, for whoever signs with it. Raises Invalid."""
    key = opened(text.encode())
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise Invalid(None, "has a private key of another kind", "ECDSA or RSA")
    return key


def key_pem(key: PrivateKeyTypes) -> str:
    """A private key as PEM, not encrypted."""
    form, plain = pem.PrivateFormat.PKCS8, pem.NoEncryption()
    return key.private_bytes(pem.Encoding.PEM, form, plain).decode()


def tlsa(text: str) -> str:
    """The data of a TLSA record for a private key: `3 1 1` and the SHA-256 of the public one.

    Who trusts the key by DANE looks at neither name nor time (RFC 7672 section 3.1.1).
    """
    return f"3 1 1 {hashlib.sha256(public(opened(text.encode()))).hexdigest()}"


def opened(raw: bytes) -> PrivateKeyTypes:
    """The private key in PEM. Raises Invalid."""
    if b"BEGIN ENCRYPTED" in raw:
        why = "a server starts with nobody there to type a passphrase"
        raise Invalid(None, "has an encrypted private key", "one without a passphrase", why)
    try:
        return pem.load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Invalid(None, "has no private key", _EXPECTED) from None


def public(holder: PrivateKeyTypes | x509.Certificate) -> bytes:
    """The public key as DER (SubjectPublicKeyInfo), which one certificate and one key share."""
    return holder.public_key().public_bytes(pem.Encoding.DER, pem.PublicFormat.SubjectPublicKeyInfo)
