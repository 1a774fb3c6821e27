"""Mistakes in mail.toml, and what is no mistake."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import pytest

from mailwright.inventory.load import load
from mailwright.inventory.schema import DomainTable, MailboxTable, MailTable
from mailwright.model.address_book import Alias
from mailwright.model.problems import Problems, listed
from tests.unit.conftest import Folder

GOOD = "{BLF-CRYPT}$2y$08$VvkQ.WbHGHeEprpEvodAfe3OEGDlwlv2xuKKCo8rakkmgK25LBRJy"
HINT = "(make one with 'mailwright password')"


def box(address: str, *lines: str) -> str:
    return "\n".join([f'[mailboxes."{address}"]', f'password = "{GOOD}"', *lines, ""])


# What is put before the first table, or after the last one: the line that it costs.
HEAD = {
    'mesage_size_limit = "1M"': f"mail.toml: 'mesage_size_limit' is no setting; expected {listed(MailTable.model_fields)} (did you mean 'message_size_limit'?)",
    'message_size_limit = "big"': "mail.toml: message_size_limit: 'big' is no size; expected a number with K, M, G or T, such as 500M",
    'message_size_limit = "1K"': "mail.toml: message_size_limit: '1K' is too small for mail; expected at least 64K (RFC 5321 section 4.5.3.1.7)",
    'message_size_limit = "unlimited"': "mail.toml: message_size_limit: 'unlimited' is no size; expected a number with K, M, G or T, such as 500M",
    "ttl = 0": "mail.toml: ttl: 0 is no TTL; expected seconds, from 1 to 604800",
    'ttl = "1h"': "mail.toml: ttl: '1h' is no TTL; expected seconds, from 1 to 604800",
    "quota = -5": "mail.toml: quota: -5 is no size; expected a number with K, M, G or T, such as 500M, or unlimited",
    'acme = 5': "mail.toml: acme: is no table",
    'acme = { directry = "x" }': "mail.toml: acme: 'directry' is no setting; expected directory, contact or eab_kid (did you mean 'directory'?)",
    'acme = { contact = "me" }': "mail.toml: acme.contact: 'me' is no mail address; expected one such as alice@example.com",
    'acme = { directory = "http://acme.example/" }': "mail.toml: acme.directory: 'http://acme.example/' is no directory of an authority; expected an https: URL, such as https://acme-v02.api.letsencrypt.org/directory",
    'acme = { directory = "https://a.example/$(id)" }': "mail.toml: acme.directory: 'https://a.example/$(id)' is no URL; expected an https: URL, such as https://acme-v02.api.letsencrypt.org/directory",
    'acme = { directory = "https://[a/" }': "mail.toml: acme.directory: 'https://[a/' is no URL; expected an https: URL, such as https://acme-v02.api.letsencrypt.org/directory",
    'nonsense = "x"': f"mail.toml: 'nonsense' is no setting; expected {listed(MailTable.model_fields)}",
}  # fmt: skip
TAIL = {
    '"loop@example.com" = "loop@example.com"': 'mail.toml: aliases."loop@example.com": is a loop: loop@example.com -> loop@example.com (mail never arrives)',
    '"b@example.com" = "c@example.com"\n"c@example.com" = ["a@example.com", "alice@example.com"]\n"a@example.com" = "b+x@example.com"': 'mail.toml: aliases."a@example.com": is a loop: a@example.com -> b@example.com -> c@example.com -> a@example.com (mail never arrives)',
    '"x@example.com" = "alcie@example.com"': "mail.toml: aliases.\"x@example.com\": 'alcie@example.com' is nobody's address; expected a mailbox or an alias (did you mean 'alice@example.com'?)",
    '"x@exmaple.com" = "alice@example.com"': "mail.toml: aliases.\"x@exmaple.com\": 'exmaple.com' is no domain of ours; expected example.com or example.org (did you mean 'example.com'?)",
    '"x@example.com" = []': 'mail.toml: aliases."x@example.com": has no target; expected one address or more',
    '"x@example.com" = "nobody"': "mail.toml: aliases.\"x@example.com\": 'nobody' is no mail address; expected one such as alice@example.com",
    '"x@example.com" = 5': 'mail.toml: aliases."x@example.com": 5 is no mail address; expected one such as alice@example.com',
    '"x@example.com" = { to = "alice@example.com" }': "mail.toml: aliases.\"x@example.com\": {'to': 'alice@example.com'} is no mail address; expected one such as alice@example.com",
    '"x@example.com" = [["alice@example.com"]]': "mail.toml: aliases.\"x@example.com\": ['alice@example.com'] is no mail address; expected one such as alice@example.com",
    '"x" = "alice@example.com"': "mail.toml: aliases: 'x' is no mail address; expected one such as alice@example.com",
    '"Alice@Example.com" = "bob@example.org"': 'mail.toml: aliases."Alice@Example.com": is a mailbox as well; expected its own address among the targets, which keeps a copy',
    '"INFO@example.com" = "bob@example.org"': "mail.toml: aliases: 'INFO@example.com' is the same as 'info@example.com'; expected each name once",
    box("Alice@example.com"): "mail.toml: mailboxes: 'Alice@example.com' is the same as 'alice@example.com'; expected each name once",
    box("carol@exampel.com"): "mail.toml: mailboxes.\"carol@exampel.com\": 'exampel.com' is no domain of ours; expected example.com or example.org (did you mean 'example.com'?)",
    box("a b@example.com"): "mail.toml: mailboxes: 'a b@example.com' has no valid local part; expected letters, digits and - _ . before the @",
    box("a+b@example.com"): "mail.toml: mailboxes: 'a+b@example.com' has a '+', which starts an address extension; expected a name without (mail to a@example.com with +anything arrives there by itself)",
    box("c@example.com", 'quota = "2 apples"'): "mail.toml: mailboxes.\"c@example.com\".quota: '2 apples' is no size; expected a number with K, M, G or T, such as 500M, or unlimited",
    box("c@example.com", 'qouta = "2G"'): f"mail.toml: mailboxes.\"c@example.com\": 'qouta' is no setting; expected {listed(MailboxTable.model_fields)} (did you mean 'quota'?)",
    '[mailboxes."c@example.com"]': f'mail.toml: mailboxes."c@example.com".password: is missing; expected a hash {HINT}',
    '[mailboxes."c@example.com"]\npassword = "hunter2"': f'mail.toml: mailboxes."c@example.com".password: is not hashed; expected a hash such as {{BLF-CRYPT}}$2y$10$... {HINT}',
    '[mailboxes."c@example.com"]\npassword = 5': f'mail.toml: mailboxes."c@example.com".password: is not hashed; expected a hash such as {{BLF-CRYPT}}$2y$10$... {HINT}',
    '[mailboxes."c@example.com"]\npassword = "{SHA512CRYPT}hunter2"': "mail.toml: mailboxes.\"c@example.com\".password: is hashed with an unknown scheme; expected BLF-CRYPT, ARGON2ID, ARGON2I, SHA512-CRYPT, SHA256-CRYPT, SSHA512, SSHA256, PBKDF2 or CRYPT (did you mean 'SHA512-CRYPT'?)",
    '[mailboxes."c@example.com"]\npassword = "{BLF-CRYPT}hunter2"': f'mail.toml: mailboxes."c@example.com".password: is no hash of scheme BLF-CRYPT; expected a hash such as {{BLF-CRYPT}}$2y$10$... {HINT}',
    '[domains."example.net"]': 'mail.toml: domains."example.net".host: is missing; expected mail.example.com or mail.example.org',
    '[domains."example.net"]\nhost = "mail.exmple.com"': "mail.toml: domains.\"example.net\".host: 'mail.exmple.com' is no mail host of hosts.py; expected mail.example.com or mail.example.org (did you mean 'mail.example.com'?)",
    '[domains."example.net"]\nhost = 5': 'mail.toml: domains."example.net".host: 5 is no text',
    '[domains."EXAMPLE.com"]\nhost = "mail.example.com"': "mail.toml: domains: 'EXAMPLE.com' is the same as 'example.com'; expected each name once",
    '[domains."example"]\nhost = "mail.example.com"': "mail.toml: domains: 'example' is no domain name; expected a full name such as example.com",
    '[domains."example.net"]\nhost = "mail.example.com"\ndkim = ["rsa", "ed255"]': "mail.toml: domains.\"example.net\".dkim: 'ed255' is unknown; expected rsa or ed25519 (did you mean 'ed25519'?)",
    '[domains."example.net"]\nhost = "mail.example.com"\ndkim = "dsa"': "mail.toml: domains.\"example.net\".dkim: 'dsa' is unknown; expected rsa or ed25519",
    '[domains."münchen.example"]\nhost = "mail.example.com"\n[domains."XN--mnchen-3ya.example"]': "mail.toml: domains: 'XN--mnchen-3ya.example' is the same as 'münchen.example'; expected each name once",
    '"a\\nb" = "alice@example.com"': "mail.toml: aliases: 'a\\nb' is no mail address; expected one such as alice@example.com",
    '[domains."example.net"]\nhost = "mail.example.com"\ndkim = []': 'mail.toml: domains."example.net".dkim: is empty; expected rsa',
    '[domains."example.net"]\nhost = "mail.example.com"\ndmarc = "Reject"': "mail.toml: domains.\"example.net\".dmarc: 'Reject' is unknown; expected none, quarantine or reject (did you mean 'reject'?)",
    '[domains."example.net"]\nhost = "mail.example.com"\npolicy = 1': f"mail.toml: domains.\"example.net\": 'policy' is no setting; expected {listed(DomainTable.model_fields)}",
}  # fmt: skip


@pytest.mark.parametrize("text", HEAD)
def test_settings(folder: Folder, text: str) -> None:
    folder.mail = f"{text}\n{folder.mail}"
    assert folder.wrong() == [HEAD[text]]


@pytest.mark.parametrize("text", TAIL)
def test_tables(folder: Folder, text: str) -> None:
    folder.mail += text
    lines = folder.wrong()
    assert lines == [TAIL[text]]
    assert "hunter2" not in lines[0]


@pytest.mark.parametrize(
    ("postmaster", "line"),
    [
        ("", "mail.toml: postmaster: is missing; expected an address of whoever runs this"),
        ('postmaster = "root"', "mail.toml: postmaster: 'root' is no mail address; expected one such as alice@example.com"),
        ('postmaster = "alicia@example.com"', "mail.toml: postmaster: 'alicia@example.com' is nobody's address; expected a mailbox or an alias (did you mean 'alice@example.com'?)"),
        ('postmaster = "postmaster@example.com"', "mail.toml: postmaster: 'postmaster@example.com' is nobody's address; expected a mailbox or an alias"),
    ],
)  # fmt: skip
def test_a_postmaster_who_gets_no_mail(folder: Folder, postmaster: str, line: str) -> None:
    folder.mail = folder.mail.replace('postmaster = "alice@example.com"', postmaster)
    assert line in folder.wrong()


def test_toml_errors_have_line_and_column(folder: Folder) -> None:
    folder.mail = 'postmaster = "a\n'
    assert folder.wrong() == [
        "mail.toml: is no TOML: illegal character '\\n' (at line 1, column 16)"
    ]


def test_what_is_no_text_at_all(folder: Folder) -> None:
    (folder.path / "hosts.py").write_text(folder.hosts)
    (folder.path / "mail.toml").write_bytes(b"\xff")
    with pytest.raises(Problems, match=r"^mail\.toml:1: is no text in UTF-8 \(save it as UTF-8\)"):
        load(folder.path)


def test_a_problem_is_one_line_whatever_is_in_it(folder: Folder) -> None:
    folder.mail += '"x\\ny@example.com" = 5\n'
    assert folder.wrong() == [
        'mail.toml: aliases."x\\ny@example.com": 5 is no mail address; expected one such as alice@example.com',
        "mail.toml: aliases: 'x\\ny@example.com' has no valid local part; expected letters, digits and - _ . before the @",
    ]


def test_no_domains(folder: Folder) -> None:
    folder.mail = ""
    assert folder.wrong() == [
        'mail.toml: domains: is missing; expected [domains."example.com"]',
        "mail.toml: postmaster: is missing; expected an address of whoever runs this",
    ]


def test_a_mailbox_that_is_no_table_may_be_a_password(folder: Folder) -> None:
    folder.mail += '[mailboxes]\n"c@example.com" = "hunter2"\n'
    assert folder.wrong() == ['mail.toml: mailboxes."c@example.com": is no table']


def test_everything_is_reported_at_once(folder: Folder) -> None:
    folder.hosts = folder.hosts.replace("13,", "11,").replace("198.51.100.20", "x")
    folder.mail = f"""qouta = "1G"
