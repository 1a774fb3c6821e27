"""TLS-RPT: whom senders tell that TLS to us failed (RFC 8460)."""

from __future__ import annotations

from mailwright.dns.purposes import dmarc
from mailwright.model import address
from mailwright.model.problems import Invalid


def value(reports: tuple[str, ...]) -> str:
    """The text of a record; `reports` are mail addresses and HTTPS URIs (section 3)."""
    uris = (uri if uri.startswith("https:") else dmarc.uris((uri,)) for uri in reports)
    return f"v=TLSRPTv1; rua={','.join(uris)}"


def target(text: object) -> str:
    """Where reports go: a mail address, or an HTTPS URI as it is. Raises Invalid."""
    if not isinstance(text, str) or not text.startswith("https://"):
        return address.parse(text)
    if not text.isascii() or any(letter in text for letter in ' ,;!"\\'):
        raise Invalid(text, "is no URI for reports", "one without spaces and , ; ! (encode them)")
    return text
