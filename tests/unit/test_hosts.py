"""Mistakes in hosts.py."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

from pathlib import Path

import pytest

from mailwright.inventory.load import load
from mailwright.inventory.machine import USUAL, pyinfra_settings
from mailwright.model.capacity import Capacity
from mailwright.model.problems import Invalid, Problems
from tests.unit.conftest import Folder


def only(host: str) -> str:
    return f'mail = [("mail.example.com", {host})]'


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(Problems) as caught:
        load(tmp_path / "nowhere")
    hint = "expected an inventory folder (make one with 'mailwright init')"
    assert str(caught.value) == f"{tmp_path}/nowhere: is missing; {hint}"


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Problems, match="file: is no folder; expected an inventory folder"):
        load(tmp_path / "file")


def test_missing_files_are_reported_together(folder: Folder) -> None:
    with pytest.raises(Problems) as caught:
        load(folder.path)
    assert str(caught.value).splitlines() == [
        "hosts.py: is missing; expected a pyinfra inventory",
        "mail.toml: is missing; expected the domains and mailboxes",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("mail = [\n(", "hosts.py:2: is no Python: '(' was never closed"),
        ("import os\nmail = [os.environ['NOT_SET_ANYWHERE']]", "hosts.py:2: KeyError: 'NOT_SET_ANYWHERE'"),
        ("def f():\n    1/0\nf()\n", "hosts.py:2: ZeroDivisionError: division by zero"),
        ("open('/nowhere/at/all')", "hosts.py:1: FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'"),
        ("raise SystemExit('stop')", "hosts.py:1: SystemExit: stop"),
        ("", "hosts.py: has no hosts; expected a list named mail"),
        ("mail = []", "hosts.py: has no hosts; expected a list named mail"),
        ("mails = ['mail.example.com']", "hosts.py: 'mail' has no group of hosts (did you mean 'mails'?)"),
        ("mail = [5]", "hosts.py: mail: is no group of hosts; expected a list of names or (name, data) (name it _mail if it is no group)"),
    ],
)  # fmt: skip
def test_no_inventory(folder: Folder, text: str, line: str) -> None:
    folder.hosts = text
    assert line in folder.wrong()


@pytest.mark.parametrize(
    ("host", "line"),
    [
        ('{"ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com": has no debian; expected debian = 12 or 13'),
        ('{"debian": 11, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com".debian: 11 is no supported release of Debian; expected 12 or 13'),
        ('{"debian": "12", "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com".debian: \'12\' is no supported release of Debian; expected 12 or 13'),
        ('{"debian": 12}', 'hosts.py: "mail.example.com": has no address; expected ipv4, ipv6 or both'),
        ('{"debian": 12, "ipv4": "300.1.1.1"}', 'hosts.py: "mail.example.com".ipv4: \'300.1.1.1\' is no IPv4 address; expected one such as 198.51.100.10'),
        ('{"debian": 12, "ipv4": "2001:db8::1"}', 'hosts.py: "mail.example.com".ipv4: \'2001:db8::1\' is no IPv4 address; expected one such as 198.51.100.10'),
        ('{"debian": 12, "ipv4": 5}', 'hosts.py: "mail.example.com".ipv4: 5 is no IPv4 address; expected one such as 198.51.100.10'),
        ('{"debian": 12, "ipv6": "2001:db8:::1"}', 'hosts.py: "mail.example.com".ipv6: \'2001:db8:::1\' is no IPv6 address; expected one such as 2001:db8::10'),
        ('{"debian": 12, "ipv4": "127.0.1.1"}', 'hosts.py: "mail.example.com".ipv4: \'127.0.1.1\' is no address that the world can reach; expected one such as 198.51.100.10'),
        ('{"debian": 12, "ipv6": "fe80::1"}', 'hosts.py: "mail.example.com".ipv6: \'fe80::1\' is no address that the world can reach; expected one such as 2001:db8::10'),
        ('{"debain": 12, "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com": \'debain\' is no setting; expected debian, ipv4, ipv6, myhostname, ssh_port, tls_chain_file, dane, acme_account, cores, memory, dovecot_mode, mail_driver or one of pyinfra\'s (did you mean \'debian\'?)'),
        ('{"ssh_usr": "a", "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com": \'ssh_usr\' is no setting; expected debian, ipv4, ipv6, myhostname, ssh_port, tls_chain_file, dane, acme_account, cores, memory, dovecot_mode, mail_driver or one of pyinfra\'s (did you mean \'ssh_user\'?)'),
        ('{5: 1, "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com": 5 is no setting; expected debian, ipv4, ipv6, myhostname, ssh_port, tls_chain_file, dane, acme_account, cores, memory, dovecot_mode, mail_driver or one of pyinfra\'s'),
        ('{"myhostname": "mail", "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com".myhostname: \'mail\' is no host name; expected a full name such as example.com'),
        ('{"ssh_port": "22", "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com".ssh_port: \'22\' is no port; expected a number from 1 to 65535'),
        ('{"cores": "4", "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com".cores: \'4\' is no number of cores; expected a number such as 4, without quotes'),
        ('{"memory": "8 GB", "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com".memory: \'8 GB\' is no size; expected a number with K, M, G or T, such as 500M'),
        ('{"memory": "64M", "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com".memory: \'64M\' is too little memory for a mail server; expected at least 512M'),
        ('{"dovecot_mode": "fast", "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com".dovecot_mode: \'fast\' is unknown; expected high-performance or high-security'),
        ('{"mail_driver": "mbox", "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com".mail_driver: \'mbox\' is unknown; expected maildir or mdbox'),
        ('{"tls_chain_file": 5, "debian": 12, "ipv4": "198.51.100.10"}', 'hosts.py: "mail.example.com".tls_chain_file: 5 is no path; expected a path relative to the inventory folder'),
    ],
)  # fmt: skip
def test_what_a_host_says(folder: Folder, host: str, line: str) -> None:
    folder.hosts = only(host)
    folder.mail = folder.mail.replace("mail.example.org", "mail.example.com")
    assert folder.wrong() == [line]


def test_a_host_has_memory_for_what_may_log_in_there(folder: Folder) -> None:
    folder.hosts = only('{"memory": "512M", "debian": 12, "ipv4": "198.51.100.10"}')
    folder.mail = folder.mail.replace("mail.example.org", "mail.example.com")
    there = 'host = "mail.example.com"'
    folder.mail += "".join(f'[domains."d{n}.example"]\n{there}\n' for n in range(21_850))
    assert folder.wrong() == [
        "hosts.py: \"mail.example.com\".memory: '512M' is too little for 21852 domains with 2 mailboxes; "
        "expected 513M or more (Dovecot's auth keeps all accounts in memory)"
    ]


def test_a_million_mailboxes_need_no_more_than_two_gigabytes() -> None:
    Capacity().check(10, 1_000_000)
    with pytest.raises(Invalid, match="is too little for 10 domains with 1100000 mailboxes"):
        Capacity().check(10, 1_100_000)


@pytest.mark.parametrize(
    ("hosts", "line"),
    [
        ('mail = [("@local", {"debian": 12, "ipv4": "198.51.100.10"})]', 'hosts.py: "@local": has no myhostname; expected the name that the host has in DNS, such as mail.example.com'),
        ('mail = [("mailhost", {"debian": 12, "ipv4": "198.51.100.10"})]', "hosts.py: 'mailhost' is no host name; expected a full name such as example.com"),
        ('mail = [("a.example.com", {"debian": 12, "ipv4": "198.51.100.10"}), ("b.example.com", {"debian": 12, "ipv4": "198.51.100.10"})]', 'hosts.py: "b.example.com": \'198.51.100.10\' is taken by \'a.example.com\'; expected one of its own'),
        ('mail = [("a.example.com", {"debian": 12, "ipv6": "2001:db8::1"}), ("b.example.com", {"debian": 12, "ipv6": "2001:db8:0::1"})]', 'hosts.py: "b.example.com": \'2001:db8::1\' is taken by \'a.example.com\'; expected one of its own'),
        ('mail = [("a.example.com", {"debian": 12, "ipv4": "198.51.100.10"}), ("b.example.com", {"debian": 12, "ipv4": "198.51.100.11", "myhostname": "A.example.com"})]', 'hosts.py: "b.example.com": \'a.example.com\' is taken by \'a.example.com\'; expected one of its own'),
    ],
)  # fmt: skip
def test_what_hosts_say_together(folder: Folder, hosts: str, line: str) -> None:
    folder.hosts = hosts
    assert line in folder.wrong()


def test_pyinfra_s_own_settings_pass(folder: Folder) -> None:
    folder.hosts = only(
        '{"debian": 12, "ipv4": "198.51.100.10", "ssh_user": "admin", "ssh_port": 2222, "_sudo": True}'
    )
    folder.mail = folder.mail.replace("mail.example.org", "mail.example.com")
    assert folder.load().hosts[0].ssh_port == 2222


def test_what_most_hosts_say_is_pyinfra_s(folder: Folder) -> None:
    assert pyinfra_settings() > USUAL


def test_groups_are_read_as_pyinfra_reads_them(folder: Folder) -> None:
    folder.hosts = """
import os
_key = ["no", "group"]
all = ([], {"ssh_user": "admin", "debian": 12})
mail = (["mail.example.com", ("mail.example.org", {"ipv4": "198.51.100.20"})], {"debian": 13})
backup = ["backup.example.com"]
address = [("mail.example.com", {"ipv4": "198.51.100.10"})]
"""
    inventory = folder.load()
    assert inventory.groups == {
        "all": ([], {"ssh_user": "admin", "debian": 12}),
        "mail": (
            [("mail.example.com", {}), ("mail.example.org", {"ipv4": "198.51.100.20"})],
            {"debian": 13},
        ),
        "backup": ([("backup.example.com", {})], {}),
        "address": ([("mail.example.com", {"ipv4": "198.51.100.10"})], {}),
    }
    assert [(host.debian, host.ipv4) for host in inventory.hosts] == [
        (13, "198.51.100.10"),
        (13, "198.51.100.20"),
    ]
