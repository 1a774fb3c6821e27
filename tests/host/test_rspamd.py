"""Rspamd: who may reach it, and that it accepts its own configuration."""

import pytest
from testinfra.host import Host

from tests.host.letters import GTUBE
from tests.host.state import Socket, Unit


def test_rspamd_runs_and_starts_at_boot(units: dict[str, Unit]) -> None:
    assert units["rspamd"].is_running
    assert units["rspamd"].is_enabled


def test_rspamd_accepts_its_configuration(host: Host) -> None:
    assert "syntax OK" in host.check_output("rspamadm configtest")


def test_rspamd_listens_on_no_port(sockets: list[Socket]) -> None:
    assert not [s for s in sockets if s.protocol == "tcp" and "rspamd" in s.process]


def test_only_postfix_reaches_the_milter(host: Host) -> None:
    folder = host.check_output("stat -c '%U %G %a' /var/spool/postfix/rspamd")
    assert folder == "_rspamd postfix 750"


@pytest.mark.parametrize(("body", "known"), [("Hello.", False), (f"Y{GTUBE.strip()}", True)])
def test_rspamd_knows_the_test_string_for_spam(host: Host, body: str, known: bool) -> None:
    """The other tests send it, and what comes from a client like theirs may be spam without it."""
    scan = "runuser -u vmail -- rspamc -h /run/mailwright/rspamd/controller.sock"
    said = host.check_output(f"printf 'From: a@sender.invalid\\n\\n{body}\\n' | {scan}")
    assert ("Symbol: GTUBE" in said) == known
