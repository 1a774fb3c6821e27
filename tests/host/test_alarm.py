"""What fails on the host by night is told to the postmaster."""

import pytest
from testinfra.host import Host

from mailwright.host import MailHost
from tests.host.state import Unit


@pytest.mark.parametrize("unit", ["mailwright-expiry", "mailwright-waiting", "mailwright-acme"])
def test_a_unit_that_fails_is_told_of(units: dict[str, Unit], mail: MailHost, unit: str) -> None:
    there = units[unit].exists
    assert there == (unit != "mailwright-acme" or bool(mail.acme))
    told = units[unit].properties["OnFailure"]
    assert told == (f"mailwright-alarm@{unit}.service.service" if there else "")


def test_the_postmaster_is_who_reads_it(host: Host, mail: MailHost) -> None:
    assert f"\nTo: <{mail.postmaster}>\n" in host.file("/etc/mailwright/alarm/run").content_string


@pytest.mark.parametrize(
    "unit",
    [
        *("dovecot", "mailwright-srs", "mailwright-tls-policy", "nginx", "postfix"),
        *("postfix-mta-sts-resolver", "redis-server", "rspamd", "unbound"),
    ],
)
def test_a_daemon_that_dies_comes_back_and_one_that_cannot_is_told_of(
    units: dict[str, Unit], mail: MailHost, unit: str
) -> None:
    name = mail.postfix_unit if unit == "postfix" else unit
    if not units[name].exists:
        assert (unit, mail.has_web) == ("nginx", False)
        return
    assert units[name].properties["Restart"] == "always"
    assert units[name].properties["OnFailure"] == f"mailwright-alarm@{name}.service.service"
