"""Mail of mailboxes that are gone, deleted from the day on that mail.toml names.

Opens no port. A timer runs it every day, and a deploy that changes the list does at once. Comes
after `dovecot`, which by then has told who still has a mailbox; theirs is never deleted.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.service import Mode, Service

SERVICE = Service(
    __file__,
    tree="/etc/mailwright/purge",
    owns=("/etc/systemd/system/mailwright-purge.*",),
    modes={"/etc/mailwright/purge/run": Mode(bits=0o755)},
    warns=True,
)


@deploy("Purge")
def purge() -> None:
    """Roll out, run."""
    rollout(service=SERVICE, name="Mail to delete")
