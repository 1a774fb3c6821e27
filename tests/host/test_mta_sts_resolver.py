"""What Postfix asks before it sends: which TLS a domain wants."""

import pytest
from testinfra.host import Host

from mailwright.model.host import MailHost
from tests.host.state import Socket, Unit

UNITS = ["postfix-mta-sts-resolver", "mailwright-tls-policy"]


@pytest.mark.parametrize("unit", UNITS)
def test_what_tells_policies_runs_and_starts_at_boot(units: dict[str, Unit], unit: str) -> None:
    assert units[unit].is_running, f"{unit} is down: all outgoing mail waits"
    assert units[unit].is_enabled


def test_postfix_is_answered(host: Host) -> None:
    """1 and no word is how postmap(1) says that there is no policy; a dead daemon has words."""
    asked = host.run("postmap -q lost.invalid $(postconf -hx smtp_tls_policy_maps)")
    assert (asked.rc, asked.stderr) == (1, "")


def test_the_world_cannot_ask(sockets: list[Socket], mail: MailHost) -> None:
    asked = [s for s in sockets if s.protocol == "tcp" and s.port in (8461, 8462)]
    assert {socket.address for socket in asked} == {mail.loopback}
