"""Gives the space of deleted messages back each night, where mail is kept as mdbox.

Opens no port. Comes after `dovecot`, whose configuration says how mail is kept.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.service import Mode, Service

SERVICE = Service(
    name="storage",
    tree="/etc/mailwright/storage",
    owns=("/etc/systemd/system/mailwright-compact.*",),
    modes={"/etc/mailwright/storage/*": Mode(bits=0o755)},
    check="""
        compact=/etc/mailwright/storage/compact
        [ ! -e $compact ] || words=$(sh -n $compact 2>&1) || refuse "$words"
    """,
    activate="""
        if [ -e /etc/mailwright/storage/compact ]; then
            systemctl daemon-reload
            systemctl enable -q --now mailwright-compact.timer
        else
            # Before systemd knows that its file is gone, which it would take for a failure.
            systemctl stop mailwright-compact.timer 2>/dev/null || :
            rm -f /etc/systemd/system/timers.target.wants/mailwright-compact.timer
            systemctl daemon-reload
            systemctl reset-failed 'mailwright-compact.*' 2>/dev/null || :
        fi
    """,
)


@deploy("Storage")
def storage() -> None:
    """Roll out, run."""
    rollout(service=SERVICE, name="Space of deleted mail")
