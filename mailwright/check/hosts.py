"""What the hosts show to the world, against what DNS says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cryptography import x509

from mailwright.check import dane, issuer, port25
from mailwright.check.port25 import Conversation
from mailwright.model import renewal
from mailwright.model.host import MailHost
from mailwright.model.problems import listed, shown
from mailwright.net.resolver import Resolver
from mailwright.report.finding import Finding, Severity

_SIDE_BY_SIDE = 16
_BLOCKED = "Many networks let nobody out to port 25: then only another one can tell."
_NAMES = "Servers distrust a host that does not go by its own name (RFC 5321 section 4.1.1.1)."
_WAITS = "'journalctl -u mailwright-acme' on the host says what keeps it from doing so."
_CERTIFICATE = "Mail programs refuse it, and so do servers that keep to MTA-STS (RFC 8461)."


def findings(hosts: Iterable[MailHost], resolver: Resolver) -> list[Finding]:
    """Of each host, over IPv4 and IPv6."""
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        found = pool.map(lambda host: list(_host(host, resolver)), hosts)
        return [each for some in found for each in some]


def _host(host: MailHost, resolver: Resolver) -> Iterator[Finding]:
    where: dict[Finding, list[str]] = {}
    told: dict[str, Conversation | OSError] = {ip: _talk(ip, host.name) for ip in host.addresses}
    for ip, said in told.items():
        for finding in _judged(host, said, resolver):
            where.setdefault(finding, []).append(ip)
    routed = [ip for ip, said in told.items() if not _is_unrouted(said)]
    for finding, ips in where.items():
        if any(ip in routed for ip in ips) or not routed:
            at = "" if ips == routed else f" (at {listed(ips, 'and')})"
            yield Finding(
                finding.subject, finding.kind, finding.severity, finding.what + at, finding.why
            )


def _talk(ip: str, name: str) -> Conversation | OSError:
    try:
        return port25.talk(ip, name)
    except OSError as error:
        return error


def _is_unrouted(said: Conversation | OSError) -> bool:
    return isinstance(said, OSError) and port25.has_no_route(said)


def _judged(host: MailHost, said: Conversation | OSError, resolver: Resolver) -> Iterator[Finding]:
    subject = f"smtp {host.name}"
    if isinstance(said, OSError):
        is_refused = isinstance(said, ConnectionRefusedError)
        level = Severity.ERROR if is_refused else Severity.UNASKED
        what, why = f"port 25 {port25.reason(said)}", "" if is_refused else _BLOCKED
        yield Finding(subject, "silent", level, what, why)
        return
    if others := {said.banner, said.ehlo} - {host.name}:
        what = f"it calls itself {listed(map(shown, sorted(others)), 'and')}, not {host.name}"
        yield Finding(subject, "banner", Severity.ERROR, what, _NAMES)
    if said.leaf is None:
        yield Finding(subject, "starttls", Severity.ERROR, "it offers no STARTTLS (RFC 3207)")
    else:
        yield from _certificate(host, said.leaf, said.distrust)
        yield from _tlsa(host, said.leaf, resolver)
        yield from _caa(host, said.leaf, resolver)


def _certificate(host: MailHost, leaf: x509.Certificate, distrust: str) -> Iterator[Finding]:
    subject = f"smtp {host.name}"
    end, begin = leaf.not_valid_after_utc, leaf.not_valid_before_utc
    if host.tls_keys and leaf.issuer == leaf.subject:
        what = "its certificate is temporary: it orders one when its name leads to it, at port 80"
        yield Finding(subject, "temporary", Severity.ERROR, what, _WAITS)
    elif distrust:
        what = f"its certificate is not to be trusted: {distrust}"
        yield Finding(subject, "certificate", Severity.ERROR, what, _CERTIFICATE)
    elif renewal.is_late(begin, end):
        what = f"its certificate ends on {end:%F %H:%M} UTC, and should have been renewed"
        yield Finding(subject, "expires", Severity.WARNING, what, _CERTIFICATE)


def _tlsa(host: MailHost, leaf: x509.Certificate, resolver: Resolver) -> Iterator[Finding]:
    """Whoever has a TLSA record, of ours or not, shows a key that it names."""
    name = f"_25._tcp.{host.name}"
    published: Sequence[Any] = resolver.ask(f"{name}.", "TLSA").rdatas
    if not published or any(dane.allows(tlsa, leaf) for tlsa in published):
        return
    subject = f"tlsa {name}"
    if dane.names_authority(published):
        what = "it names an authority (usage 2), which is not followed here"
        yield Finding(subject, "unasked", Severity.UNASKED, what)
        return
    what = f"port 25 shows another key than {listed(map(str, published), 'and')}"
    why = "Servers that know DANE deliver nothing (RFC 7672): deploy, or publish the key in use."
    yield Finding(subject, "served", Severity.ERROR, what, why)


def _caa(host: MailHost, leaf: x509.Certificate, resolver: Resolver) -> Iterator[Finding]:
    order = None if issuer.by_host(host) else issuer.of(leaf)
    if order:
        yield from issuer.findings(host, order, resolver)
