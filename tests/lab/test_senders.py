"""A domain that is sent from two hosts: the one that does not store it signs as well."""

from pathlib import Path

import pytest

from lab.lab import Lab
from tests.lab.deploys import verification
from tests.lab.test_deploy import ask

# Until it takes mail again, Postfix puts everything off.
RESTART = """
systemctl restart rspamd
timeout 60 perl -MIO::Socket::UNIX -e '
    sleep 1 until IO::Socket::UNIX->new("/var/spool/postfix/rspamd/milter.sock")
'
"""
ELSEWHERE = {"mail.example.com": "caught.example", "mail.example.org": "example.net"}


@pytest.mark.parametrize("host", ELSEWHERE)
def test_verification_names_the_domain_whose_key_a_host_lacks(
    deployed: Lab, inventory: Path, host: str
) -> None:
    domain = ELSEWHERE[host]
    ask(deployed, host, f"rm /etc/rspamd/dkim/{domain}.*; {RESTART}")
    test = f"in_the_name_of_another_hosts_domain and {host}"
    said = verification(deployed, inventory, test, "tests/host/test_mail.py")
    assert f"signed with [], not with [('{domain}'," in said
