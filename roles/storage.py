"""Gives the space of deleted messages back each night, where mail is kept as mdbox.

Opens no port. Comes after `dovecot`, whose configuration says how mail is kept.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.service import Mode, Service

SERVICE = Service(
    __file__,
    tree="/etc/mailwright/storage",
    owns=("/etc/systemd/system/mailwright-compact.*",),
    modes={"/etc/mailwright/storage/*": Mode(bits=0o755)},
)


@deploy("Storage")
def storage() -> None:
    """Roll out, run."""
    rollout(service=SERVICE, name="Space of deleted mail")
