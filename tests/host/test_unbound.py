"""The resolver: everything on the host asks it, it validates, and nobody else can ask."""

import socket

import pytest
from testinfra.host import Host

from mailwright.model.host import MailHost
from tests.host.state import Socket, Unit


def test_unbound_runs_and_starts_at_boot(units: dict[str, Unit]) -> None:
    assert units["unbound"].is_running, "unbound is down: all outgoing mail waits"
    assert units["unbound"].is_enabled


def test_answers_are_validated_up_to_the_root(host: Host) -> None:
    assert "(secure)" in host.check_output("unbound-host -rDvt SOA .")


@pytest.mark.parametrize("file", ["/etc/resolv.conf", "/var/spool/postfix/etc/resolv.conf"])
def test_nothing_on_the_host_asks_another_resolver(host: Host, mail: MailHost, file: str) -> None:
    """Postfix in its chroot reads a copy; another resolver would turn DANE off unseen."""
    lines = host.file(file).content_string.splitlines()
    assert [line for line in lines if line.startswith("nameserver")] == [
        f"nameserver {mail.loopback}"
    ]


def test_the_world_cannot_ask_it(sockets: list[Socket], mail: MailHost) -> None:
    assert {s.address for s in sockets if s.port == 53} == {mail.loopback}
    with pytest.raises(OSError):
        socket.create_connection((mail.name, 53), timeout=2)
