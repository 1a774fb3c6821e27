"""How other domains want to be reached: MTA-STS, unless they have DANE.

Opens no port to the world: Postfix asks mailwright-tls-policy on the loopback at 8462, and that
asks Debian's mta-sts-daemon at 8461. Needs `unbound`; comes before `postfix`, whose outgoing mail
waits while one of them is down.
"""

from pyinfra.api.deploy import deploy

from mailwright.model.services import PORTS
from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Service

PACKAGES = ("postfix-mta-sts-resolver", "python3-dnspython")

SERVICE = Service(
    __file__,
    units=("postfix-mta-sts-resolver", "mailwright-tls-policy"),
    tree="/etc/mailwright/tls-policy",
    owns=(
        "/etc/mta-sts-daemon.yml",
        "/etc/systemd/system/mailwright-tls-policy.service",
        "/etc/systemd/system/postfix-mta-sts-resolver.service.d/*",
    ),
    loads=("/etc/resolv.conf",),
    # The question goes through both, and from there to the resolver.
    asks=(f"talk mailwright-tls-policy {PORTS['tls-policy']} socketmap",),
    patience=30,
)


@deploy("MTA-STS resolver")
def mta_sts_resolver() -> None:
    """Install, roll out, run."""
    install(PACKAGES)
    rollout(service=SERVICE, name="MTA-STS resolver")
