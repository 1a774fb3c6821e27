# One transaction. rollout/packages.py puts PACKAGES, PRESEED and EARLY in front, a list of names, and lines; and queues.sh.
#
# policy-rc.d (invoke-rc.d(8)) keeps maintainer scripts from starting a daemon that has no configuration yet. It says no
# only while the flag in /run exists, so that a run that dies here cannot hold back anything for ever.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
install -d -m 0755 /run/mailwright
touch /run/mailwright/installing
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '%s\n' '#!/bin/sh' '# mailwright' '[ ! -e /run/mailwright/installing ] || exit 101' >/usr/sbin/policy-rc.d
    chmod 0755 /usr/sbin/policy-rc.d
fi
stopped=
finish() {
    rm -f /run/mailwright/installing
    ! grep -qs '^# mailwright$' /usr/sbin/policy-rc.d || rm -f /usr/sbin/policy-rc.d
    for unit in $stopped; do systemctl start "$unit" 2>/dev/null || :; done
}
trap finish EXIT
trap '' HUP PIPE
apt="apt-get -q -y -o Dpkg::Options::=--force-confold"
said=/run/mailwright/packages.log
PATIENCE=120

# patient COMMAND...: again, for two minutes, while another program holds a lock that it needs.
patient() {
    until "$@" >"$said" 2>&1; do
        holder=$(sed -nE 's/.*(held by process|locked by .* with pid) ([0-9]+).*/\2/p' "$said" | tail -n 1)
        [ -n "$holder" ] || { cat "$said" && return 1; }
        [ "$PATIENCE" -gt 0 ] || {
            name=$(cat "/proc/$holder/comm" 2>/dev/null) || name="a program"
            echo "$name (process $holder) is at work on the packages of this host: deploy again when it has ended" >&2
            exit 1
        }
        PATIENCE=$((PATIENCE - 2))
        sleep 2
    done
    cat "$said"
}

# The units of a package that now run; on Debian 12 Exim still has a script of System V.
running() {
    dpkg -L "$1" | sed -nE 's#^.*/systemd/system/([^/@]+[.](service|socket|timer))$#\1#p; s#^/etc/init[.]d/(.+)#\1.service#p' |
        sort -u | while read -r unit; do ! systemctl is-active -q "$unit" || echo "$unit"; done
}

# Without a main.cf postconf fails, and takes a second for it: whenever systemd looks at its units again (Debian 12:
# postfix-instance-generator), dozens of times until Postfix has its own. This one serves nobody, should the run die.
case " $PACKAGES " in
    *" postfix "*)
        [ -e /etc/postfix/main.cf ] || {
            install -d -m 0755 /etc/postfix
            printf '%s\n' '# mailwright' 'master_service_disable = inet unix fifo pass' 'alias_database =' >/etc/postfix/main.cf
        }
        ;;
esac

echo "$PRESEED" | debconf-set-selections
# What a run that died has begun. A package may be there, and what it depends on not yet. One of the operator's that lacks
# something is not ours to remove.
half=
patient dpkg --configure -a || half=yes
[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mmin -60 2>/dev/null)" ] || patient $apt update
[ -z "$half" ] || patient $apt install --no-install-recommends --fix-broken --no-remove || {
    echo "a package on this host is broken: mend it or remove it there (dpkg --configure -a says more), and deploy again" >&2
    exit 1
}
patient $apt install --no-install-recommends --download-only $PACKAGES
# policy-rc.d keeps a package that goes from stopping its daemon, which would sit on our ports for ever.
for package in $($apt -s install --no-install-recommends $PACKAGES | sed -n 's/^Remv \([^ ]*\).*/\1/p'); do
    for unit in $(running "$package"); do
        systemctl stop "$unit"
        stopped="$stopped $unit"
    done
done
case " $PACKAGES " in
    *" postfix "*) late=$(waiting) ;; # what arrived since we looked first, and nothing more can
    *) late= ;;
esac
[ -z "$late" ] || { echo "mail has arrived in a queue that must be empty; deploy again: $late" >&2; exit 1; }
echo "$EARLY" | while read -r package command; do
    [ -z "$package" ] || (
        until [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ]; do
            [ -e /run/mailwright/installing ] || exit
            sleep 1
        done
        timeout 120 flock "/run/mailwright/$package.early" $command
    ) >/dev/null 2>&1 </dev/null &
done
patient $apt install --no-install-recommends $PACKAGES
stopped=
