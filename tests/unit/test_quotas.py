"""Quotas: of everyone, of a domain, of a mailbox; and what is no quota."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import pytest

from mailwright.picture.render import picture
from tests.unit.conftest import Folder

# A line at the top of the file: what it costs.
WRONG = {
    "quota_message_count = 0": "mail.toml: quota_message_count: 0 is no number of messages; expected one such as 50000, or unlimited",
    "quota_message_count = true": "mail.toml: quota_message_count: True is no number of messages; expected one such as 50000, or unlimited",
    'quota_message_count = "10K"': "mail.toml: quota_message_count: '10K' is no number of messages; expected one such as 50000, or unlimited",
    "quota_trash = 10": "mail.toml: quota_trash: 10 is no share of a quota; expected one from 0% to 100%, such as 10%",
    'quota_trash = "101%"': "mail.toml: quota_trash: '101%' is no share of a quota; expected one from 0% to 100%, such as 10%",
    'quota_warnings = ["80%", "0%"]': "mail.toml: quota_warnings: '0%' is no level of a quota; expected a share from 1% to 100%, such as 80%",
    'quota_warnings = "95"': "mail.toml: quota_warnings: '95' is no level of a quota; expected a share from 1% to 100%, such as 80%",
}  # fmt: skip


# A line of a mailbox: what it costs, after the name of the setting.
WRONG_OF_ONE = {
    "quota = true": "quota: True is no size; expected a number with K, M, G or T, such as 500M, or unlimited",
    "quota = 0": "quota: 0 is no size; expected a number with K, M, G or T, such as 500M, or unlimited",
    'quota = ["1G"]': "quota: ['1G'] is no size; expected a number with K, M, G or T, such as 500M, or unlimited",
    "quota_message_count = 1.5": "quota_message_count: 1.5 is no number of messages; expected one such as 50000, or unlimited",
    "quota_message_count = -1": "quota_message_count: -1 is no number of messages; expected one such as 50000, or unlimited",
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG_OF_ONE)
@pytest.mark.parametrize("table", ['mailboxes."alice@example.com"', 'domains."example.com"'])
def test_what_is_no_quota_of_a_mailbox_or_a_domain(folder: Folder, table: str, line: str) -> None:
    folder.mail = folder.mail.replace(f"[{table}]\n", f"[{table}]\n{line}\n")
    assert folder.wrong() == [f"mail.toml: {table}.{WRONG_OF_ONE[line]}"]


@pytest.mark.parametrize("line", WRONG)
def test_what_is_no_quota(folder: Folder, line: str) -> None:
    folder.mail = f"{line}\n{folder.mail}"
    assert folder.wrong() == [WRONG[line]]


def test_a_quota_is_the_mailboxs_or_its_domains_or_the_general_one(folder: Folder) -> None:
    folder.mail = f'quota = "3G"\nquota_message_count = 300\n{folder.mail}'
    domain = '[domains."example.com"]\n'
    folder.mail = folder.mail.replace(domain, f'{domain}quota = "50M"\nquota_message_count = 50\n')
    box = '[mailboxes."{}"]\npassword = "{}"\n{}'
    folder.mail += box.format("own@example.com", folder.hash, 'quota = "7M"\n')
    folder.mail += box.format("any@example.com", folder.hash, 'quota_message_count = "unlimited"\n')
    folder.mail += box.format("compact@example.com", folder.hash, 'use = "compact"\n')
    folder.mail += box.format("general@example.org", folder.hash, "")
    found = {m.address: (m.quota >> 20, m.quota_message_count) for m in folder.load().mailboxes}
    assert found == {
        "alice@example.com": (50, 50),
        "any@example.com": (50, 0),
        "bob@example.org": (2048, 300),
        "compact@example.com": (50, 50),
        "general@example.org": (3072, 300),
        "own@example.com": (7, 50),
    }


def test_a_domain_may_be_unlimited(folder: Folder) -> None:
    domain = '[domains."example.com"]\n'
    folder.mail = folder.mail.replace(domain, f'{domain}quota = "unlimited"\n')
    assert folder.load().mailboxes[0].quota == 0


def test_warnings_are_of_storage_and_of_messages_the_highest_level_first(folder: Folder) -> None:
    folder.mail = f'quota_warnings = ["70%", "90%", "70%"]\n{folder.mail}'
    found = [(w.resource, w.level) for w in folder.load().hosts[0].quota_warnings]
    assert found == [("storage", 90), ("storage", 70), ("messages", 90), ("messages", 70)]


def test_who_wants_no_warnings_gets_none(folder: Folder) -> None:
    folder.mail = f"quota_warnings = []\n{folder.mail}"
    for host in folder.load().hosts:
        assert "_percentage = 95" not in picture(host)["/etc/dovecot/dovecot.conf"]
        assert "quota_warning =" not in picture(host)["/etc/dovecot/dovecot.conf"]


def test_the_last_message_may_go_over_by_a_tenth(folder: Folder) -> None:
    assert folder.load().mailboxes[1].quota_grace == (2 << 30) // 10


NAMES = """
"@example.com" = "alice@example.com"
"first@example.com" = "info@example.com"
"both@example.com" = ["alice@example.com", "carol@example.com"]
"carol@example.com" = ["carol@example.com", "someone@elsewhere.example"]
"sales@example.com" = "carol+sales@example.com"
"out@example.com" = "someone@elsewhere.example"
"there@example.com" = "bob@example.org"
"""


def test_an_alias_has_the_quota_of_the_one_mailbox_that_it_leads_to(folder: Folder) -> None:
    """A list has none, nor what is forwarded; what a mailbox forwards as well makes no list."""
    folder.mail = folder.mail.replace("[aliases]\n", f"[aliases]{NAMES}")
    folder.mail += f'[mailboxes."carol@example.com"]\npassword = "{folder.hash}"\n'
    folder.mail += '[domains."example.biz"]\nalias_of = "example.com"\n'
    host = folder.load().hosts[0]
    assert {name: box and box.address for name, box in host.alias_mailboxes.items()} == {
        "@example.com": "alice@example.com",
        "abuse@example.com": "alice@example.com",
        "both@example.com": None,
        "first@example.com": "alice@example.com",
        "info@example.com": "alice@example.com",
        "out@example.com": None,
        "postmaster@example.com": "alice@example.com",
        "sales@example.com": "carol@example.com",
        "there@example.com": None,
        "@example.biz": "alice@example.com",
        "abuse@example.biz": "alice@example.com",
        "alice@example.biz": "alice@example.com",
        "both@example.biz": None,
        "carol@example.biz": "carol@example.com",
        "first@example.biz": "alice@example.com",
        "info@example.biz": "alice@example.com",
        "out@example.biz": None,
        "postmaster@example.biz": "alice@example.com",
        "sales@example.biz": "carol@example.com",
        "there@example.biz": None,
    }
