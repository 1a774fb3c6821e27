"""Who may send as which address: whoever it belongs to, and nobody else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailwright import delivery
from mailwright.mail import Mailbox

NOBODY = ("nobody",)  # no login, since logins are addresses


def sender_logins(
    mailboxes: Mapping[str, Mailbox],
    aliases: Iterable[str],
    owners: Mapping[str, frozenset[str]],
) -> dict[str, tuple[str, ...]]:
    """For each address the logins that may send as it, in the order of the addresses.

    A mailbox is its own, and its `send_as` may as well; an alias belongs to the mailboxes among
    its `owners`; a catch-all's owner may send as all that nobody else has. What has no owner here
    is kept from the catch-all's.
    """
    logins: dict[str, tuple[str, ...]] = {
        name: tuple(sorted((name, *box.send_as))) for name, box in mailboxes.items()
    }
    some = [alias for alias in aliases if alias not in mailboxes]
    caught = {alias for alias in some if alias.startswith("@")}
    for alias in some:
        reached = {delivery.entry(end, mailboxes) for end in owners[alias]}
        if mine := {login for name in reached if name in mailboxes for login in logins[name]}:
            logins[alias] = tuple(sorted(mine))
        elif f"@{alias.rpartition('@')[2]}" in caught:
            logins[alias] = NOBODY
    return dict(sorted(logins.items()))
