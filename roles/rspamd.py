"""Rspamd signs what our users send, and judges what arrives by SPF, DKIM and DMARC.

It refuses a header From that is not the sender's own, and learns from mail that users move. Opens
no port: Postfix reaches it over a UNIX socket in its queue folder, Dovecot over another. Comes
after `dovecot`, whose account may teach it, and `redis`, and before `postfix`.
"""

from pyinfra.api.deploy import deploy

from mailwright.model.dkim import ON_HOST
from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Mode, Service

PACKAGES = ("rspamd",)
# At its first start it compiles the list of top-level domains, for ten seconds of one core, and
# keeps the result.
EARLY = "runuser -u _rspamd -- rspamadm mime urls /dev/null"

SERVICE = Service(
    __file__,
    units=("rspamd",),
    tree="/etc/rspamd",
    owns=(
        "/etc/systemd/system/rspamd.service.d/*",
        "/etc/sysusers.d/mailwright-rspamd.conf",
        "/etc/tmpfiles.d/mailwright-rspamd.conf",
    ),
    live=("/etc/rspamd/maps/*",),
    loads=("/etc/resolv.conf",),
    merges=("/etc/rspamd/local.d/*", "/etc/rspamd/override.d/*", "/etc/rspamd/rspamd.conf.*"),
    modes={f"{ON_HOST}/*": Mode("root", "_rspamd", 0o640)},
    # It opens a key for each message that it signs; without it, mail goes out unsigned.
    lasting=(f"{ON_HOST}/*",),
    asks=(
        "talk rspamd /var/spool/postfix/rspamd/milter.sock milter",
        "talk rspamd /run/mailwright/rspamd/controller.sock controller",
    ),
    # It compiles its tables first, which takes seconds.
    patience=180,
)


@deploy("Rspamd")
def rspamd() -> None:
    """Install, roll out, run."""
    install(PACKAGES, early=EARLY)
    rollout(service=SERVICE, name="Rspamd")
