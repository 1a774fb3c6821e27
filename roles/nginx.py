"""nginx, the web server (443): MTA-STS policies, and the settings that mail programs ask for.

Needs `tls`, and comes before `firewall`. At port 80 it shows the challenges of an authority that is
asked by ACME, and nothing else. A host without web sites and ACME has none.
"""

from dataclasses import replace

from pyinfra.api.deploy import deploy
from pyinfra.context import host

from roles.packages import install
from roles.rollout import rollout
from roles.service import Service

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
    activate="""
        systemctl daemon-reload
        serve
    """,
    probe="""
        conf=/etc/nginx/nginx.conf
        ask='exec 3<>/dev/tcp/localhost/80; printf "HEAD / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'
        ! grep -q 'listen 80 ' $conf || answers 'HTTP/1.1 *' bash -c "$ask" ||
            refuse "port 80 does not answer"
        name=$(sed -n 's/^ *server_name \\([^ ;]*\\).*/\\1/p' $conf | head -n 1)
        ask='printf "HEAD / HTTP/1.0\\r\\nHost: $0\\r\\n\\r\\n" |
            timeout 5 openssl s_client -quiet -connect localhost:443 -servername "$0" 2>/dev/null'
        [ -z "$name" ] || answers 'HTTP/1.1 *' bash -c "$ask" "$name" ||
            refuse "port 443 does not answer as $name"
    """,
)

# What is left where there are no sites any more.
NONE = replace(
    SERVICE,
    units=(),
    build=":",
    check=":",
    activate="""
        systemctl daemon-reload
        systemctl disable -q --now nginx
    """,
    probe=":",
)


@deploy("nginx")
def nginx() -> None:
    """Install, roll out, run; or stop."""
    if host.data.mail.has_web:
        install(PACKAGES)
        rollout(service=SERVICE, name="nginx")
    else:
        rollout(service=NONE, name="No nginx")
