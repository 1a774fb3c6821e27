"""Everything that is on a used host, and whether the register of state knows of it."""

from dataclasses import dataclass

from lab.lab import Lab
from mailwright.model.host import MailHost
from mailwright.model.state import ROLLOUTS, Entry, entry, register
from mailwright.picture.render import picture

# Every file, and what daemons may put something into; `new` since the first deploy has begun. What
# lies in /root, /opt and /usr/local is the operator's, here the tests'.
_SINCE = f"{ROLLOUTS}/base/original"
_PATHS = "find /etc /home /run /srv /tmp /var"
_PATHS += " ! -type d -o -path '/var/*' -type d -empty"
_SHELL = f"{_PATHS} | perl -lne '$then //= (lstat q({_SINCE}))[10];"
_SHELL += " print +((lstat)[10] >= $then ? q(new ) : q(old )), $_'"
_PACKAGES = "cat /var/lib/dpkg/info/*.list"
_LABS = "/etc/unbound/unbound.conf.d/lab.conf"


@dataclass(frozen=True)
class Walk:
    """The entries of the register for a host that have something on it, and what none has."""

    host: MailHost
    seen: frozenset[Entry]
    unknown: list[str]


def walk(lab: Lab, host: MailHost) -> Walk:
    """Look at what neither a deploy nor a package has brought."""
    brought = {*_lines(lab, host.name, _PACKAGES), *picture(host), _LABS}
    seen, unknown = set(), []
    for line in _lines(lab, host.name, _SHELL):
        age, _, path = line.partition(" ")
        if path in brought:
            continue
        if found := entry(path):
            seen.add(found)
        elif age == "new":
            unknown.append(path)
    return Walk(host, frozenset(seen), sorted(unknown))


def dead(*walks: Walk) -> set[str]:
    """The entries that none of these hosts has anything of."""
    known = {entry for each in walks for entry in register(each.host)}
    return {entry.name for entry in known.difference(*(each.seen for each in walks))}


def _lines(lab: Lab, host: str, shell: str) -> list[str]:
    done = lab.ssh(host, shell, capture_output=True)
    assert done.returncode == 0, done.stderr
    return str(done.stdout).splitlines()
