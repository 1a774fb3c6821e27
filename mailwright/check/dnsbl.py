"""Whether block lists have our addresses and domains (RFC 5782)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mailwright.net.resolver import Reply, Resolver
from mailwright.report.finding import Finding, Severity

_SIDE_BY_SIDE = 16
_REFUSED = ipaddress.ip_network("127.255.255.0/24")  # what Spamhaus says instead of an answer
_ALSO_REFUSED = "127.0.0.1"  # what URIBL says
_WHY = "Servers that ask the list refuse this mail; the list's web site says how to get off it."


@dataclass(frozen=True)
class BlockList:
    """A list of addresses, or of domains: then `listed` is a name that it always has."""

    zone: str
    listed: str = ""


# Lists that receivers use; a domain list's own documentation names its test entry.
LISTS = (
    BlockList("zen.spamhaus.org"),
    BlockList("bl.spamcop.net"),
    BlockList("b.barracudacentral.org"),
    BlockList("psbl.surriel.com"),
    BlockList("bl.mailspike.net"),
    BlockList("dnsbl.dronebl.org"),
    BlockList("dbl.spamhaus.org", "dbltest.com"),
    BlockList("multi.surbl.org", "surbl-org-permanent-test-point.com"),
    BlockList("multi.uribl.com", "test.uribl.com"),
)
# RFC 5782 section 5: every list of addresses has the one, and none has the other.
_LISTED = {4: "127.0.0.2", 6: "::ffff:7f00:2"}
_UNLISTED = {4: "127.0.0.1", 6: "::ffff:7f00:1"}


def findings(addresses: Iterable[str], domains: Iterable[str], resolver: Resolver) -> list[Finding]:
    """Of each list: what of ours it has, or why it does not say."""
    addresses, domains = list(addresses), list(domains)

    def asked(each: BlockList) -> list[Finding]:
        return list(_asked(each, domains if each.listed else addresses, resolver))

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        return [each for some in pool.map(asked, LISTS) for each in some]


def _asked(each: BlockList, subjects: list[str], resolver: Resolver) -> Iterator[Finding]:
    def ask(subject: str) -> Reply:
        return resolver.ask(f"{_labels(subject)}.{each.zone}.", "A")

    def unasked(what: str) -> Finding:
        return Finding(f"dnsbl {each.zone}", "unasked", Severity.UNASKED, what)

    for version in (0,) if each.listed else (4, 6):
        some = [s for s in subjects if _version(s) == version]
        live = ask(each.listed or _LISTED[version])
        if not some or (version == 6 and not live.values):  # few lists know IPv6
            continue
        if _is_refused(live):
            yield unasked(f"refuses this resolver ({live.values[0]}); name one of your own")
        elif not live.values:
            yield unasked("does not answer its test entry: it is dead, or refuses this resolver")
        elif ask("invalid" if each.listed else _UNLISTED[version]).values:
            yield unasked("lists everything, so it says nothing")
        else:
            yield from _listed(each, [(s, ask(s)) for s in some], resolver)


def _listed(
    each: BlockList, told: Iterable[tuple[str, Reply]], resolver: Resolver
) -> Iterator[Finding]:
    for subject, reply in told:
        if reply.values and not _is_refused(reply):
            texts = resolver.ask(f"{_labels(subject)}.{each.zone}.", "TXT").values
            what = f"lists {subject} ({', '.join(reply.values)})"
            what += f": {texts[0]}" if texts else ""
            yield Finding(f"dnsbl {each.zone}", f"lists {subject}", Severity.ERROR, what, _WHY)


def _version(subject: str) -> int:
    try:
        return ipaddress.ip_address(subject).version
    except ValueError:
        return 0


def _labels(subject: str) -> str:
    """An address backwards, as its reverse name has it; a domain as it is."""
    if not _version(subject):
        return subject
    reverse = ipaddress.ip_address(subject).reverse_pointer
    return reverse.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def _is_refused(reply: Reply) -> bool:
    return any(v == _ALSO_REFUSED or ipaddress.ip_address(v) in _REFUSED for v in reply.values)
