"""Shared mailboxes: who is a member, and what does not fit."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import pytest

from mailwright.model.mailbox import Mailbox
from mailwright.picture.render import picture
from tests.unit.conftest import Folder

WHERE = 'mail.toml: mailboxes."team@example.com"'

# The lines of a mailbox: the line that they cost.
WRONG = {
    'members = { "alcie@example.com" = "read" }': f"{WHERE}.members: 'alcie@example.com' is no mailbox of ours; expected one that reads by IMAP (did you mean 'alice@example.com'?)",
    'members = { "info@example.com" = "read" }': f"{WHERE}.members: 'info@example.com' is no mailbox of ours; expected one that reads by IMAP (did you mean 'pop@example.com'?)",
    'members = { "bob@example.org" = "read" }': f"{WHERE}.members: 'bob@example.org' is on mail.example.org, the shared mailbox on mail.example.com; expected both on one host",
    'members = { "pop@example.com" = "read" }': f"{WHERE}.members: 'pop@example.com' does not read by IMAP; expected a mailbox that does (POP3 shows no shared mailbox)",
    'members = { "alice" = "read" }': f"{WHERE}.members: 'alice' is no mail address; expected one such as alice@example.com",
    'members = { "alice@example.com" = "reed" }': f"{WHERE}.members.\"alice@example.com\": 'reed' is no right; expected read, write or manage (did you mean 'read'?)",
    'members = { "alice@example.com" = true }': f'{WHERE}.members."alice@example.com": True is no right; expected read, write or manage',
    'members = { "@example.org" = "read" }': f"{WHERE}.members: '@example.org' is on mail.example.org, the shared mailbox on mail.example.com; expected both on one host",
    'members = { "@exmaple.com" = "read" }': f"{WHERE}.members: 'exmaple.com' is no domain of ours; expected example.com or example.org (did you mean 'example.com'?)",
    'members = { "@example" = "read" }': f"{WHERE}.members: 'example' is no domain name; expected a full name such as example.com",
    'members = { "team@example.com" = "read" }': f"{WHERE}.members: 'team@example.com' does not read by IMAP; expected a mailbox that does (POP3 shows no shared mailbox)",
    'members = { "Alice@example.com" = "read", "alice@example.com" = "write" }': f"{WHERE}.members: 'alice@example.com' is the same as 'Alice@example.com'; expected each name once",
    'members = "alice@example.com"': f"{WHERE}.members: is no table",
    'members = ["alice@example.com"]': f"{WHERE}.members: is no table",
    'send_as = "alice@example.com"': f"{WHERE}.send_as: 'alice@example.com' is no member; expected one of its members or a mailbox for use 'send-only'",
    'send_as = "bob@example.org"': f"{WHERE}.send_as: 'bob@example.org' is no member; expected one of its members or a mailbox for use 'send-only'",
    'send_as = "alice"': f"{WHERE}.send_as: 'alice' is no mail address; expected one such as alice@example.com",
    'members = { "@example.com" = "read" }\nsend_as = "pop@example.com"': f"{WHERE}.send_as: 'pop@example.com' is no member; expected @example.com or a mailbox for use 'send-only'",
    'members = { "@example.com" = "read" }\nsend_as = "alcie@example.com"': f"{WHERE}.send_as: 'alcie@example.com' is no member; expected @example.com or a mailbox for use 'send-only'",
    "send_as = {}": f"{WHERE}.send_as: {{}} is no mail address; expected one such as alice@example.com",
    'members = { "quiet@example.com" = "read" }\nsend_as = "quiet@example.com"': f"{WHERE}.send_as: 'quiet@example.com' does not send; expected a member with the protocol submission",
    'private_seen = "yes"': f"{WHERE}.private_seen: 'yes' is no yes or no; expected true or false",
}  # fmt: skip


def add(folder: Folder, *lines: str) -> None:
    pop = f'[mailboxes."pop@example.com"]\nuse = "archive"\npassword = "{folder.hash}"\n'
    quiet = pop.replace("pop@", "quiet@").replace('use = "archive"', 'protocols = "imap"')
    folder.mail += "\n".join(
        [pop, quiet, '[mailboxes."team@example.com"]', 'use = "shared"', *lines, ""]
    )


@pytest.mark.parametrize("line", WRONG)
def test_what_does_not_fit(folder: Folder, line: str) -> None:
    add(folder, line)
    assert folder.wrong() == [WRONG[line]]


def test_every_wrong_member_is_told_of_at_once(folder: Folder) -> None:
    add(folder, 'members = { "alice" = "read", "bob" = "read", "pop@example.com" = "reed" }')
    assert [line.partition(" is no ")[0] for line in folder.wrong()] == [
        f"{WHERE}.members.\"pop@example.com\": 'reed'",
        f"{WHERE}.members: 'alice'",
        f"{WHERE}.members: 'bob'",
    ]


def test_an_alias_domain_has_no_members(folder: Folder) -> None:
    folder.mail += '[domains."example.biz"]\nalias_of = "example.com"\n'
    add(folder, 'members = { "@example.biz" = "read" }')
    assert folder.wrong() == [
        f"{WHERE}.members: 'example.biz' is an alias domain of example.com; expected @example.com"
    ]


@pytest.mark.parametrize(
    "line",
    ["members = {}", 'send_as = "alice@example.com"', "private_seen = false"],
)
def test_only_a_shared_mailbox_has_members(folder: Folder, line: str) -> None:
    box = '[mailboxes."alice@example.com"]\n'
    folder.mail = folder.mail.replace(box, f"{box}{line}\n")
    name = line.partition(" ")[0]
    assert folder.wrong() == [
        f"mail.toml: mailboxes.\"alice@example.com\".{name}: has no place in a mailbox for use 'devices' (use = 'shared' has members)"
    ]


def team(folder: Folder, *lines: str) -> Mailbox:
    add(folder, *lines)
    return next(each for each in folder.load().mailboxes if each.address.startswith("team@"))


@pytest.mark.parametrize(
    ("right", "private", "letters"),
    [
        ("read", "false", "lr"),
        ("read", "true", "lrs"),
        ("write", "false", "lrwstie"),
        ("write", "true", "lrwstie"),
        ("manage", "false", "lrwstiekx"),
    ],
)
def test_a_right_is_a_set_of_letters_and_nobody_hands_them_on(
    folder: Folder, right: str, private: str, letters: str
) -> None:
    found = team(
        folder,
        f'members = {{ "Alice@example.com" = "{right}" }}',
        f"private_seen = {private}",
    )
    assert [m.rights(found.private_seen) for m in found.members] == [letters]
    acl = picture(folder.load().hosts[0])["/etc/dovecot/acl"]
    assert f"Shared/team@example.com user=alice@example.com {letters}\n" in acl


def test_members_send_as_it_where_it_says_so_and_as_its_aliases(folder: Folder) -> None:
    folder.mail += '"help@example.com" = "team@example.com"\n'
    team(folder, 'members = { "alice@example.com" = "read" }', 'send_as = "alice@example.com"')
    logins = folder.load().hosts[0].sender_logins
    for name in ("team@example.com", "help@example.com"):
        assert logins[name] == ("alice@example.com", "team@example.com")


def test_without_send_as_nobody_sends_as_it(folder: Folder) -> None:
    team(folder, 'members = { "alice@example.com" = "manage" }')
    assert folder.load().hosts[0].sender_logins["team@example.com"] == ("team@example.com",)


def test_only_members_have_the_namespace(folder: Folder) -> None:
    team(folder, 'members = { "alice@example.com" = "read" }')
    users = picture(folder.load().hosts[0])["/etc/dovecot/users/example.com"].splitlines()
    having = [line.partition(":")[0] for line in users if "namespace/team@example.com" in line]
    assert having == ["alice@example.com"]


def test_who_is_no_member_any_more_is_in_no_file(folder: Folder) -> None:
    team(folder, 'members = { "alice@example.com" = "read" }')
    folder.mail = folder.mail.replace('members = { "alice@example.com" = "read" }', "")
    for path, text in picture(folder.load().hosts[0]).items():
        assert "Shared/" not in text, path


def test_everybody_of_a_domain_who_reads_by_imap_is_a_member(folder: Folder) -> None:
    send_only = f'[mailboxes."out@example.com"]\nuse = "send-only"\npassword = "{folder.hash}"\n'
    both = f'[mailboxes."both@example.com"]\nuse = "both"\npassword = "{folder.hash}"\n'
    folder.mail += send_only + both
    found = team(folder, 'members = { "@EXAMPLE.com" = "read", "alice@example.com" = "write" }')
    host = folder.load().hosts[0]
    having = {m.localpart for m in host.mailboxes if [found] == host.shared_with(m)}
    assert having == {"alice", "both", "quiet"}
    acl = picture(host)["/etc/dovecot/acl"]
    assert "Shared/team@example.com group=example.com lr\n" in acl
    assert "Shared/team@example.com user=alice@example.com lrwstie\n" in acl


def test_one_of_a_domain_of_members_may_send_as_it(folder: Folder) -> None:
    team(folder, 'members = { "@example.com" = "read" }', 'send_as = "alice@example.com"')
    logins = folder.load().hosts[0].sender_logins["team@example.com"]
    assert logins == ("alice@example.com", "team@example.com")


@pytest.mark.parametrize(
    ("member", "place"),
    [
        ("alice@example.com", 'mailboxes."alice@example.com"'),
        ("@example.com", 'domains."example.com"'),
    ],
)
def test_who_is_a_member_of_too_many_could_not_log_in(
    folder: Folder, member: str, place: str
) -> None:
    """Dovecot's answer about him has 8192 bytes at most."""

    def more(*numbers: int) -> str:
        tables = (f'[mailboxes."s{number:03}@example.com"]' for number in numbers)
        lines = f'use = "shared"\nmembers = {{ "{member}" = "read" }}\n'
        return "".join(f"{table}\n{lines}" for table in tables)

    folder.mail += more(*range(150))
    folder.load()
    folder.mail += more(*range(150, 160))
    assert folder.wrong() == [
        f"mail.toml: {place}: is a member of 160 shared mailboxes; expected a hundred and fifty or so"
        " (nobody could log in or get mail; a shared mailbox may have folders)"
    ]
