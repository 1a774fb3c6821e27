"""Mail of mailboxes that are gone, deleted from the day on that mail.toml names.

Opens no port. A timer runs it every day, and a deploy that changes the list does at once. Comes
after `dovecot`, which by then has told who still has a mailbox; theirs is never deleted.
"""

from pyinfra.api.deploy import deploy

from roles.rollout import rollout
from roles.service import Mode, Service

SERVICE = Service(
    name="purge",
    tree="/etc/mailwright/purge",
    owns=("/etc/systemd/system/mailwright-purge.*",),
    modes={"/etc/mailwright/purge/run": Mode(bits=0o755)},
    check="sh -n /etc/mailwright/purge/run",
    activate="""
        systemctl daemon-reload
        systemctl enable -q --now mailwright-purge.timer
        systemctl start mailwright-purge.service ||
            refuse "$(journalctl -qn 5 -o cat -u mailwright-purge.service)"
    """,
)


@deploy("Purge")
def purge() -> None:
    """Roll out, run."""
    rollout(service=SERVICE, name="Mail to delete")
