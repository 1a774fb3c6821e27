"""The host itself: its name, its clock, and the tools that every later role leans on.

Opens no port. Comes first: Postfix greets with the host's name, TLS and DKIM need the right time.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Service

# By Python the host is asked whether it serves.
PACKAGES = ("ca-certificates", "openssl", "python3", "systemd-timesyncd")

SERVICE = Service(
    name="base",
    owns=("/etc/hostname", "/etc/hosts", "/etc/mailname"),
    # Debian's installer maps the host's own name to 127.0.1.1; a mail server that finds itself
    # there thinks that its MX is somebody else, hence /etc/hosts is ours.
    activate="""
        hostname -F /etc/hostname
        systemctl enable -q systemd-timesyncd
        systemctl start systemd-timesyncd
    """,
    asks=("name",),
)


@deploy("Base")
def base() -> None:
    """Name the host and set its clock."""
    install(PACKAGES)
    rollout(service=SERVICE, name="Host name and clock")
