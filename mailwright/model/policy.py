"""What a domain tells the world about its mail: SPF, DMARC, BIMI, MTA-STS, TLS-RPT and CAA.

The values in DNS follow from it in `mailwright.dns`; the MTA-STS policy is a file that a web server
shows (RFC 8461 section 3.2).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mailwright.model import address
from mailwright.model.problems import Invalid

TTL = 3600  # seconds that resolvers may remember a record, unless the inventory says otherwise
DMARC_POLICIES = ("none", "quarantine", "reject")
DMARC_ALIGNMENTS = ("r", "s")
OFF = "off"
MTA_STS, AUTOCONFIG, AUTODISCOVER = WEB = ("mta-sts", "autoconfig", "autodiscover")
MTA_STS_MODES = ("none", "testing", "enforce")  # RFC 8461 section 5
_DAY = 86400
# Senders keep a policy for so many seconds. In testing a mistake should be gone the next day; an
# attacker who can block the look-up has to do so for as long as an enforced policy lives.
_MAX_AGE = {"none": _DAY, "testing": _DAY, "enforce": 14 * _DAY}


@dataclass(frozen=True)
class Dmarc:
    """The tags of a DMARC record (RFC 9989 section 4.7); None where there is none.

    `rua` and `ruf` are mail addresses.
    """

    p: str = "quarantine"
    sp: str | None = None
    np: str | None = None
    adkim: str | None = None
    aspf: str | None = None
    t: bool = False
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bimi:
    """The URIs of a logo and of the evidence for it, which is empty where there is none."""

    logo: str
    evidence: str = ""


@dataclass(frozen=True)
class Policy:
    """Of one domain.

    `spf` is how its SPF record ends (`-all`), `spf_mechanisms` are those of its other senders.
    `mta_sts` is a mode or OFF. `tls_rpt` are mail addresses and HTTPS URIs. `no_mail` are names
    below the domain that exist but neither send nor take mail.
    """

    spf: str = "-all"
    spf_mechanisms: tuple[str, ...] = ()
    dmarc: Dmarc = Dmarc()
    bimi: Bimi | None = None
    mta_sts: str = OFF
    tls_rpt: tuple[str, ...] = ()
    no_mail: tuple[str, ...] = ()

    def mta_sts_text(self, mx: str) -> str:
        """The policy file of a domain whose only MX is `mx` (RFC 8461 section 3.2)."""
        lines = ["version: STSv1", f"mode: {self.mta_sts}"]
        lines += [f"mx: {mx}"] if self.mta_sts != "none" else []
        lines += [f"max_age: {_MAX_AGE[self.mta_sts]}"]
        return "".join(f"{line}\r\n" for line in lines)

    def mta_sts_id(self, mx: str) -> str:
        """What must change with the policy, and does: a digest of it (RFC 8461 section 3.1)."""
        return hashlib.sha256(self.mta_sts_text(mx).encode()).hexdigest()[:24]


_PARAMETER = re.compile(r"[a-z0-9][a-z0-9-]*=[!-:<-~]*", re.I)  # RFC 8659 section 4.2


def issuer(text: object) -> str:
    """`letsencrypt.org`, or with parameters: `letsencrypt.org; accounturi=…`. Raises Invalid."""
    name, *parameters = (
        [part.strip() for part in text.split(";")] if isinstance(text, str) else [""]
    )
    expected = "an authority's domain, such as letsencrypt.org"
    if not all(map(_PARAMETER.fullmatch, parameters)):
        raise Invalid(text, "has a parameter that is none", "tag=value after each ;")
    try:
        return "; ".join([address.domain(name), *parameters])
    except Invalid:
        raise Invalid(text, "is no certificate authority", expected) from None


def bimi(value: object) -> Bimi:
    """A logo's URI, or a table of BIMI's tags `l`, which is that, and `a`. Raises Invalid.

    What is checked is in draft-brand-indicators-for-message-identification section 4.3.
    """
    tags = value if isinstance(value, dict) else {"l": value}
    if not {"l"} <= {*tags} <= {"l", "a"}:
        expected = "the tags l, for the logo, and a, for evidence if there is any"
        raise Invalid(value, "is not a BIMI record", expected)
    logo = _https(tags["l"])
    if not logo.endswith(".svg"):
        raise Invalid(logo, "is not an SVG image", "a URI that ends in .svg")
    return Bimi(logo, _https(tags["a"]) if "a" in tags else "")


def _https(value: object) -> str:
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        address.domain(parts.hostname or "")
    except ValueError:
        parts = urlsplit("")
    is_plain = text.isascii() and text.isprintable() and not {*text} & {*' ,;"\\'}
    if parts.scheme != "https" or not is_plain:
        expected = "an https: URI without spaces and , ; (encode them)"
        raise Invalid(value, "is not a URI for BIMI", expected)
    return text


def report_target(text: object) -> str:
    """Where reports go: a mail address, or an HTTPS URI as it is. Raises Invalid."""
    if not isinstance(text, str) or not text.startswith("https://"):
        return address.parse(text)
    if not text.isascii() or any(letter in text for letter in ' ,;!"\\'):
        raise Invalid(text, "is no URI for reports", "one without spaces and , ; ! (encode them)")
    return text
