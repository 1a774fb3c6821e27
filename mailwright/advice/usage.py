"""How mailboxes are used: who logged in from where, and how full they are, as their host tells."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailwright.model import address
from mailwright.model.problems import Invalid

_SCRIPT = Path(__file__).with_name("usage.sh").read_text()
_PROTOCOLS = {"managesieve": "sieve"}  # the rest has one name for all


@dataclass
class Usage:
    """Of one mailbox. `logins` and `refused` have for each protocol how often which client came.

    A client is an IPv4 address, or the /64 that an IPv6 address is in: one household or device.
    `storage` is bytes.
    """

    logins: dict[str, dict[str, int]] = field(default_factory=dict)
    refused: dict[str, dict[str, int]] = field(default_factory=dict)
    storage: int = 0
    messages: int = 0

    @property
    def clients(self) -> set[str]:
        """Where somebody logged in from."""
        return {client for counts in self.logins.values() for client in counts}


@dataclass
class Report:
    """What one host tells of the time since `since`, when its journal begins at the latest."""

    since: datetime
    usages: dict[str, Usage]


def script(days: int) -> str:
    """The shell command that prints what `read` reads."""
    return f"DAYS={days}\n{_SCRIPT}"


def read(lines: Iterable[str], days: int, now: datetime) -> Report:
    """What a host has printed."""
    report = Report(now - timedelta(days=days), {})
    for line in lines:
        kind, *words = line.split()
        if kind == "T":
            begin = datetime.fromtimestamp(float(words[0]), UTC)
            report.since = max(report.since, begin)
        elif kind == "Q":
            _quota(report, *words)
        elif len(words) == 5:  # whoever is refused may have typed anything for a name
            _login(report, *words)
    return report


def _quota(report: Report, name: str, kind: str, value: str) -> None:
    usage = report.usages.setdefault(name, Usage())
    if kind == "STORAGE":
        usage.storage = int(value) << 10  # Dovecot counts KiB here
    else:
        usage.messages = int(value)


def _login(report: Report, count: str, how: str, protocol: str, client: str, name: str) -> None:
    try:
        usage = report.usages.setdefault(address.own(name), Usage())
        client = str(_network(client))
    except (Invalid, ValueError):
        return
    counts = (usage.logins if how == "in" else usage.refused).setdefault(
        _PROTOCOLS.get(protocol, protocol), {}
    )
    counts[client] = counts.get(client, 0) + int(count)


def _network(client: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    found = ipaddress.ip_address(client)
    return ipaddress.ip_network((found, 32 if found.version == 4 else 64), strict=False)
