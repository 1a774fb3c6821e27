"""Unbound, the host's own validating resolver: without DNSSEC there is no DANE.

Opens no port to the world: it answers on the loopback at 53, and /etc/resolv.conf names nothing
else. Comes before `rspamd` and `postfix`, which ask it. Its trust anchor is Debian's
(dns-root-data, then RFC 5011). What would write /etc/resolv.conf again, a DHCP client or
NetworkManager, is told not to; systemd-resolved leaves a file alone that is not its own link.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Service

PACKAGES = ("unbound", "unbound-host", "dns-root-data")

SERVICE = Service(
    name="unbound",
    units=("unbound",),
    tree="/etc/unbound",
    owns=(
        "/etc/resolv.conf",
        "/etc/dhcp/dhclient-enter-hooks.d/mailwright",
        "/etc/dhcpcd.enter-hook",
        "/etc/NetworkManager/conf.d/mailwright.conf",
        "/etc/systemd/system/unbound.service.d/*",
    ),
    # The first start would bring the anchor, but the check wants it before.
    build="/usr/libexec/unbound-helper root_trust_anchor_update",
    check='words=$(unbound-checkconf 2>&1) || refuse "$words"',
    # Its sockets are opened once: a reload would keep the old ones.
    activate="""
        enable
        restart
    """,
    # A host that resolves nothing is worse off than before, so the old resolv.conf comes back then.
    asks=("resolver",),
)


@deploy("Unbound")
def unbound() -> None:
    """Install, roll out, run."""
    install(PACKAGES)
    rollout(service=SERVICE, name="Unbound")
