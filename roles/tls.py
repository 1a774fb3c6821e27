"""The certificates: Postfix and Dovecot show the host's, nginx that of each web site.

Opens no port. Comes before `postfix`, `dovecot` and `nginx`, which load the files. Private key,
certificate and chain are one file: no daemon ever sees a key beside another key's certificate.
"""

from pyinfra.api.deploy import deploy

from roles.rollout import rollout
from roles.service import Mode, Service

SERVICE = Service(
    name="tls",
    tree="/etc/mailwright/tls",
    modes={"/etc/mailwright/tls/*": Mode(bits=0o600)},
    check="""
        for chain in $(find /etc/mailwright/tls -name '*.pem'); do
            key=$(openssl pkey -in "$chain" -pubout 2>/dev/null) || refuse "$chain: no private key"
            certificate=$(openssl x509 -in "$chain" -noout -pubkey) ||
                refuse "$chain: no certificate"
            [ "$key" = "$certificate" ] || refuse "key and certificate in $chain do not match"
        done
    """,
)


@deploy("TLS")
def tls() -> None:
    """Bring the certificates."""
    rollout(service=SERVICE, name="Certificate")
