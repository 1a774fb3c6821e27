"""What a machine says of itself, and what that means for a deploy."""

import pytest

from mailwright.check import preflight
from mailwright.check.preflight import Candidate
from mailwright.model.host import MailHost
from tests.unit.conftest import Folder

NOW = 1_800_000_000.0
READY = """\
user 0 root
release debian 12
clock 1800000001
memory 1005000
disk / 9000000 500000
disk /var/cache/apt 900000 -
address 127.0.0.1
address 198.51.100.10
address 2001:db8::10
listener 22 sshd 0.0.0.0
listener 53 unbound 127.0.0.1
outgoing 198.51.100.90 220
outgoing 2001:db8::90 554
end
"""
CASES = [
    ("", "", []),
    ("user 0 root", "user 1000 admin", ["sudo"]),
    ("release debian 12", "release debian 13", ["release"]),
    ("release debian 12", "release ubuntu 12", ["release"]),
    ("release debian 12", "release debian testing", ["release"]),
    ("clock 1800000001", "clock 1800000059", []),
    ("clock 1800000001", "clock 1799999900", ["clock"]),
    ("clock 1800000001", "clock 1800000100", ["clock"]),
    ("memory 1005000", "memory 500000", ["memory"]),
    ("disk / 9000000", "disk / 1000000", ["disk /"]),
    ("disk / 9000000 500000", "disk / 9000000 100", ["disk /"]),
    ("disk / 9000000 500000", "disk / 9000000 0", []),  # btrfs counts no inodes
    ("disk /var/cache/apt 900000", "disk /var/cache/apt 90000", ["disk /var/cache/apt"]),
    ("address 2001:db8::10", "address 2001:db8::11", ["address"]),
    ("listener 53 unbound 127.0.0.1", "listener 25 master *", []),
    ("listener 53 unbound 127.0.0.1", "listener 993 stunnel4 *", ["port 993"]),
    ("end", "mta postfix", ["mta"]),
    ("end", "mta postfix\ndeployed", []),
    ("end", "mta sendmail-bin\ndeployed", ["mta"]),
    ("outgoing 198.51.100.90 220", "outgoing 198.51.100.90 ", ["outgoing ipv4"]),
    ("outgoing 2001:db8::90 554", "", ["outgoing ipv6"]),
]


@pytest.fixture
def host(folder: Folder) -> MailHost:
    return next(host for host in folder.load().hosts if host.debian == 12)


@pytest.mark.parametrize(("was", "is_", "kinds"), CASES)
def test_each_fault_is_named_and_nothing_else(
    host: MailHost, was: str, is_: str, kinds: list[str]
) -> None:
    assert was in READY
    lines = READY.replace(was, is_, 1).splitlines()
    machine = Candidate(host, tuple(tuple(line.split()) for line in lines if line), NOW)
    peers = ["198.51.100.90", "2001:db8::90"]
    found = [*preflight.judged(machine), *preflight.outgoing(machine, "elsewhere.example", peers)]
    assert [kind for kind, *_ in found] == kinds


def test_it_is_said_from_which_address_mail_leaves_where_the_named_one_is_not_there(
    host: MailHost,
) -> None:
    said = READY.replace("address 2001:db8::10", "address 2001:db8::11")
    said = said.replace("end\n", "source 198.51.100.99\nsource 2001:db8::11\nend\n")
    machine = Candidate(host, tuple(tuple(line.split()) for line in said.splitlines()), NOW)
    ((kind, _, what, _),) = preflight.judged(machine)
    assert kind == "address"
    assert what == "has no 2001:db8::10 at any interface: mail leaves it from 2001:db8::11"


SUDO = [
    (False, False, "", 1),
    (True, False, "", 0),
    (True, False, "sudo: a password is required", 1),
    (True, True, "sudo: a password is required", 0),
]


@pytest.mark.parametrize(("has_sudo", "has_password", "said", "faults"), SUDO)
def test_a_user_must_be_able_to_become_root(
    host: MailHost, has_sudo: bool, has_password: bool, said: str, faults: int
) -> None:
    lines = (
        ("user", "1000", "admin"),
        ("sudo", *said.split()),
        *(("address", ip) for ip in host.addresses),
    )
    found = preflight.judged(Candidate(host, lines, NOW, has_sudo, has_password))
    assert [kind for kind, *_ in found] == ["sudo"] * faults


def test_a_peer_that_is_not_found_is_nobody_s_fault(host: MailHost) -> None:
    found = list(preflight.outgoing(Candidate(host, (), NOW), "nowhere.example", []))
    assert [(kind, str(level)) for kind, level, *_ in found] == [("outgoing", "unasked")]
