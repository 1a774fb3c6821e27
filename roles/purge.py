"""Mail of mailboxes that are gone, deleted from the day on that mail.toml names.

Opens no port. A timer runs it every day, and a deploy that changes the list does at once. Comes
after `dovecot`, which by then has told who still has a mailbox; theirs is never deleted.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.service import Mode, Service

SERVICE = Service(
    name="purge",
    tree="/etc/mailwright/purge",
    owns=("/etc/systemd/system/mailwright-purge.*",),
    modes={"/etc/mailwright/purge/run": Mode(bits=0o755)},
    check="sh -n /etc/mailwright/purge/run",
    activate="""
        systemctl daemon-reload
        systemctl enable -q --now mailwright-purge.timer
        # What it names for the first time is there, or nothing of it will ever be deleted.
        while read -r day address home; do
            [ "$day" = "#" ] || [ -d "$home" ] ||
                grep -qsF " $address $home" "$OLD/etc/mailwright/purge/list" ||
                echo "$address: nothing lies in $home, so nothing of it will be deleted"
        done </etc/mailwright/purge/list >"$WARNING"
        systemctl start mailwright-purge.service ||
            refuse "$(journalctl -qn 5 -o cat -u mailwright-purge.service)"
    """,
    warns=True,
)


@deploy("Purge")
def purge() -> None:
    """Roll out, run."""
    rollout(service=SERVICE, name="Mail to delete")
