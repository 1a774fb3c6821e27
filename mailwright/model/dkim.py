"""DKIM keys of a domain, and where each stands (RFC 6376, RFC 8463)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, ConfigDict, Strict

ON_HOST = "/etc/rspamd/dkim"  # the folder with the private keys that it signs with
ALWAYS = datetime.fromtimestamp(0, UTC)
Moment = Annotated[AwareDatetime, Strict()]
Seconds = Annotated[int, Strict()]


class State(StrEnum):
    """Where a key stands; `old` keys and `new` ones are published, and do not sign."""

    NEW = "new"
    SIGNING = "signing"
    OLD = "old"
    REVOKED = "revoked"
    REMOVED = "removed"


@dataclass(frozen=True)
class Life:
    """Times are since when, or None.

    `slot` is its selector where that is not the file's name (delegated keys). `seen`: every
    authoritative server has shown what is published of it now. `ttl` is how many seconds resolvers
    may remember what was there before. `signing`: hosts may sign with it; the latest such key of
    its algorithm is the one that signs. `unused`: no host signs with it any more. `revoked`: its
    public value is empty (RFC 6376 section 3.6.1). `removed`: nothing is published.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", defer_build=True)

    algorithm: str
    slot: str | None = None
    seen: Moment | None = None
    ttl: Seconds = 0
    signing: Moment | None = None
    unused: Moment | None = None
    revoked: Moment | None = None
    removed: Moment | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nobody needs its private key any more."""
        return bool(self.revoked or self.removed)

    @property
    def was_never_used(self) -> bool:
        """Whether nobody has been told of it yet: what a run left that died making the key."""
        return not (self.seen or self.signing or self.has_ended)


def current(lives: Collection[Life], algorithms: Collection[str]) -> dict[str, datetime]:
    """The date that the signing keys of each algorithm have.

    The latest: one file decides who signs, so that no run can die between two of them. Keys that
    were there before any rotation all sign. While none of a domain's `algorithms` has a key that
    signs, one that it had before still does: its mail is never unsigned.
    """
    latest: dict[str, datetime] = {}
    for life in lives:
        if life.signing and not life.has_ended:
            latest[life.algorithm] = max(life.signing, latest.get(life.algorithm, ALWAYS))
    return {name: latest[name] for name in latest if name in algorithms} or latest


def state(life: Life, signing: datetime | None) -> State:
    """Where a key stands; `signing` is the date of those of its algorithm that sign."""
    if life.removed:
        return State.REMOVED
    if life.revoked:
        return State.REVOKED
    if life.signing is None:
        return State.NEW
    return State.SIGNING if life.signing == signing else State.OLD


@dataclass(frozen=True)
class DkimKey:
    """A key of a domain. `private_pem` is unencrypted PKCS#8, a secret, and not in the repr.

    `stem` is what its files in the inventory are called.

    Once it is revoked, its record says so and there is no private key any more.
    """

    domain: str
    selector: str
    algorithm: str
    stem: str
    record: str
    private_pem: str = field(repr=False)
    rspamd_key: str = field(repr=False)
    life: Life
    state: State = State.SIGNING

    @property
    def name(self) -> str:
        """The name that verifiers look up (RFC 6376 section 3.6.2.1), without a final dot."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def file(self) -> str:
        """What the private key is called on a host: never the name of another key."""
        return f"{self.domain}.{self.stem}"

    @property
    def path(self) -> str:
        """Where it is on a host."""
        return f"{ON_HOST}/{self.file}"
