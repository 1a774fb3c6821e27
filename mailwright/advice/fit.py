"""What would fit a mailbox better than what `mail.toml` says, given how it is used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta

from mailwright.advice.usage import Usage
from mailwright.model import size
from mailwright.model.mailbox import Mailbox
from mailwright.model.problems import listed

NEARLY_FULL = 95  # percent
SEVERAL = 5  # clients of POP3 that look like several devices, each of which misses some mail

_NAMES = {"imap": "IMAP", "pop3": "POP3"}  # what a mailbox is read with
_READING = {("imap",): "devices", ("pop3",): "archive", ("imap", "pop3"): "both"}


def advice(box: Mailbox, usages: Mapping[str, Usage], span: timedelta) -> str:
    """One line about a mailbox, empty when all fits; `usages` are of all mailboxes of its host."""
    usage = usages.get(box.address, Usage())
    reasons = [*_logins(box, usage, span), *_members(box, usages, span), *_room(box, usage)]
    return f"{box.address}: {'; '.join(reasons)}" if reasons else ""


def span_words(span: timedelta) -> str:
    """`30 days`, or hours where the journal is younger."""
    hours = int(span / timedelta(hours=1))
    return f"{span.days} days" if span.days > 1 else f"{hours} hours" if hours > 1 else "1 hour"


def _logins(box: Mailbox, usage: Usage, span: timedelta) -> Iterator[str]:
    """What his logins say against the use."""
    if box.suspended or not box.protocols:
        return
    refused = _refused(box, usage)
    used = _NAMES.keys() & usage.logins.keys()
    better = _READING.get(tuple(sorted(used | refused.keys())), box.use)
    if refused:
        times = listed(
            (f"{_NAMES[name]} refused {_times(n)}" for name, n in refused.items()), "and"
        )
        yield f"{box.use} → {better} would let him in: {times}"
    elif not usage.logins:
        yield f"nobody logged in for {span_words(span)}"
    elif not used and _NAMES.keys() & {*box.protocols}:
        yield f"nobody read it for {span_words(span)}, it only sends"
    elif used and used < _NAMES.keys() & {*box.protocols}:
        (name,) = used
        yield f"{box.use} → {better} would do: only {_NAMES[name]}, {_from(usage.logins[name])}"
    elif used == {"pop3"} and len(usage.logins["pop3"]) >= SEVERAL:
        where = _from(usage.logins["pop3"])
        yield f"{box.use} → devices keeps several in step: POP3 {where}"


def _refused(box: Mailbox, usage: Usage) -> dict[str, int]:
    """How often he came with a protocol that is not for him.

    Those who guess passwords come from elsewhere, as long as he is known to come from somewhere.
    """
    known: Collection[str] = usage.clients
    found = {}
    for name in sorted(_NAMES.keys() - {*box.protocols}):
        counts = usage.refused.get(name, {})
        if mine := [n for client, n in counts.items() if not known or client in known]:
            found[name] = sum(mine)
    return found


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _from(counts: Mapping[str, int]) -> str:
    return f"from {len(counts)} address{'es' if len(counts) > 1 else ''}"


def _members(box: Mailbox, usages: Mapping[str, Usage], span: timedelta) -> Iterator[str]:
    if box.use != "shared":
        return
    if not box.members:
        yield "shared with nobody: it has no members"
    elif not any("imap" in usages.get(each.address, Usage()).logins for each in box.members):
        yield f"shared, and no member read by IMAP for {span_words(span)}"


def _room(box: Mailbox, usage: Usage) -> Iterator[str]:
    """How near the quotas are, or how far below what is stored."""
    if not box.stores:
        return
    for used, limit, words in (
        (usage.storage, box.quota, size.about),
        (usage.messages, box.quota_message_count, "{} messages".format),
    ):
        if limit and used > limit:
            yield f"its quota of {words(limit)} is below what is stored, {words(used)}"
        elif limit and used * 100 >= limit * NEARLY_FULL:
            yield f"{used * 100 // limit} % full ({words(used)} of {words(limit)})"
