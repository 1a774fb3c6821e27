"""Postfix: takes mail from other servers (25) and from our users (465, 587), and sends it on.

Needs `unbound`, `tls`, `dovecot`, `rspamd`, `srs` and `mta_sts_resolver`. Hands mail for our
mailboxes to Dovecot by LMTP, asks Dovecot for passwords and quotas, and shows each message to
Rspamd; all over UNIX sockets in its queue folder. Forwarded mail takes its sender from `srs`.
"""

from pyinfra.api.deploy import deploy
from pyinfra.context import host

from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Service

PACKAGES = ("postfix", "postfix-lmdb")
# Debian's own main.cf would only be replaced a minute later.
PRESEED = ("postfix postfix/main_mailer_type select No configuration",)


@deploy("Postfix")
def postfix() -> None:
    """Install, roll out, run."""
    install(PACKAGES, preseed=PRESEED)
    rollout(service=service(host.data.mail.postfix_unit), name="Postfix")


def service(unit: str) -> Service:
    """Postfix, as the unit that Debian's release has for it."""
    return Service(
        name="postfix",
        units=(unit,),
        tree="/etc/postfix",
        owns=(
            "/etc/systemd/system/postfix.service.d/*",
            "/etc/systemd/system/postfix@-.service.d/*",
        ),
        loads=("/etc/mailwright/tls/mail.pem", "/etc/resolv.conf"),
        compiled={"/etc/postfix/maps/*": ".lmdb"},
        live=("/etc/postfix/maps/*",),
        build="""
            for map in /etc/postfix/maps/*; do
                case $map in *.lmdb) continue ;; esac
                [ -e "$map.lmdb" ] || quiet postmap "lmdb:$map"
            done
        """,
        # The first `postfix check` may bring the chroot's copies of /etc up to date, and says so;
        # the second is silent. What it lets pass, postconf's warnings and each map show.
        check="""
            postfix check >/dev/null 2>&1 || :
            quiet postfix check
            words=$(postconf -n 2>&1 >/dev/null) || :
            [ -z "$words" ] || refuse "$words"
            words=$(postconf -M 2>&1 >/dev/null) || :
            [ -z "$words" ] || refuse "$words"
            lists=$(postconf -xn; postconf -P)
            names=$(echo "$lists" | sed -n 's/.*_restrictions = //p' | tr ', ' '\\n\\n')
            for name in $names; do
                # smtpd tells an unknown name from a known one only when a client is there.
                case $name in *:*) continue ;; esac
                grep -awqF -e "$name" "$(postconf -hx daemon_directory)/smtpd" ||
                    refuse "smtpd knows no restriction $name"
            done
            maps=$(postconf -xn | grep -o 'lmdb:[^, ]*' | sort -u)
            for map in $maps; do
                postmap -q nobody@invalid "$map" || [ $? -eq 1 ] || refuse "no map $map"
                [ -e "${map#lmdb:}.lmdb" ] || refuse "no map $map"
            done
        """,
        # What waits in a queue that is not ours yet was addressed by somebody else's aliases; now
        # by these. What its owner holds stays held.
        activate=f"""
            [ -e "$LOADED" ] || {{
                systemctl stop {unit}
                postsuper -r ALL incoming active deferred
            }}
            serve
        """,
        asks=(
            f"talk {unit} 25 smtp",
            f"talk {unit} 587 submission",
            f"talk {unit} 465 submissions",
        ),
        probe="""
            postfix status
            /etc/dovecot/retry
        """,
    )
