"""Dovecot keeps the mailboxes: IMAP (143, 993), POP3 (110, 995) and ManageSieve (4190).

Needs `tls`. Takes mail from Postfix by LMTP and answers its questions about passwords and quotas,
over UNIX sockets in Postfix's queue folder; comes before `postfix`, which asks it at once.
"""

from pyinfra.api.deploy import deploy
from pyinfra.api.facts import FactBase
from pyinfra.context import host

from mailwright.model.services import PORTS
from rollout.observed import Observed, observe
from rollout.operation import rollout
from rollout.packages import install, refuse
from rollout.service import Mode, Service

PACKAGES = (
    "dovecot-imapd",
    "dovecot-pop3d",
    "dovecot-lmtpd",
    "dovecot-sieve",
    "dovecot-managesieved",
)

USERS = "/etc/dovecot/users/"

_SHOWN = 20
_SERVICES = ("imap", "imaps", "pop3", "pop3s", "sieve")

SERVICE = Service(
    __file__,
    units=("dovecot",),
    tree="/etc/dovecot",
    owns=(
        "/etc/apt/preferences.d/mailwright-dovecot",
        "/etc/systemd/system/dovecot.service.d/*",
        "/etc/sysusers.d/mailwright-dovecot.conf",
        "/etc/tmpfiles.d/mailwright-dovecot.conf",
    ),
    # The authentication process reads the hashes as user dovecot.
    modes={
        "/etc/dovecot/users/*": Mode("root", "dovecot", 0o640),
        "/etc/dovecot/quota-warning": Mode(bits=0o755),
        "/etc/dovecot/retry": Mode(bits=0o755),
        "/etc/dovecot/subscribe": Mode(bits=0o755),
        "/etc/dovecot/pipe/*": Mode(bits=0o755),
    },
    loads=("/etc/mailwright/tls/mail.pem",),
    compiled={"/etc/dovecot/sieve/*.sieve": ".svbin"},
    live=("/etc/dovecot/users/*",),
    warns=True,
    asks=(
        *(f"talk dovecot {PORTS[name]} {name}" for name in _SERVICES),
        "talk dovecot /var/spool/postfix/private/dovecot-lmtp lmtp",
        "talk dovecot /var/spool/postfix/private/auth auth",
        "talk dovecot /var/spool/postfix/private/quota-status policy",
    ),
)


@deploy("Dovecot")
def dovecot() -> None:
    """Install, roll out, run."""
    refuse(inherited)
    install(PACKAGES)
    rollout(service=SERVICE, name="Dovecot")


class Left(FactBase[frozenset[str]]):
    """The folders of mail on the host that are no mailbox's there."""

    def command(self) -> str:
        """A look at each folder and no file, but where nobody has a mailbox."""
        return f"{SERVICE.shell}left"

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
