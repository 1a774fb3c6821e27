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

from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Service

PACKAGES = ("python3",)

SERVICE = Service(
    name="srs",
    units=("mailwright-srs",),
    tree="/etc/mailwright/srs",
    owns=("/etc/systemd/system/mailwright-srs.service",),
    build="""
        secret=/etc/mailwright/srs.secret
        [ -e "$LOADED" ] || [ -s $secret ] || (
            umask 077
            if [ -s /etc/postsrsd.secret ]; then cat /etc/postsrsd.secret
            else head -c 24 /dev/urandom | base64; fi >$secret.new
            mv $secret.new $secret
        )
    """,
    check="""
        secret=/etc/mailwright/srs.secret
        [ -s $secret ] ||
            refuse "$secret is missing: restore it from a backup, or make one with" \\
                "'(umask 077; openssl rand -base64 24 >$secret)'"
        [ "$(stat -c %a%u $secret)" = 6000 ] || refuse "$secret is not root's alone (mode 600)"
        program=/etc/mailwright/srs/run
        quiet python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' $program
    """,
    # PostSRSd, which a deploy before this one set up, sits on the ports.
    activate="""
        systemctl daemon-reload
        if systemctl cat postsrsd >/dev/null 2>&1; then
            systemctl disable -q --now postsrsd
            rm -rf /etc/mailwright/rollout/postsrsd
        fi
        enable
        restart
    """,
    asks=("talk mailwright-srs 10001 srs", "talk mailwright-srs 10002 srs-reverse"),
)


@deploy("SRS")
def srs() -> None:
    """Install, roll out, run."""
    install(PACKAGES)
    rollout(service=SERVICE, name="SRS")
