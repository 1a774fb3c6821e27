"""The certificate of a mail host: private key, leaf and intermediates in one PEM file.

That order is Postfix's (postconf(5), smtpd_tls_chain_files); Dovecot and nginx read it as well.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from mailwright import secret
from mailwright.problems import Invalid, listed

_EXPECTED = "private key, leaf and intermediates in one PEM file"


def read(path: Path, name: str) -> str:
    """The text of a chain file that serves for the host `name`, now.

    Raises Invalid when it is missing, open to other users, has no usable key or certificate, these
    do not match, the name is not covered (RFC 9525), or the time is outside the validity.
    """
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
    names = _names(leaf)
    if name not in names and f"*.{name.partition('.')[2]}" not in names:
        what = f"has a certificate for {listed(names, 'and') if names else 'no name'}"
        raise Invalid(None, what, f"one for {name}")
    if datetime.now(UTC) > leaf.not_valid_after_utc:
        raise Invalid(None, f"has a certificate that expired on {leaf.not_valid_after_utc:%F}")
    if datetime.now(UTC) < leaf.not_valid_before_utc:
        raise Invalid(
            None, f"has a certificate for the time after {leaf.not_valid_before_utc:%F %T}"
        )
    return raw.decode("utf-8", "replace")


def tlsa(chain: str) -> str:
    """The data of a TLSA record for a chain: `3 1 1` and the SHA-256 of its public key.

    Who trusts the key by DANE looks at neither name nor time (RFC 7672 section 3.1.1).
    """
    return f"3 1 1 {hashlib.sha256(_public(_leaf(chain.encode()))).hexdigest()}"


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
