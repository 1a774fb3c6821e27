"""Mail that was accepted for a mailbox of the host reaches it, or somebody is told."""

from testinfra.host import Host

from tests.host.state import Unit


def test_the_queue_is_looked_at_each_hour(units: dict[str, Unit]) -> None:
    assert units["mailwright-waiting.timer"].is_running
    assert units["mailwright-waiting.timer"].is_enabled


def test_nothing_waits_for_a_mailbox_of_ours_unless_it_is_full(host: Host) -> None:
    """After five days it would go back, so whatever is wrong is to be mended before."""
    looked = host.run("/etc/mailwright/waiting/run 60")
    assert (looked.stdout, looked.rc) == ("", 0)
