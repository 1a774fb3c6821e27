"""Postfix: takes mail from other servers (25) and from our users (465, 587), and sends it on.

Needs `unbound`, `tls`, `dovecot`, `rspamd`, `srs` and `mta_sts_resolver`. Hands mail for our
mailboxes to Dovecot by LMTP, asks Dovecot for passwords and quotas, and shows each message to
Rspamd; all over UNIX sockets in its queue folder. Forwarded mail takes its sender from `srs`.
"""

from pyinfra.api.deploy import deploy
from pyinfra.context import host

from mailwright.model.services import PORTS
from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Service

PACKAGES = ("postfix", "postfix-lmdb")
# Debian's own main.cf would only be replaced a minute later.
PRESEED = ("postfix postfix/main_mailer_type select No configuration",)

_SERVICES = ("smtp", "submission", "submissions")


@deploy("Postfix")
def postfix() -> None:
    """Install, roll out, run."""
    install(PACKAGES, preseed=PRESEED)
    rollout(service=service(host.data.mail.postfix_unit), name="Postfix")


def service(unit: str) -> Service:
    """Postfix, as the unit that Debian's release has for it."""
    return Service(
        __file__,
        units=(unit,),
        tree="/etc/postfix",
        owns=(
            "/etc/systemd/system/postfix.service.d/*",
            "/etc/systemd/system/postfix@-.service.d/*",
        ),
        loads=("/etc/mailwright/tls/mail.pem", "/etc/resolv.conf"),
        compiled={"/etc/postfix/maps/*": ".lmdb"},
        live=("/etc/postfix/maps/*",),
        asks=tuple(f"talk {unit} {PORTS[name]} {name}" for name in _SERVICES),
    )
