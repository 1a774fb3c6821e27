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
    __file__,
    tree="/etc/mailwright/tls",
    owns=("/etc/mailwright/expiry/run", "/etc/systemd/system/mailwright-expiry.*"),
    modes={
        "/etc/mailwright/tls/*": Mode(bits=0o600),
        "/etc/mailwright/expiry/run": Mode(bits=0o755),
    },
    # What is there stays: beside a new key the old file serves until there is a certificate for it.
    compiled={"/etc/mailwright/tls/*.names": ".pem"},
    asks=("chains /etc/mailwright/tls",),
    renewed=True,
)


@deploy("TLS")
def tls() -> None:
    """Bring the certificates, or the keys and names that they are ordered for."""
    rollout(service=SERVICE, name="Certificate")
