"""TLS-RPT: whom senders tell that TLS to us failed (RFC 8460)."""

from __future__ import annotations

from collections.abc import Iterator

from mailwright.dns.fault import tagged
from mailwright.dns.purpose import Presence, Purpose, Rule
from mailwright.dns.purposes import dmarc
from mailwright.dns.record import RECOMMENDED, Record
from mailwright.model.domain import Domain
from mailwright.model.host import MailHost

_VERSION = "v=TLSRPTv1"


def of_host(host: MailHost, is_domain: bool) -> Iterator[Record]:
    """Of a host with DANE, the postmaster."""
    if host.tlsa and not is_domain:
        why = "Who cannot reach the host with TLS tells us of it (RFC 8460 section 3)."
        value = _value((host.postmaster,))
        yield Record("tls-rpt", f"_smtp._tls.{host.name}.", "TXT", (value,), why, RECOMMENDED)


def of_domain(domain: Domain, presence: Presence) -> Iterator[Record]:
    """Whoever its policy names, if anybody."""
    if reports := domain.policy.tls_rpt:
        why = "Who cannot reach the domain with TLS tells us of it (RFC 8460 section 3)."
        value = _value(reports)
        yield Record("tls-rpt", f"_smtp._tls.{domain.name}.", "TXT", (value,), why, RECOMMENDED)


def _value(reports: tuple[str, ...]) -> str:
    """The text of a record; `reports` are mail addresses and HTTPS URIs (section 3)."""
    uris = (uri if uri.startswith("https:") else dmarc.uris((uri,)) for uri in reports)
    return f"{_VERSION}; rua={','.join(uris)}"


PURPOSE = Purpose(
    of_host=of_host,
    of_domain=of_domain,
    rules={"tls-rpt": Rule(tagged(_VERSION, "rua"), _VERSION)},
)
