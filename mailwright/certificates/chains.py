"""The certificate of a mail host or a web site: key, leaf and intermediates in one PEM file.

That order is Postfix's (postconf(5), smtpd_tls_chain_files); Dovecot and nginx read it as well.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from mailwright.keys import secret
from mailwright.keys.pem import opened, public
from mailwright.model import renewal
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
    key, leaf = opened(raw), _leaf(raw)
    if raw.index(b"PRIVATE KEY") > raw.index(b"BEGIN CERTIFICATE"):
        raise Invalid(
            None, "has the certificate before the key", "private key, leaf, intermediates"
        )
    if public(key) != public(leaf):
        raise Invalid(None, "has a private key and a certificate that do not match")
    return raw.decode("utf-8", "replace")


def covered(chain: str, *wanted: str) -> list[str]:
    """Those of the host names that the chain is for (RFC 9525 section 6)."""
    names = {*_names(_leaf(chain.encode()))}
    return [name for name in wanted if {name, f"*.{name.partition('.')[2]}"} & names]


def good_until(chain: str) -> datetime | None:
    """When the chain's certificate ends; None once another one is due."""
    leaf = _leaf(chain.encode())
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return None if renewal.is_due(start, end) else end


def not_for(chain: str, *wanted: str) -> Invalid:
    """What is wrong with a chain that is for none of the names."""
    names = _names(_leaf(chain.encode()))
    what = f"has a certificate for {listed(names, 'and') if names else 'no name'}"
    return Invalid(None, what, f"one for {listed(wanted, 'and')}")


def _leaf(raw: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(raw)[0]
    except ValueError:
        raise Invalid(None, "has no certificate", _EXPECTED) from None


def _names(leaf: x509.Certificate) -> list[str]:
    """RFC 9525 section 6: only the subject alternative names count."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)]
