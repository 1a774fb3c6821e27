"""Rspamd signs what our users send, and judges what arrives by SPF, DKIM and DMARC.

It refuses a header From that is not the sender's own, and learns from mail that users move. Opens
no port: Postfix reaches it over a UNIX socket in its queue folder, Dovecot over another. Comes
after `dovecot`, whose account may teach it, and `redis`, and before `postfix`.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Mode, Service

PACKAGES = ("rspamd",)
# At its first start it compiles the list of top-level domains, for ten seconds of one core, and
# keeps the result.
EARLY = "runuser -u _rspamd -- rspamadm mime urls /dev/null"

SERVICE = Service(
    name="rspamd",
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
    modes={"/etc/rspamd/dkim/*": Mode("root", "_rspamd", 0o640)},
    # It opens a key for each message that it signs; without it, mail goes out unsigned.
    lasting=("/etc/rspamd/dkim/*",),
    check="""
        words=$(rspamadm configtest 2>&1) || refuse "$words"
        case $words in *"syntax OK"*) ;; *) refuse "$words" ;; esac
    """,
    activate="""
        systemd-tmpfiles --create mailwright-rspamd.conf
        # A reload would not bring the new group.
        id -nG _rspamd | grep -qw redis || systemctl stop rspamd
        systemd-sysusers mailwright-rspamd.conf
        flock /run/mailwright/rspamd.early true
        main=$(systemctl show -p MainPID --value rspamd)
        before=$(cat "/proc/$main/task/$main/children" 2>/dev/null) || :
        serve
    """,
    asks=(
        "talk rspamd /var/spool/postfix/rspamd/milter.sock milter",
        "talk rspamd /run/mailwright/rspamd/controller.sock controller",
    ),
    # It compiles its tables first, which takes seconds.
    patience=180,
    # After a reload the old workers still end the sessions that they have, for up to 16 seconds.
    retire="""
        for process in $before; do ends "$process"; done
    """,
)


@deploy("Rspamd")
def rspamd() -> None:
    """Install, roll out, run."""
    install(PACKAGES, early=EARLY)
    rollout(service=SERVICE, name="Rspamd")
