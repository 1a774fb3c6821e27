"""What Postfix asks before it sends: which TLS a domain wants."""

import pytest
from testinfra.host import Host

from mailwright.host import MailHost

UNITS = ["postfix-mta-sts-resolver", "mailwright-tls-policy"]


@pytest.mark.parametrize("unit", UNITS)
def test_what_tells_policies_runs_and_starts_at_boot(host: Host, unit: str) -> None:
    assert host.service(unit).is_running, f"{unit} is down: all outgoing mail waits"
    assert host.service(unit).is_enabled


def test_postfix_is_answered(host: Host) -> None:
    """1 and no word is how postmap(1) says that there is no policy; a dead daemon has words."""
    asked = host.run("postmap -q lost.invalid $(postconf -hx smtp_tls_policy_maps)")
    assert (asked.rc, asked.stderr) == (1, "")


def test_the_world_cannot_ask(host: Host, mail: MailHost) -> None:
    listening = host.check_output(
        "ss -H -l -n -t '( sport = 8461 or sport = 8462 )' | awk '{print $4}'"
    )
    assert {line.rpartition(":")[0].strip("[]") for line in listening.split()} == {mail.loopback}
