"""The host orders its certificates by itself, where that is how it gets them."""

from testinfra.host import Host

from mailwright.model.host import MailHost
from tests.host.state import Unit

SAID = "find /var/lib/mailwright/acme -name"


def test_a_timer_orders_what_is_due(units: dict[str, Unit], mail: MailHost) -> None:
    timer = units["mailwright-acme.timer"]
    assert timer.exists == bool(mail.acme)
    assert not mail.acme or (timer.is_enabled and timer.is_running)


def test_no_order_has_failed(host: Host, mail: MailHost) -> None:
    """In the words that the postmaster has got by mail."""
    assert said(host, mail, "failure") == ""


def test_every_name_leads_to_the_host_so_that_no_certificate_waits_for_it(
    host: Host, mail: MailHost
) -> None:
    assert said(host, mail, "waits") == ""


def said(host: Host, mail: MailHost, what: str) -> str:
    """What the program that orders has written down about each certificate."""
    found = host.run(f"{SAID} {what} -exec cat {{}} +")
    assert found.succeeded or not mail.acme, found.stderr
    return str(found.stdout)
