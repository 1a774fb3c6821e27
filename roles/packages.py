"""Debian's packages, all roles' in one transaction, with the daemons held back until they are configured.

Each role names its own packages with `install`. pyinfra prepares every role before it runs the first
operation, so that the first `install` that runs knows all of them.
"""

import shlex
from collections.abc import Iterator, Sequence

from pyinfra import host
from pyinfra.api import StringCommand, operation

from roles.rollout import forget, observe, wrong_release

_WANTED = "mailwright packages"

# policy-rc.d (invoke-rc.d(8)) keeps maintainer scripts from starting a daemon that has no configuration yet. It says
# no only while the flag in /run exists, so that a run that dies here cannot hold back anything for ever.
_SCRIPT = r"""
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
printf '%s\n' "$PRESEED" | debconf-set-selections
[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mmin -60 2>/dev/null)" ] || $apt update
$apt install --no-install-recommends $PACKAGES
"""


def install(packages: Sequence[str], preseed: Sequence[str] = ()) -> None:
    """Have these packages on the host; `preseed` are answers for debconf-set-selections(1)."""
    wanted = host.connector_data.setdefault(_WANTED, ([], []))
    wanted[0].extend(packages)
    wanted[1].extend(preseed)
    _install(name=f"Packages: {', '.join(packages)}")


@operation()
def _install() -> Iterator[StringCommand]:
    """One transaction for all that the roles of this run want and the host lacks."""
    seen = observe()
    yield from wrong_release(seen)
    packages, preseed = host.connector_data[_WANTED]
    missing = sorted(set(packages) - seen.packages)
    if not missing:
        host.noop("all packages are installed")
        return
    forget()
    yield StringCommand(
        f"PACKAGES={shlex.quote(' '.join(missing))}\nPRESEED={shlex.quote(chr(10).join(preseed))}\n{_SCRIPT}"
    )
    forget()
