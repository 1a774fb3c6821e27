"""Where mailboxes lie on their hosts: one store each, on the host that serves the mailbox."""

from __future__ import annotations

from collections.abc import Mapping

from mailwright.inventory.places import Places
from mailwright.model.domain import Domain
from mailwright.model.mailbox import Mailbox
from mailwright.model.problems import Problem


def check(
    mailboxes: Mapping[str, Mailbox],
    domains: Mapping[str, Domain],
    places: Places,
    found: list[Problem],
) -> None:
    """No two mailboxes share a store, and none is on another host; what is wrong goes to `found`.

    A store's domain may be gone from mail.toml: its folder on the host stays.
    """
    taken: dict[str, str] = {}
    for box in sorted(mailboxes.values(), key=lambda box: box.stored_as is not None):
        if (other := taken.setdefault(box.store, box.address)) != box.address:
            where = places.setting("mailboxes", box.address, "stored_as")
            what, expected = f"is where the mail of {other} lies", "a store of its own"
            found.append(Problem(where, what, box.store, expected))
        here, there = (domains.get(name.rpartition("@")[2]) for name in (box.address, box.store))
        if here and there and here.host != there.host:
            where = places.setting("mailboxes", box.address, "stored_as")
            what, hint = f"is on {there.host}, the mailbox on {here.host}", "mail does not move"
            found.append(Problem(where, what, box.store, "both on one host", hint))
