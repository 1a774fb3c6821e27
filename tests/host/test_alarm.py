"""What fails on the host by night is told to the postmaster."""

import pytest
from testinfra.host import Host

from mailwright.model.host import MailHost
from tests.host.state import Unit

ALL = "systemctl list-unit-files --no-legend 'mailwright-*.service' | cut -d ' ' -f 1"
UNSENT = "/var/lib/mailwright/alarm/unsent"
ALARMS = "systemctl list-units --all --no-legend --plain 'mailwright-alarm@*'"


def test_each_unit_that_fails_is_told_of(host: Host) -> None:
    told = host.check_output(f"systemctl show -p Id,OnFailure $({ALL} | grep -v @)").split("\n\n")
    found = [dict(line.split("=", 1) for line in lines.splitlines()) for lines in told]
    assert {"mailwright-expiry.service", "mailwright-purge.service"} <= {u["Id"] for u in found}
    for unit in found:
        assert unit["OnFailure"] == f"mailwright-alarm@{unit['Id']}.service"


def test_what_was_to_be_told_has_been_told(host: Host) -> None:
    """Postfix takes the letters: none is kept, or could not even be written."""
    assert host.check_output(f"grep -rh ^Subject: {UNSENT} || :") == ""
    stuck = [line for line in host.check_output(ALARMS).splitlines() if " inactive " not in line]
    assert stuck == []


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
