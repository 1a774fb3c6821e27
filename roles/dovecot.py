"""Dovecot keeps the mailboxes: IMAP (143, 993), POP3 (110, 995) and ManageSieve (4190).

Needs `tls`. Takes mail from Postfix by LMTP and answers its questions about passwords and quotas,
over UNIX sockets in Postfix's queue folder; comes before `postfix`, which asks it at once.
"""

from pathlib import Path

from pyinfra.api.deploy import deploy
from pyinfra.api.facts import FactBase
from pyinfra.context import host

from rollout.observed import Observed, observe
from rollout.operation import rollout
from rollout.packages import install, refuse
from rollout.service import Mode, Service

PACKAGES = (
    "dovecot-imapd",
    "dovecot-pop3d",
    "dovecot-lmtpd",
    "dovecot-sieve",
    "dovecot-managesieved",
)

USERS = "/etc/dovecot/users/"

_SCRIPT = Path(__file__).with_name("dovecot_left.sh").read_text()
_SHOWN = 20

SERVICE = Service(
    name="dovecot",
    units=("dovecot",),
    tree="/etc/dovecot",
    owns=(
        "/etc/apt/preferences.d/mailwright-dovecot",
        "/etc/systemd/system/dovecot.service.d/*",
        "/etc/sysusers.d/mailwright-dovecot.conf",
        "/etc/tmpfiles.d/mailwright-dovecot.conf",
    ),
    # The authentication process reads the hashes as user dovecot.
    modes={
        "/etc/dovecot/users/*": Mode("root", "dovecot", 0o640),
        "/etc/dovecot/quota-warning": Mode(bits=0o755),
        "/etc/dovecot/retry": Mode(bits=0o755),
        "/etc/dovecot/subscribe": Mode(bits=0o755),
        "/etc/dovecot/pipe/*": Mode(bits=0o755),
    },
    loads=("/etc/mailwright/tls/mail.pem",),
    compiled={"/etc/dovecot/sieve/*.sieve": ".svbin"},
    live=("/etc/dovecot/users/*",),
    # sievec resolves mail_uid, so the account comes first. Of a wrong setting it says only that
    # there is one, so doveconf, the check of the whole, reads them before it. Without -c it would
    # take those of the Dovecot that runs. The paths of scripts are those of the inventory.
    build="""
        [ -z "$LIVE" ] || return 0
        accounts=$NEXT/etc/sysusers.d/mailwright-dovecot.conf
        [ -e "$accounts" ] || accounts=${accounts#"$NEXT"}
        systemd-sysusers "$accounts"
        [ "$(id -u vmail)" = 5000 ] || refuse "the account vmail has uid $(id -u vmail); expected" \
            "5000 (usermod -u 5000 vmail; chown -R vmail /var/vmail)"
        foreign=
        [ -e "$LOADED" ] || foreign=$(find /var/vmail ! -user vmail -print -quit 2>/dev/null) || :
        [ -z "$foreign" ] || refuse "$foreign is not vmail's (chown -R vmail: /var/vmail)"
        # Mail in the other format would be there, and nobody would find it.
        driver=maildir other=mdbox
        ! grep -Eq '^mail_(driver|location) = mdbox' /etc/dovecot/dovecot.conf ||
            driver=mdbox other=Maildir
        hidden=$(find -L /var/vmail -mindepth 3 -maxdepth 3 -name "$other" -exec find -L {} \
            -type f '(' -path '*/cur/*' -o -path '*/new/*' -o -path '*/storage/m.*' ')' \
            -print -quit ';' 2>/dev/null | sort | head -n 1)
        [ -z "$hidden" ] || refuse "mail_driver is $driver, and mail that is kept otherwise" \
            "would not be found ($hidden); leave mail_driver as it was, or move that mail away"
        words=$(doveconf -n 2>&1 >/dev/null) || refuse "$words"
        [ -z "$words" ] || refuse "$words"
        cd /etc/dovecot
        refused=
        for script in $(find sieve -name '*.sieve' | sort); do
            name=$(basename "$script" .sieve)
            words=$(sievec -c /etc/dovecot/dovecot.conf "$script" 2>&1) && continue
            words=$(echo "$words" | sed "/Fatal:/d; s|^$name: line |$script:|; s|^$name:|$script:|")
            refused="$refused
$words"
        done
        [ -z "$refused" ] || refuse "${refused#?}"
    """,
    activate="""
        systemd-tmpfiles --create mailwright-dovecot.conf
        serve
        # An mdbox is there once it was opened; members find theirs before its first mail has come.
        ! grep -Eq '^mail_(driver|location) = mdbox' /etc/dovecot/dovecot.conf || {
            appears /run/dovecot/auth-userdb
            sed -n 's|^Shared/\\([^/ ]*\\) .*|\\1|p' /etc/dovecot/acl | sort -u >"$OLD/shared"
            doveadm mailbox status -F "$OLD/shared" messages INBOX >/dev/null
        }
        # Dovecot looks at most once in a second whether such a file is another (passwd-file).
        [ -z "$LIVE" ] || sleep 1 &
        old=$OLD/etc/dovecot
        diff -rN $old/users /etc/dovecot/users >"$OLD/difference" || [ $? = 1 ]
        wait
        if [ -n "$LIVE" ]; then
            sed -n 's/^> //p' "$OLD/difference"
        else
            cat /etc/dovecot/users/*
        fi | /etc/dovecot/subscribe
        # Who may do less than before, or has another password, must not stay logged in; mail
        # programs connect again by themselves.
        { cat "$OLD/difference"; diff -N $old/acl /etc/dovecot/acl; } |
            sed -nE 's/^< ([^:/ ]+@[^:/ ]+)[:/].*/\\1/p; s/^< .* user=([^ ]+) .*/\\1/p
                s/^< .* group=([^ ]+) .*/*@\\1/p' >"$OLD/less"
        doveadm who -1 2>/dev/null |
            awk 'NR == FNR { less[$1]; next } { all = $1; sub(/.*@/, "*@", all) }
                $1 in less || all in less { print $1 }' "$OLD/less" - | sort -u |
            while read -r user; do doveadm kick "$user" >/dev/null 2>&1 || :; done
        # Whose own line is another one may have more than he now may.
        sed -nE 's/^[<>] ([^:/ ]+@[^:/ ]+):.*/\\1/p' "$OLD/difference" |
            sort | uniq -d >"$WARNING.users"
        [ ! -s "$WARNING.users" ] ||
            timeout 60 doveadm -f tab quota get -F "$WARNING.users" | awk -F '\\t' '
                NR > 1 && $5 ~ /^[1-9]/ && $4 > $5 + 0 { print $1, $3, $4, $5 }
            ' | while read -r user kind stored limit; do
                case $kind in
                STORAGE) limit=$(($limit << 10)) stored=$(($stored << 10)) unit= ;;
                *) unit=" messages" ;;
                esac
                amounts=$(numfmt --to=iec --delimiter=/ --field=1,2 "$limit/$stored")
                echo "$user: its quota of ${amounts%/*}$unit is below what is stored," \\
                    "${amounts#*/}$unit"
            done >"$WARNING"
        rm -f "$WARNING.users" "$OLD/difference"
    """,
    warns=True,
    asks=(
        "talk dovecot 143 imap",
        "talk dovecot 993 imaps",
        "talk dovecot 110 pop3",
        "talk dovecot 995 pop3s",
        "talk dovecot 4190 sieve",
        "talk dovecot /var/spool/postfix/private/dovecot-lmtp lmtp",
        "talk dovecot /var/spool/postfix/private/auth auth",
        "talk dovecot /var/spool/postfix/private/quota-status policy",
    ),
    # It answers, so what came meanwhile need not wait any longer.
    probe="/etc/dovecot/retry",
)


