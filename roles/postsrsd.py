"""PostSRSd gives forwarded mail an envelope sender of ours, so that SPF holds at the other side.

Opens no port to the world: Postfix asks it on the loopback, at 10001 and 10002. Comes before
`postfix`. Its secret, /etc/postsrsd.secret, is made on the host by Debian's package, once, and
never leaves it: whoever has it can relay through the host. A host that is installed anew makes
another, and what that costs is the bounces of mail that was forwarded in the days before.
"""

from pyinfra.api.deploy import deploy

from roles.packages import install
from roles.rollout import rollout
from roles.service import Service

PACKAGES = ("postsrsd",)

SERVICE = Service(
    name="postsrsd",
    units=("postsrsd",),
    owns=("/etc/default/postsrsd",),
    check="""
        [ -s /etc/postsrsd.secret ] ||
            refuse "/etc/postsrsd.secret is missing: restore it from a backup, or make one with" \\
                "'(umask 077; openssl rand -base64 24 >/etc/postsrsd.secret)'"
        [ "$(stat -c %a%u /etc/postsrsd.secret)" = 6000 ] ||
            refuse "/etc/postsrsd.secret is not root's alone (mode 600)"
    """,
    activate="""
        systemctl enable -q postsrsd
        restart
    """,
    probe="""
        . /etc/default/postsrsd
        ask='exec 3<>"/dev/tcp/$0/$1"; echo get someone@sender.invalid >&3; read -r -t 5 line <&3
            echo "$line"'
        for try in $(seq 20); do
            line=$(bash -c "$ask" "$SRS_LISTEN_ADDR" "$SRS_FORWARD_PORT" 2>/dev/null) || :
            case $line in "200 SRS0="*) return 0 ;; esac
            sleep 0.5
        done
        refuse "PostSRSd answers '$line' where an address of $SRS_DOMAIN is expected"
    """,
)


@deploy("PostSRSd")
def postsrsd() -> None:
    """Install, roll out, run."""
    install(PACKAGES)
    rollout(service=SERVICE, name="PostSRSd")
