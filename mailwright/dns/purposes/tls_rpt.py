"""TLS-RPT: whom senders tell that TLS to us failed (RFC 8460)."""

from __future__ import annotations

from mailwright.dns.purposes import dmarc


def value(reports: tuple[str, ...]) -> str:
    """The text of a record; `reports` are mail addresses and HTTPS URIs (section 3)."""
    uris = (uri if uri.startswith("https:") else dmarc.uris((uri,)) for uri in reports)
    return f"v=TLSRPTv1; rua={','.join(uris)}"
