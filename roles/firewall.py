"""The firewall: nftables opens exactly the ports that are served, and SSH.

Comes early: each service is asked over the loopback whether it answers, and a firewall that
somebody has changed would stop the deploy before its turn. Connections that exist stay.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Service

PACKAGES = ("nftables",)

SERVICE = Service(
    name="firewall",
    units=("nftables",),
    owns=("/etc/nftables.conf",),
    check="""
        rules=$NEXT/etc/nftables.conf
        [ -e "$rules" ] || rules=/etc/nftables.conf
        nft --check --file "$rules" || refuse "nft refuses /etc/nftables.conf"
    """,
    asks=("table inet mailwright",),
)


@deploy("Firewall")
def firewall() -> None:
    """Install, roll out, run."""
    install(PACKAGES)
    rollout(service=SERVICE, name="Firewall")
