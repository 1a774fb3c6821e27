"""Forwarded mail gets an envelope sender of ours, so that SPF holds at the other side.

Opens no port to the world: Postfix asks mailwright-srs on the loopback, at 10001 and 10002. Comes
before `postfix`, whose forwarded mail, and bounces to it, wait while it is down.

Not Debian's PostSRSd: 1.10, which both releases have, makes local parts of more than 64 octets, and
senders with quotes, % or ! do not come back. To keep them right would need a daemon in front of it
that does most of what it does. Not python3-srs either, for the same reason: what is left of it, an
HMAC and a date, it checks by `assert`.

The secret, /etc/mailwright/srs.secret, is made on the host, once, or is what PostSRSd had, whose
senders then stay good; it never leaves the host: whoever has it can relay through it. A host that
is installed anew makes another, and what that costs is the bounces of mail that was forwarded in
the days before. The same goes for /var/lib/mailwright-srs/kept.sqlite, where senders stand that do
not fit into a new one; only root and the service read it.
"""

from pyinfra.api.deploy import deploy

from mailwright.model.services import PORTS
from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Service

PACKAGES = ("python3",)

SERVICE = Service(
    __file__,
    units=("mailwright-srs",),
    tree="/etc/mailwright/srs",
    owns=("/etc/systemd/system/mailwright-srs.service",),
    asks=tuple(f"talk mailwright-srs {PORTS[name]} {name}" for name in ("srs", "srs-reverse")),
)


@deploy("SRS")
def srs() -> None:
    """Install, roll out, run."""
    install(PACKAGES)
    rollout(service=SERVICE, name="SRS")
