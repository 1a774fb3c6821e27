"""The authority that certificates are ordered from, by ACME (RFC 8555)."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mailwright.model.problems import Invalid

GIVEN, ORDERED = "given", "ordered"  # a certificate: the operator's file, or one by ACME
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_KID = re.compile(r"[!-~]{1,256}")  # RFC 8555 section 7.3.4: an ASCII string
_URL = frozenset(string.ascii_letters + string.digits + "-._~:/?&=%+@,")


@dataclass(frozen=True)
class CertificateAuthority:
    """Whom certificates are from, by its own documentation.

    `name` is its own in them, `issuers` those that it goes by in CAA, of which the first is to be
    published, `directory` the domain of its ACME directories.
    """

    name: str
    issuers: tuple[str, ...]
    directory: str


AUTHORITIES = (
    CertificateAuthority("Let's Encrypt", ("letsencrypt.org",), "letsencrypt.org"),
    CertificateAuthority("ZeroSSL", ("sectigo.com", "zerossl.com"), "zerossl.com"),
    CertificateAuthority("Sectigo Limited", ("sectigo.com", "comodoca.com"), "sectigo.com"),
    CertificateAuthority("Google Trust Services", ("pki.goog",), "pki.goog"),
    CertificateAuthority("DigiCert Inc", ("digicert.com",), "digicert.com"),
    CertificateAuthority("GlobalSign nv-sa", ("globalsign.com",), "globalsign.com"),
    CertificateAuthority("Buypass AS-983163327", ("buypass.com",), "buypass.com"),
    CertificateAuthority("Actalis S.p.A.", ("actalis.it",), "actalis.com"),
    CertificateAuthority("SSL Corporation", ("ssl.com",), "ssl.com"),
)


@dataclass(frozen=True)
class Acme:
    """The URL of the authority's directory, and the mail address that its account names.

    `eab_kid` is who we are to an authority that wants to know (external account binding, RFC 8555
    section 7.3.4), and `eab_key` proves it: HMAC-SHA256, in base64url. Both are empty elsewhere.
    """

    directory: str
    contact: str
    eab_kid: str = ""
    eab_key: str = field(default="", repr=False)

    @property
    def issuers(self) -> tuple[str, ...]:
        """The authority's names in CAA (RFC 8659 section 4.2); none where we do not know it."""
        host = f".{urlsplit(self.directory).hostname}"
        known = (each for each in AUTHORITIES if host.endswith(f".{each.directory}"))
        return next((each.issuers for each in known), ())


def eab_kid(value: object) -> str:
    """The identifier of an external account. Raises Invalid."""
    if isinstance(value, str) and _KID.fullmatch(value):
        return value
    raise Invalid(value, "is no identifier of an external account", "what the authority calls it")


def account(value: object) -> str:
    """The URL of an account, as CAA's accounturi has it (RFC 8657 section 3). Raises Invalid."""
    expected = "what '/etc/mailwright/acme/renew --account' says on the host"
    if not isinstance(value, str) or not set(value) <= _URL or not value.startswith("https://"):
        raise Invalid(value, "is not the URL of an account", expected)
    return value


def directory(value: object) -> str:
    """The URL of a directory (RFC 8555 section 7.1.1). Raises Invalid."""
    expected = f"an https: URL, such as {LETS_ENCRYPT}"
    if not isinstance(value, str) or not set(value) <= _URL:
        raise Invalid(value, "is no URL", expected)
    try:
        parts = urlsplit(value)
        port = parts.port  # a ValueError when it is none
    except ValueError:
        raise Invalid(value, "is no URL", expected) from None
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or port == 0:
        raise Invalid(value, "is no directory of an authority", expected)
    return value