message_size_limit = "x"
{folder.mail}
"a@example.com" = ["b@example.com", "zoe@example.com", "!", ".@"]
"b@example.com" = "a@example.com"
{box("c@example.com", 'quota = "x"', "x = 1")}
[domains."example.net"]
host = "x"
dkim = ["x", "y", "rsa", "z"]
"""
    assert [line.partition(";")[0] for line in folder.wrong(keys=True)] == [
        'hosts.py: "mail.example.org".debian: 11 is no supported release of Debian',
        "hosts.py: \"mail.example.org\".ipv4: 'x' is no IPv4 address",
        "mail.toml: message_size_limit: 'x' is no size",
        "mail.toml: domains.\"example.net\".dkim: 'x' is unknown",
        "mail.toml: domains.\"example.net\".dkim: 'y' is unknown",
        "mail.toml: domains.\"example.net\".dkim: 'z' is unknown",
        "mail.toml: mailboxes.\"c@example.com\".quota: 'x' is no size",
        "mail.toml: mailboxes.\"c@example.com\": 'x' is no setting",
        "mail.toml: aliases.\"a@example.com\": '!' is no mail address",
        "mail.toml: aliases.\"a@example.com\": '.@' has no valid local part",
        "mail.toml: 'qouta' is no setting",
        "mail.toml: domains.\"example.net\".host: 'x' is no mail host of hosts.py",
        "mail.toml: aliases.\"a@example.com\": 'zoe@example.com' is nobody's address",
        'mail.toml: aliases."a@example.com": is a loop: '
        "a@example.com -> b@example.com -> a@example.com (mail never arrives)",
        f"keys/example.com: has no DKIM key for rsa (make it with 'mailwright keys {folder.path}')",
        f"keys/example.net: has no DKIM key for rsa (make it with 'mailwright keys {folder.path}')",
        f"keys/example.org: has no DKIM key for rsa (make it with 'mailwright keys {folder.path}')",
    ]


def test_sizes_and_defaults(folder: Folder) -> None:
    inventory = folder.load()
    assert {box.address: box.quota for box in inventory.mailboxes} == {
        "alice@example.com": 1 << 30,
        "bob@example.org": 2 << 30,
    }
    assert inventory.hosts[0].message_size_limit == 50 << 20
    assert [(each.algorithms, each.policy.dmarc.p) for each in inventory.domains] == [
        (("rsa",), "quarantine"),
        (("rsa",), "quarantine"),
    ]
    folder.mail = 'quota = "unlimited"\n' + folder.mail
    assert folder.load().mailboxes[0].quota == 0


def test_addresses_and_domains_are_folded(folder: Folder) -> None:
    folder.mail += (
        '"Team@EXAMPLE.com" = ["BOB@example.org", "alice+lists@Example.com", "x@elsewhere.example"]\n'
        '[domains."MÜNCHEN.example"]\nhost = "mail.example.org"\n'
    )
    inventory = folder.load()
    assert [domain.name for domain in inventory.domains] == [
        "example.com",
        "example.org",
        "xn--mnchen-3ya.example",
    ]
    assert inventory.domains[2].unicode == "münchen.example"
    targets = ("bob@example.org", "alice+lists@example.com", "x@elsewhere.example")
    assert Alias("team@example.com", targets) in inventory.aliases
    assert inventory.ends["team@example.com"] == set(targets)


def test_the_roles_of_every_domain_reach_the_postmaster(folder: Folder) -> None:
    folder.mail += '"abuse@example.org" = "bob@example.org"\n' + box("postmaster@example.org")
    assert [each for each in folder.load().aliases if each.address != "info@example.com"] == [
        Alias("abuse@example.com", ("alice@example.com",)),
        Alias("abuse@example.org", ("bob@example.org",)),
        Alias("postmaster@example.com", ("alice@example.com",)),
    ]


def test_a_domain_needs_no_host_where_there_is_one_only(folder: Folder) -> None:
    folder.hosts = 'mail = [("mail.example.com", {"debian": 12, "ipv4": "198.51.100.10"})]'
    folder.mail = folder.mail.replace('host = "mail.example.com"', "")
    folder.mail = folder.mail.replace('host = "mail.example.org"', "")
    assert [domain.host for domain in folder.load().domains] == ["mail.example.com"] * 2


def test_many_loops_are_found_in_one_pass(folder: Folder) -> None:
    folder.mail += "".join(f'"a{n}@example.com" = "a{n}@example.com"\n' for n in range(3000))
    assert len(folder.wrong()) == 3000


def test_what_is_most_likely_not_meant_is_a_warning(folder: Folder) -> None:
    folder.mail = folder.mail.replace('"2G"', '"100K"')
    folder.mail = folder.mail.replace('"alice@example.com"', '"root@elsewhere.example"', 1)
    folder.mail += '[mailboxes."team@example.com"]\nuse = "shared"\n'
    folder.mail += box("out@example.com", 'protocols = "submission"')
    folder.certify()
    assert folder.load().warnings == (
        "bob@example.org has a quota below message_size_limit",
        "team@example.com and out@example.com keep mail that nobody reads: no members, no IMAP, no POP3",
        "postmaster root@elsewhere.example is in no domain of ours",
    )
