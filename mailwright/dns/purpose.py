"""What a file of `purposes` says: what is published, how that is judged, what may stand beside it.

Printing, checking, merging and pushing know no more of a purpose than this.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailwright.dns.fault import Judge, begins, same
from mailwright.dns.record import Record
from mailwright.model.domain import Domain
from mailwright.model.host import MailHost
from mailwright.net.data import text


@dataclass(frozen=True)
class Presence:
    """What there is of a domain.

    `is_host`: it is the name of a host as well. `offered` are the protocols that its mailboxes may
    use, `web` the names of its site, `addresses` those of each host by its name.
    """

    is_host: bool
    offered: Collection[str]
    web: Collection[str]
    addresses: Mapping[str, Sequence[str]]


def _nothing(*_: object) -> Iterator[Record]:
    return iter(())


def _never(*_: object) -> bool:
    return False


def once_there(record: Record, foreign: Sequence[Any], is_missing: bool) -> bool:
    """Where ours is, others may be beside it."""
    return not is_missing


@dataclass(frozen=True)
class Rule:
    """For records of one purpose.

    Their text begins with `version`, if they have one; whatever else is at the name is for another
    purpose. `beside` tells whether other people's data for the same purpose may stay where the
    record is, or comes if some of it is missing.
    """

    judge: Judge = same
    version: str = ""
    beside: Callable[[Record, Sequence[Any], bool], bool] = _never

    def covers(self, data: Any) -> bool:
        """Whether data of the record's type, at its name, is meant for its purpose."""
        return not self.version or begins(text(data), self.version)


@dataclass(frozen=True)
class Purpose:
    """One file of `purposes`: the records of a host, of a domain and of a name without mail.

    `of_host` is told whether the host's name is a mail domain as well, which then has the policies.
    `reaches_out` tells whether records of a domain do not end in its name. `rules` are those of its
    records by their purpose, where they are not as for all.
    """

    of_host: Callable[[MailHost, bool], Iterator[Record]] = _nothing
    of_domain: Callable[[Domain, Presence], Iterator[Record]] = _nothing
    no_mail: Callable[[str], Iterator[Record]] = _nothing
    reaches_out: Callable[[Domain], bool] = _never
    rules: Mapping[str, Rule] = field(default_factory=dict)
