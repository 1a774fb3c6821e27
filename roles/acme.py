"""Certificates from an authority that is asked by ACME (RFC 8555), ordered by the host itself.

The authority looks at port 80 (HTTP-01), where the web server shows what lies in the challenges'
folder. Comes last: an order needs the firewall, and a new certificate needs every daemon that is to
show it. uacme is the client because it is one small C program that takes a key that is not its own
and leaves the rest to us: when to order, what to serve, and how that is proven.
"""

from pyinfra.api.deploy import deploy
from pyinfra.context import host
from pyinfra.operations import server

from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Mode, Service

PACKAGES = ("uacme", "python3-cryptography", "python3-dnspython")

SERVICE = Service(
    __file__,
    tree="/etc/mailwright/acme",
    owns=("/etc/systemd/system/mailwright-acme.*",),
    modes={"*.toml": Mode(bits=0o600), "/etc/mailwright/acme/*": Mode(bits=0o755)},
    loads=("/etc/mailwright/tls/*.key", "/etc/mailwright/tls/*.names"),
)


@deploy("ACME")
def acme() -> None:
    """Install, roll out, order what is due."""
    if host.data.mail.acme:
        install(PACKAGES)
    done = rollout(service=SERVICE, name="ACME")
    # Apart from the rollout, whose lock a new certificate waits for. The host's own is ordered
    # first, within seconds; what takes longer goes on in the background. An order that does not
    # succeed yet is no failure of this deploy: the old certificate serves.
    if host.data.mail.acme:
        server.shell(
            commands=["timeout 30 systemctl restart mailwright-acme.service || :"],
            name="Order what is due",
            _if=done.did_change,
        )
