"""Whether CAA lets the authority that has issued a certificate issue the next (RFC 8659)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

# An authority's name in certificates, and those that it goes by in CAA: its own documentation.
_AUTHORITIES = {
    "Let's Encrypt": ("letsencrypt.org",),
    "ZeroSSL": ("sectigo.com", "zerossl.com"),
    "Sectigo Limited": ("sectigo.com", "comodoca.com"),
    "Google Trust Services": ("pki.goog",),
    "DigiCert Inc": ("digicert.com",),
    "GlobalSign nv-sa": ("globalsign.com",),
    "Buypass AS-983163327": ("buypass.com",),
    "Actalis S.p.A.": ("actalis.it",),
    "SSL Corporation": ("ssl.com",),
}


def refusal(leaf: x509.Certificate, name: str, look_up: Callable[[str], Sequence[Any]]) -> str:
    """Why the certificate's issuer may not issue another for `name`; empty where it may.

    `look_up` gives the CAA data at a name. An authority that we do not know is not judged.
    """
    issuer = next((str(a.value) for a in leaf.issuer if a.oid == NameOID.ORGANIZATION_NAME), "")
    known = _AUTHORITIES.get(issuer, ())
    allowed = _issuers(name, look_up)
    if not known or allowed is None or set(known) & set(allowed):
        return ""
    return f"{issuer} ({known[0]}) has issued the certificate, and only {_listed(allowed)} may"


def _issuers(name: str, look_up: Callable[[str], Sequence[Any]]) -> list[str] | None:
    """Who may issue for a name, None for everybody: the nearest record set above (section 3)."""
    labels = name.split(".")
    for start in range(len(labels)):
        if found := look_up(".".join(labels[start:])):
            issues = [item.value for item in found if item.tag.lower() == b"issue"]
            names = [value.decode().partition(";")[0].strip().lower() for value in issues]
            return [name for name in names if name] if issues else None
    return None


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) or "nobody"
