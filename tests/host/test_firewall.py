"""Exactly what is served is open."""

import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest
from testinfra.host import Host

from mailwright.model.host import MailHost
from tests.host.state import Socket, Unit


def test_the_firewall_is_loaded_and_starts_at_boot(host: Host, units: dict[str, Unit]) -> None:
    assert units["nftables"].is_enabled
    assert "policy drop" in host.check_output("nft list table inet mailwright")


def test_exactly_the_listed_ports_listen(sockets: list[Socket], mail: MailHost) -> None:
    outside = [s for s in sockets if not s.address.startswith("127.") and s.address != "::1"]
    public = {s.port for s in outside if s.protocol == "tcp"}
    assert public == {listener.port for listener in mail.listeners}


def test_every_listed_port_is_open_and_others_are_not(mail: MailHost) -> None:
    for address in mail.addresses:
        for listener in mail.listeners:
            socket.create_connection((address, listener.port), timeout=5).close()
        for port in (2000, 11332, 11334, 12340):
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
                probe.settimeout(5)
                assert probe.connect_ex((address, port)) != 0


# Listens for half a minute at most on a free port for TCP and UDP, and says on which.
LISTEN = """
python3 - <<'END'
import os, socket, sys, time
tcp = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
udp.bind(("", tcp.getsockname()[1]))
if os.fork():
    print(tcp.getsockname()[1])
    sys.exit()
os.setsid()
for stream in (0, 1, 2):
    os.close(stream)
udp.settimeout(0.1)
end = time.monotonic() + 30
while time.monotonic() < end and not os.path.exists({done!r}):
    try:
        data, sender = udp.recvfrom(99)
        udp.sendto(data, sender)
    except TimeoutError:
        pass
END
"""


@pytest.fixture
def unlisted(host: Host) -> Iterator[int]:
    """A port where somebody listens whom the description does not know."""
    done = f"/run/mailwright-verification-{uuid4()}"
    yield int(host.check_output(LISTEN.format(done=done)))
    host.check_output(f"touch {done}; sleep 0.5; rm {done}")


def test_what_listens_without_being_listed_is_not_reached(
    mail: MailHost, request: pytest.FixtureRequest
) -> None:
    if mail.target == "@local":
        pytest.skip("a host reaches all of itself; verify it from another machine")
    unlisted: int = request.getfixturevalue("unlisted")
    for address in mail.addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as tcp:
            tcp.settimeout(5)
            assert tcp.connect_ex((address, unlisted)) != 0
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.settimeout(2)
            udp.connect((address, unlisted))
            udp.send(b"echo")
            with pytest.raises(OSError):
                udp.recv(99)
