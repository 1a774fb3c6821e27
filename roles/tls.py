"""The certificate that Postfix and Dovecot show: the operator's own file, brought to the host.

Opens no port. Comes before `postfix` and `dovecot`, which load the file. Private key, certificate
and chain are one file: no daemon ever sees a key beside another key's certificate.
"""

from pyinfra.api.deploy import deploy

from roles.rollout import rollout
from roles.service import Mode, Service

CHAIN = "/etc/mailwright/tls/mail.pem"

SERVICE = Service(
    name="tls",
    tree="/etc/mailwright/tls",
    modes={CHAIN: Mode(bits=0o600)},
    check=f"""
        key=$(openssl pkey -in {CHAIN} -pubout 2>/dev/null) || refuse "{CHAIN}: no private key"
        certificate=$(openssl x509 -in {CHAIN} -noout -pubkey) || refuse "{CHAIN}: no certificate"
        [ "$key" = "$certificate" ] || refuse "key and certificate in {CHAIN} do not match"
    """,
)


@deploy("TLS")
def tls() -> None:
    """Bring the host's certificate."""
    rollout(service=SERVICE, name="Certificate")
