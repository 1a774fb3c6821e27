"""Mail to the postmaster when something that the host does by itself has failed.

Opens no port. A unit of ours says `OnFailure=mailwright-alarm@%n.service`. Needs `postfix` by the
time that something fails.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.service import Mode, Service

SERVICE = Service(
    name="alarm",
    tree="/etc/mailwright/alarm",
    owns=("/etc/systemd/system/mailwright-alarm*",),
    modes={"/etc/mailwright/alarm/run": Mode(bits=0o755)},
    check="""
        words=$(sh -n /etc/mailwright/alarm/run 2>&1) || refuse "$words"
    """,
    activate="systemctl daemon-reload",
)


@deploy("Alarm")
def alarm() -> None:
    """Roll out."""
    rollout(service=SERVICE, name="Alarm")
