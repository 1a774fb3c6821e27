"""Exactly what is served is open."""

import socket

from testinfra.host import Host

from mailwright.host import MailHost
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
