"""Mail of mailboxes that are gone is deleted by the host itself."""

from testinfra.host import Host

from mailwright.model.host import MailHost
from tests.host.state import Unit


def test_a_timer_deletes_what_is_due(units: dict[str, Unit]) -> None:
    """Whatever its day, what is on the list now was looked at with success."""
    timer = units["mailwright-purge.timer"]
    assert timer.is_enabled
    assert timer.is_running
    assert units["mailwright-purge"].properties["Result"] == "success"


def test_the_list_is_of_nobody_who_has_a_mailbox(host: Host, mail: MailHost) -> None:
    listed = {line.split()[2] for line in _lines(host)}
    assert listed == {purge.home for purge in mail.purges}
    assert not listed & {mailbox.home for mailbox in mail.mailboxes}


def _lines(host: Host) -> list[str]:
    lines = str(host.file("/etc/mailwright/purge/list").content_string).splitlines()
    return [line for line in lines if not line.startswith("#")]
