"""Looks each hour whether mail waits for mailboxes of the host, and tells the postmaster.

Opens no port. Comes after `postfix`, whose queue it reads, and `alarm`, which writes the mail.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.service import Mode, Service

SERVICE = Service(
    name="waiting",
    tree="/etc/mailwright/waiting",
    owns=("/etc/systemd/system/mailwright-waiting.*",),
    modes={"/etc/mailwright/waiting/run": Mode(bits=0o755)},
    check="sh -n /etc/mailwright/waiting/run",
    activate="""
        systemctl daemon-reload
        systemctl enable -q --now mailwright-waiting.timer
    """,
)


@deploy("Waiting")
def waiting() -> None:
    """Roll out, run."""
    rollout(service=SERVICE, name="Mail that waits")