@deploy("Dovecot")
def dovecot() -> None:
    """Install, roll out, run."""
    refuse(inherited)
    install(PACKAGES)
    rollout(service=SERVICE, name="Dovecot")


class Left(FactBase[frozenset[str]]):
    """The folders of mail on the host that are no mailbox's there."""

    def command(self) -> str:
        """A look at each folder and no file, but where nobody has a mailbox."""
        return _SCRIPT

    def process(self, output: list[str]) -> frozenset[str]:
        """One line each."""
        return frozenset(output)


def inherited() -> str:
    """What to tell the operator of new mailboxes whose mail somebody left; empty when none is.

    The host is asked when its users files will change, and not before the first deploy: what a
    server set up by hand has in its folders is its mailboxes'.
    """
    seen = observe()
    if seen is None or "dovecot" not in seen.loaded or not _changes(seen):
        return ""
    left = host.get_fact(Left) or frozenset()
    found = [
        f"{box.address} is new, and {box.home} holds what somebody left"
        for box in host.data.mail.mailboxes
        if box.stores and not box.keeps_mail and box.home in left
    ]
    if not found:
        return ""
    lines = found[:_SHOWN]
    lines += [f"and {len(found) - _SHOWN} more"] if found[_SHOWN:] else []
    lines.append(
        "whoever logs in there would read it: have it deleted first ('mailwright mailbox purge'),"
        " or say whose it is: stored_as = its own address ('mailwright mailbox add --keep-mail')"
    )
    return "\n".join(lines)


def _changes(seen: Observed) -> bool:
    picture = host.data.picture
    paths = [path for path in picture if path.startswith(USERS)]
    return any(seen.files.get(path, ("",) * 4)[3] != picture.digest(path) for path in paths)
