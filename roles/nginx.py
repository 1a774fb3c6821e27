"""nginx, the web server (443): MTA-STS policies, and the settings that mail programs ask for.

Needs `tls`. At port 80 it shows the challenges of an authority that is
asked by ACME, and nothing else. A host without web sites and ACME has none.
"""

from dataclasses import replace

from pyinfra.api.deploy import deploy
from pyinfra.context import host

from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Service

PACKAGES = ("nginx",)

SERVICE = Service(
    name="nginx",
    units=("nginx",),
    tree="/etc/nginx",
    owns=("/etc/systemd/system/nginx.service.d/*",),
    loads=("/etc/mailwright/tls/web/*",),
    compiled={"/etc/nginx/sites/*.plist": ".mobileconfig"},
    build="quiet sh /etc/nginx/sign",
    # A warning is a refusal as well. It says of each run that the syntax is ok.
    check="""
        words=$(nginx -t 2>&1) || refuse "$words"
        case $words in *"[warn]"*) refuse "$words" ;; esac
    """,
    asks=("web nginx", "signed /etc/nginx/sites"),
    renewed=True,
)

# What is left where there are no sites any more.
NONE = replace(
    SERVICE,
    units=(),
    asks=(),
    build=":",
    check=":",
    activate="""
        systemctl daemon-reload
        systemctl disable -q --now nginx
    """,
)


@deploy("nginx")
def nginx() -> None:
    """Install, roll out, run; or stop."""
    if host.data.mail.has_web:
        install(PACKAGES)
        rollout(service=SERVICE, name="nginx")
    else:
        rollout(service=NONE, name="No nginx")
