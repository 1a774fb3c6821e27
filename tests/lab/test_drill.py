"""What was acknowledged arrives, whatever happens to a host: the short form of tests/drill.py."""

import sys
from pathlib import Path

from lab.lab import Lab
from tests.drill import SHORT, Drill, harms
from tests.lab.deploys import HOSTS
from tests.lab.test_deploy import ask


def test_no_acknowledged_letter_is_lost_or_bounced(servers: Lab, inventory: Path) -> None:
    wanted = [harm for harm in harms() if harm.name in SHORT]
    assert len(wanted) == len(SHORT)
    drill = Drill(servers, inventory)
    drill.run(wanted, HOSTS)
    assert drill.failures() == []
    for host in HOSTS:
        assert all(drill.during(host, harm) for harm in wanted[:1])


ANSWERS = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 25, timeout=30) as client:
    try:
        client.sendmail("a@sender.invalid", [sys.argv[2]], "Subject: x\\r\\n\\r\\nHello.\\r\\n")
        print(250)
    except smtplib.SMTPRecipientsRefused as error:
        print(*(code for code, _ in error.recipients.values()))
    except smtplib.SMTPResponseException as error:
        print(error.smtp_code)
"""


def test_without_the_filter_mail_waits_outside(servers: Lab, host: str) -> None:
    """Neither let through unjudged nor refused."""
    user = host.replace("mail.", "devices@")
    ask(servers, host, "systemctl stop rspamd")
    try:
        said = servers.run([sys.executable, "-c", ANSWERS, host, user], capture_output=True)
        assert said.stdout.strip()[:1] == "4", said.stdout + said.stderr
    finally:
        ask(servers, host, "systemctl start rspamd")
