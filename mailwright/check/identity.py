"""The identities that SPF is asked about: HELO and MAIL FROM (RFC 7208 sections 2.3 and 2.4)."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mailwright.check.check_host import Evaluation
from mailwright.dns.fault import CHANGED, MORE, Fault
from mailwright.dns.record import Record
from mailwright.model import spf
from mailwright.model.problems import listed
from mailwright.report.finding import Severity

PERMERROR = "permerror"


@dataclass(frozen=True)
class Sender:
    """Where a message comes from: the client's address, and its name in EHLO."""

    ip: str
    helo: str


STRANGERS = tuple(
    Sender(ip, "stranger.invalid") for ip in ("203.0.113.77", "192.0.2.77", "2001:db8:77::77")
)


@dataclass(frozen=True)
class Letter:
    """A message whose envelope sender is `mail_from`; a bounce, which has none, is "" there."""

    sender: Sender
    mail_from: str

    def result(self, look_up: spf.LookUp, record: str | None) -> str:
        """What `check_host` says when its domain publishes `record`.

        Without an envelope sender it is the EHLO name that is asked about.
        """
        ip, helo = ipaddress.ip_address(self.sender.ip), self.sender.helo
        sender = self.mail_from or f"postmaster@{helo}"
        message = Evaluation(look_up, ip, sender, helo)
        return message.result(sender.rpartition("@")[2], record)

    def __str__(self) -> str:
        where = f"EHLO {self.sender.helo}, MAIL FROM <{self.mail_from}>"
        return f"a message from {self.sender.ip} ({where})"


def letters(name: str, senders: Sequence[Sender]) -> Iterator[Letter]:
    """What a record at `name` is evaluated for.

    Mail that claims to be from its addresses, from each of our hosts and from strangers; and where
    the name is a host's, bounces from it, and from strangers who say that they are it.
    """
    for sender in (*senders, *STRANGERS):
        yield Letter(sender, f"postmaster@{name}")
    if any(sender.helo == name for sender in senders):
        for sender in (*senders, *STRANGERS):
            yield Letter(Sender(sender.ip, name), "")


def others(record: Record, published: str | None, ours: Sequence[Sender]) -> Iterator[Fault]:
    """Of senders that are no hosts of ours: those that are not published, and those that only are.

    A published record that is None is not at the name itself, and is not looked at.
    """
    if published is None:
        return
    own = {"", record.name.rstrip("."), *(s.helo for s in ours), *(s.ip for s in ours)}
    wanted, found = (_senders(text, own) for text in (record.values[0], published))
    if absent := [term for term in wanted if term not in found]:
        yield CHANGED, f"it lacks {listed(absent, 'and')} of spf_mechanisms", None
    if foreign := [term for term in found if term not in wanted]:
        what = f"{listed(foreign, 'and')} may send as well, which spf_mechanisms does not name"
        yield MORE, what, Severity.NOTE


def _senders(text: str, own: Collection[str]) -> list[str]:
    """The terms that let somebody pass who is none of our `own`."""
    terms = (term for term in spf.parse(text) if term.asks or term.name in ("ip4", "ip6"))
    some = (term for term in terms if term.qualifier == "+" and not _is_own(term, own))
    return list(dict.fromkeys(map(_plain, some)))


def _is_own(term: spf.Term, own: Collection[str]) -> bool:
    value = term.value.rstrip(".").lower()
    if term.name in ("ip4", "ip6"):
        network = _network(term)
        return network.num_addresses == 1 and str(network.network_address) in own
    return term.name in ("a", "mx") and value in own and not term.cidr


def _plain(term: spf.Term) -> str:
    """Terms that mean the same are written the same."""
    if term.name in ("ip4", "ip6"):
        return f"{term.name}:{_network(term)}".removesuffix("/32").removesuffix("/128")
    return str(term).lower().rstrip(".")


def _network(term: spf.Term) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(term.value + term.cidr, strict=False)
