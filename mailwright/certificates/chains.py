"""The certificate of a mail host or a web site: key, leaf and intermediates in one PEM file.

That order is Postfix's (postconf(5), smtpd_tls_chain_files); Dovecot and nginx read it as well.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
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
from mailwright.model.problems import Invalid, listed

_EXPECTED = "private key, leaf and intermediates in one PEM file"


def read(path: Path, name: str) -> str:
    """The text of a chain file that serves for the host `name`, now.

    Raises Invalid when it is not `usable` or the name is not covered.
    """
    chain = usable(path)
    if not covered(chain, name):
        raise not_for(chain, name)
    return chain


def usable(path: Path) -> str:
    """The text of a chain file that serves for some name, now.

    Raises Invalid when it is missing, open to other users, has no usable key or certificate, these
    do not match, or the time is outside the validity.
    """
    chain = loadable(path)
    if words := untimely(chain):
        raise Invalid(None, words)
    return chain


def untimely(chain: str) -> str:
    """What is wrong with the time of its certificate; empty where nothing is."""
    leaf, now = _leaf(chain.encode()), datetime.now(UTC)
    if now > leaf.not_valid_after_utc:
        return f"has a certificate that expired on {leaf.not_valid_after_utc:%F}"
    if now < leaf.not_valid_before_utc:
        return f"has a certificate for the time after {leaf.not_valid_before_utc:%F %T}"
    return ""


def loadable(path: Path) -> str:
    """The text of a chain file that a daemon takes, whatever the time. Raises Invalid."""
    if not path.exists():
        raise Invalid(None, "is missing", _EXPECTED)
    raw = secret.read(path)
    key, leaf = _key(raw), _leaf(raw)
    if raw.index(b"PRIVATE KEY") > raw.index(b"BEGIN CERTIFICATE"):
        raise Invalid(
            None, "has the certificate before the key", "private key, leaf, intermediates"
        )
    if _public(key) != _public(leaf):
        raise Invalid(None, "has a private key and a certificate that do not match")
    return raw.decode("utf-8", "replace")


def covered(chain: str, *wanted: str) -> list[str]:
    """Those of the host names that the chain is for (RFC 9525 section 6)."""
    names = {*_names(_leaf(chain.encode()))}
    return [name for name in wanted if {name, f"*.{name.partition('.')[2]}"} & names]


def good_until(chain: str) -> datetime | None:
    """When the chain's certificate ends; None once no more than a third of its life is left."""
    leaf = _leaf(chain.encode())
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return end if end - datetime.now(UTC) > (end - start) / 3 else None


def not_for(chain: str, *wanted: str) -> Invalid:
    """What is wrong with a chain that is for none of the names."""
    names = _names(_leaf(chain.encode()))
    what = f"has a certificate for {listed(names, 'and') if names else 'no name'}"
    return Invalid(None, what, f"one for {listed(wanted, 'and')}")


def read_key(path: Path) -> str:
    """The private key in a file, whatever else is in it, as PEM.

    Raises Invalid when it is open to other users or has no usable key.
    """
    return key_pem(_key(secret.read(path)))


def private_key(text: str) -> CertificateIssuerPrivateKeyTypes:
    """The key in PEM text, for whoever signs with it. Raises Invalid."""
    key = _key(text.encode())
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
    return f"3 1 1 {hashlib.sha256(_public(_key(text.encode()))).hexdigest()}"


def _key(raw: bytes) -> PrivateKeyTypes:
    if b"BEGIN ENCRYPTED" in raw:
        why = "a server starts with nobody there to type a passphrase"
        raise Invalid(None, "has an encrypted private key", "one without a passphrase", why)
    try:
        return pem.load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Invalid(None, "has no private key", _EXPECTED) from None


def _leaf(raw: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(raw)[0]
    except ValueError:
        raise Invalid(None, "has no certificate", _EXPECTED) from None


def _public(holder: PrivateKeyTypes | x509.Certificate) -> bytes:
    return holder.public_key().public_bytes(pem.Encoding.DER, pem.PublicFormat.SubjectPublicKeyInfo)


def _names(leaf: x509.Certificate) -> list[str]:
    """RFC 9525 section 6: only the subject alternative names count."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)]
