"""Mail that a mailbox would inherit: that of whoever had its address before."""

from pathlib import Path

from pyinfra.api.facts import FactBase
from pyinfra.context import host

from roles.observed import Observed, observe

USERS = "/etc/dovecot/users/"

_SCRIPT = Path(__file__).with_name("stores.sh").read_text()
_SHOWN = 20


class Left(FactBase[frozenset[str]]):
    """The folders of mail on the host that are no mailbox's there."""

    def command(self) -> str:
        """A look at each folder and no file, but where nobody has a mailbox."""
        return _SCRIPT

    def process(self, output: list[str]) -> frozenset[str]:
        """One line each."""
        return frozenset(output)


def inherited() -> str:
    """What to tell the operator of new mailboxes whose mail somebody left; empty when none is.

    The host is asked when its users files will change, and not before the first deploy: what a
    server set up by hand has in its folders is its mailboxes'.
    """
    seen = observe()
    if seen is None or "dovecot" not in seen.loaded or not _changes(seen):
        return ""
    left = host.get_fact(Left) or frozenset()
    found = [
        f"{box.address} is new, and {box.home} holds what somebody left"
        for box in host.data.mail.mailboxes
        if box.stores and not box.keeps_mail and box.home in left
    ]
    if not found:
        return ""
    lines = found[:_SHOWN]
    lines += [f"and {len(found) - _SHOWN} more"] if found[_SHOWN:] else []
    lines.append(
        "whoever logs in there would read it: have it deleted first ('mailwright mailbox purge'),"
        " or say whose it is: stored_as = its own address ('mailwright mailbox add --keep-mail')"
    )
    return "\n".join(lines)


def _changes(seen: Observed) -> bool:
    picture = host.data.picture
    paths = [path for path in picture if path.startswith(USERS)]
    return any(seen.files.get(path, ("",) * 4)[3] != picture.digest(path) for path in paths)
