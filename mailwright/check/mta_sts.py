"""Whether senders get the MTA-STS policy that a domain announces (RFC 8461 section 3.3)."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mailwright.check import port25
from mailwright.model.domain import Domain
from mailwright.model.policy import OFF
from mailwright.model.problems import listed, shown
from mailwright.net.resolver import Resolver
from mailwright.report.finding import Finding, Severity

_SIDE_BY_SIDE = 16
_PATH = "/.well-known/mta-sts.txt"
_LONGEST = 64 << 10  # bytes; senders need not read more (section 3.3)
_WHY = "Senders that find no policy they can trust go without one, or by an old one (RFC 8461)."


class NoPolicy(Exception):  # noqa: N818
    """A policy that senders do not take: the kind of the fault, and a sentence."""


@dataclass(frozen=True)
class Text:
    """The fields of a policy: the first of each name, and all `mx` patterns."""

    fields: dict[str, str]
    mx: frozenset[str]

    @classmethod
    def read(cls, text: str) -> Text:
        """Read a policy (section 3.2)."""
        pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
        fields: dict[str, str] = {}
        for name, _, value in pairs:
            fields.setdefault(name.strip(), value.strip())
        patterns = (value.strip() for name, _, value in pairs if name.strip() == "mx")
        return cls(fields, frozenset(pattern.lower() for pattern in patterns))

    def allows(self, host: str) -> bool:
        """Whether the MX host is one of the policy's (section 4.1)."""
        return bool({host, f"*.{host.partition('.')[2]}"} & self.mx)


def findings(domains: Iterable[Domain], resolver: Resolver) -> list[Finding]:
    """Of each domain that announces a policy."""
    wanted = [each for each in domains if not each.parked and each.policy.mta_sts != OFF]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        found = pool.map(lambda domain: list(_domain(domain, resolver)), wanted)
        return [each for some in found for each in some]


def _domain(domain: Domain, resolver: Resolver) -> Iterator[Finding]:
    """A name without an address is a fault of its record, which is named elsewhere."""
    name, subject = f"mta-sts.{domain.name}", f"mta-sts-policy {domain.name}"
    addresses = [ip for kind in ("A", "AAAA") for ip in resolver.ask(f"{name}.", kind).values]
    told: dict[tuple[str, str, Severity], list[str]] = {}
    routed = []
    for ip in addresses:
        try:
            faults = list(_faults(Text.read(fetch(name, ip)), domain))
        except NoPolicy as error:
            kind, what = error.args
            faults = [(kind, what, Severity.ERROR)]
        except OSError as error:
            if port25.has_no_route(error):
                continue
            is_refused = isinstance(error, ConnectionRefusedError)
            level = Severity.ERROR if is_refused else Severity.UNASKED
            faults = [("silent", f"https://{name} {port25.reason(error)}", level)]
        routed.append(ip)
        for fault in faults:
            told.setdefault(fault, []).append(ip)
    for (kind, what, level), ips in told.items():
        at = "" if ips == routed else f" (at {listed(ips, 'and')})"
        yield Finding(subject, kind, level, what + at, _WHY)


def fetch(name: str, ip: str) -> str:
    """The policy that the address shows under the name. Raises NoPolicy and OSError."""
    context = ssl.create_default_context()
    raw = socket.create_connection((ip, 443), port25.TIMEOUT)
    client = http.client.HTTPConnection(name, timeout=port25.TIMEOUT)
    try:
        with context.wrap_socket(raw, server_hostname=name) as client.sock:
            client.request("GET", _PATH)
            reply = client.getresponse()
            if reply.status != http.client.OK:
                raise NoPolicy("status", f"https://{name}{_PATH} answers {reply.status}")
            media = reply.headers.get_content_type()
            if media != "text/plain":
                raise NoPolicy("type", f"https://{name}{_PATH} is {media}, not text/plain")
            return reply.read(_LONGEST).decode("utf-8", "replace")
    except ssl.SSLCertVerificationError as error:
        what = f"the certificate of https://{name} is not to be trusted: {error.verify_message}"
        raise NoPolicy("certificate", what) from None
    except http.client.HTTPException as error:
        raise NoPolicy("status", f"https://{name} speaks no HTTP ({error!r})") from None


def _faults(found: Text, domain: Domain) -> Iterator[tuple[str, str, Severity]]:
    wanted = Text.read(domain.policy.mta_sts_text(domain.host))
    for name in ("version", "mode"):
        has, should = found.fields.get(name), wanted.fields[name]
        if has != should:
            yield name, f"the policy has {name} {shown(has)}, not {shown(should)}", Severity.ERROR
    age = found.fields.get("max_age", "")
    if not age.isascii() or not age.isdigit():
        yield "max_age", f"the policy has max_age {shown(age)}, no number", Severity.ERROR
    if wanted.mx and not found.allows(domain.host):
        here = listed(sorted(found.mx), "and") if found.mx else "no mx"
        yield "mx", f"the policy has {here}, without {domain.host}", Severity.ERROR
    elif more := sorted(found.mx - wanted.mx):
        yield "more", f"the policy has {listed(more, 'and')} as well", Severity.WARNING
