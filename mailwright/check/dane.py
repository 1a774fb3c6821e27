"""Whether a certificate is one that TLSA records allow, as SMTP reads them (RFC 7672)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TA, EE = 2, 3  # certificate usages; a client of SMTP takes no other (section 3.1.3)

_SELECTED: dict[int, Callable[[x509.Certificate], bytes]] = {
    0: lambda leaf: leaf.public_bytes(Encoding.DER),
    1: lambda leaf: leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
}
_MATCHING: dict[int, Callable[[bytes], bytes]] = {
    0: bytes,
    1: lambda data: hashlib.sha256(data).digest(),
    2: lambda data: hashlib.sha512(data).digest(),
}


def allows(tlsa: Any, leaf: x509.Certificate) -> bool:
    """Whether a DANE-EE record is of this certificate; its names and dates do not count (3.1.1)."""
    if tlsa.usage != EE or tlsa.selector not in _SELECTED or tlsa.mtype not in _MATCHING:
        return False
    return bool(_MATCHING[tlsa.mtype](_SELECTED[tlsa.selector](leaf)) == tlsa.cert)


def names_authority(records: Iterable[Any]) -> bool:
    """Whether a record is of an authority: then the leaf alone does not tell."""
    return any(tlsa.usage == TA for tlsa in records)
