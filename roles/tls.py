"""The certificates: Postfix and Dovecot show the host's, nginx that of each web site.

Opens no port. Comes before `postfix`, `dovecot` and `nginx`, which load the files. Private key,
certificate and chain are one file: no daemon ever sees a key beside another key's certificate. It
is the operator's own, or ordered by `acme`; until then a temporary one serves, made here and
trusted by nobody. Each day a timer looks whether one ends soon, wherever it is from.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.service import Mode, Service

CHAIN = "/etc/mailwright/tls/mail.pem"

SERVICE = Service(
    name="tls",
    tree="/etc/mailwright/tls",
    owns=("/etc/mailwright/expiry/run", "/etc/systemd/system/mailwright-expiry.*"),
    modes={
        "/etc/mailwright/tls/*": Mode(bits=0o600),
        "/etc/mailwright/expiry/run": Mode(bits=0o755),
    },
    # What is there stays: beside a new key the old file serves until there is a certificate for it.
    compiled={"/etc/mailwright/tls/*.names": ".pem"},
    build="""
        umask 077
        pair() {
            key=$(openssl pkey -in "$1" -pubout 2>/dev/null) &&
                [ "$key" = "$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null)" ]
        }
        cd /etc/mailwright/tls
        find . -name '*.names' | while read -r names; do
            pem=${names%.names}.pem
            ! pair "$pem" || continue
            key=${names%.names}.key
            made=$(mktemp -d)
            [ -e "$key" ] || {
                key=$made/key
                openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key"
            }
            list=$(sed '/^#/d; s/^/DNS:/' "$names" | paste -sd ,)
            openssl req -x509 -new -key "$key" -subj "/CN=temporary" -days 365 \\
                -addext "subjectAltName=$list" -out "$made/certificate"
            cat "$key" "$made/certificate" >"$pem.new"
            rm -rf "$pem"
            mv "$pem.new" "$pem"
            rm -r "$made"
        done
    """,
    check="""
        program=$NEXT/etc/mailwright/expiry/run
        [ ! -e "$program" ] || sh -n "$program" || refuse "/etc/mailwright/expiry/run is no shell"
        for chain in $(find /etc/mailwright/tls -name '*.pem'); do
            key=$(openssl pkey -in "$chain" -pubout 2>/dev/null) || refuse "$chain: no private key"
            certificate=$(openssl x509 -in "$chain" -noout -pubkey) ||
                refuse "$chain: no certificate"
            [ "$key" = "$certificate" ] || refuse "key and certificate in $chain do not match"
        done
    """,
    activate="""
        systemctl daemon-reload
        systemctl enable -q --now mailwright-expiry.timer
    """,
    asks=("chains /etc/mailwright/tls",),
    renewed=True,
)


@deploy("TLS")
def tls() -> None:
    """Bring the certificates, or the keys and names that they are ordered for."""
    rollout(service=SERVICE, name="Certificate")
