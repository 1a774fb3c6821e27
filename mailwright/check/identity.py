"""The identities that SPF is asked about: HELO and MAIL FROM (RFC 7208 sections 2.3 and 2.4)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailwright.check.check_host import Evaluation
from mailwright.model import spf

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
