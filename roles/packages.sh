# One transaction. roles/packages.py puts PACKAGES and PRESEED in front: a list of names, and lines.
#
# policy-rc.d (invoke-rc.d(8)) keeps maintainer scripts from starting a daemon that has no configuration yet. It says no
# only while the flag in /run exists, so that a run that dies here cannot hold back anything for ever.
set -eu
export DEBIAN_FRONTEND=noninteractive
install -d -m 0755 /run/mailwright
touch /run/mailwright/installing
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '%s\n' '#!/bin/sh' '# mailwright' '[ ! -e /run/mailwright/installing ] || exit 101' >/usr/sbin/policy-rc.d
    chmod 0755 /usr/sbin/policy-rc.d
fi
finish() {
    rm -f /run/mailwright/installing
    ! grep -qs '^# mailwright$' /usr/sbin/policy-rc.d || rm -f /usr/sbin/policy-rc.d
}
trap finish EXIT
trap '' HUP PIPE
apt="apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold"
dpkg --configure -a
echo "$PRESEED" | debconf-set-selections
[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mmin -60 2>/dev/null)" ] || $apt update
$apt install --no-install-recommends $PACKAGES
