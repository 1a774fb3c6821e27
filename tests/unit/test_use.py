"""What a mailbox is used for, and what does not fit."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import pytest

from mailwright.model.address_book import Alias
from mailwright.model.mailbox import Mailbox
from mailwright.picture.render import picture
from tests.unit.conftest import HASH, Folder

PASSWORD = f'password = "{HASH}"'
WHERE = 'mail.toml: mailboxes."c@example.com"'


def box(*lines: str) -> str:
    return "\n".join(['[mailboxes."c@example.com"]', *lines, ""])


# The lines of a mailbox: the line that they cost.
WRONG = {
    (PASSWORD, 'use = "device"'): f"{WHERE}.use: 'device' is unknown; expected devices, archive, compact, shared, send-only or both (did you mean 'devices'?)",
    (PASSWORD, "use = 5"): f"{WHERE}.use: 5 is unknown; expected devices, archive, compact, shared, send-only or both",
    (PASSWORD, 'protocols = ["imap", "pop"]'): f"{WHERE}.protocols: 'pop' is unknown; expected imap, pop3, submission or sieve (did you mean 'pop3'?)",
    (PASSWORD, 'protocols = "smtp"'): f"{WHERE}.protocols: 'smtp' is unknown; expected imap, pop3, submission or sieve",
    (PASSWORD, "protocols = { imap = true }"): f"{WHERE}.protocols: {{'imap': True}} is unknown; expected imap, pop3, submission or sieve",
    ('use = "shraed"', 'members = { "alice@example.com" = "read" }'): f"{WHERE}.use: 'shraed' is unknown; expected devices, archive, compact, shared, send-only or both (did you mean 'shared'?)",
    (PASSWORD, "protocols = []"): f"{WHERE}.protocols: is empty; expected imap, pop3, submission or sieve (suspended = true keeps its owner out)",
    (PASSWORD, 'suspended = "yes"'): f"{WHERE}.suspended: 'yes' is no yes or no; expected true or false",
    (PASSWORD, "suspended = 1"): f"{WHERE}.suspended: 1 is no yes or no; expected true or false",
    (PASSWORD, 'use = "shared"'): f"{WHERE}.password: has no place in a mailbox for use 'shared' (nobody logs in to it)",
    ('protocols = ["imap"]', 'use = "shared"'): f"{WHERE}.protocols: has no place in a mailbox for use 'shared' (nobody logs in to it)",
    ("suspended = true", 'use = "shared"'): f"{WHERE}.suspended: has no place in a mailbox for use 'shared' (nobody logs in to it)",
    (PASSWORD, 'use = "send-only"', 'quota = "1G"'): f"{WHERE}.quota: has no place in a mailbox for use 'send-only' (nothing is stored in it)",
    (PASSWORD, 'use = "send-only"', 'protocols = ["imap"]'): f"{WHERE}.protocols: has no place in a mailbox for use 'send-only' (nothing is stored in it)",
    (PASSWORD, 'use = "send-only"', 'owner = "alcie@example.com"'): f"{WHERE}.owner: 'alcie@example.com' is nobody's address; expected a mailbox or an alias (did you mean 'alice@example.com'?)",
    (PASSWORD, 'use = "send-only"', 'owner = "alice"'): f"{WHERE}.owner: 'alice' is no mail address; expected one such as alice@example.com",
    (PASSWORD, 'use = "send-only"', 'owner = "c@example.com"'): 'mail.toml: aliases."c@example.com": is a loop: c@example.com -> c@example.com (mail never arrives)',
    (PASSWORD, 'use = "send-only"', '[aliases]', '"x@example.com" = "c@example.com"'): "mail.toml: aliases.\"x@example.com\": 'c@example.com' takes no mail; expected an address that does (give it an owner)",
    (PASSWORD, 'owner = "alice@example.com"'): f"{WHERE}.owner: has no place in a mailbox for use 'devices' (it keeps its mail itself)",
    ('use = "send-only"',): f"{WHERE}.password: is missing; expected a hash (make one with 'mailwright password')",
    ("suspended = true",): f"{WHERE}.password: is missing; expected a hash (make one with 'mailwright password')",
}  # fmt: skip


@pytest.mark.parametrize("lines", WRONG)
def test_what_does_not_fit(folder: Folder, lines: tuple[str, ...]) -> None:
    folder.mail = folder.mail.replace("[aliases]\n", "") if "[aliases]" in lines else folder.mail
    folder.mail = folder.mail.replace('"info@example.com" = "alice@example.com"\n', "")
    folder.mail += box(*lines)
    assert folder.wrong() == [WRONG[lines]]


def loaded(folder: Folder, *lines: str) -> Mailbox:
    folder.mail += box(*lines)
    return next(each for each in folder.load().mailboxes if each.address == "c@example.com")


@pytest.mark.parametrize(
    ("use", "protocols", "quota"),
    [
        ("devices", ("imap", "submission", "sieve"), 1 << 30),
        ("archive", ("pop3", "submission"), 1 << 30),
        ("compact", ("pop3", "submission"), 200 << 20),
        ("send-only", ("submission",), 1 << 30),
        ("both", ("imap", "pop3", "submission", "sieve"), 1 << 30),
    ],
)
def test_a_use_decides(folder: Folder, use: str, protocols: tuple[str, ...], quota: int) -> None:
    found = loaded(folder, PASSWORD, f'use = "{use}"')
    assert (found.use, found.protocols, found.quota) == (use, protocols, quota)
    assert found.stores == (use != "send-only")


def test_devices_is_what_a_mailbox_is_for_when_it_does_not_say(folder: Folder) -> None:
    assert {each.use for each in folder.load().mailboxes} == {"devices"}


def test_single_settings_override_the_use(folder: Folder) -> None:
    lines = ('use = "compact"', 'protocols = ["sieve", "imap"]', 'quota = "5G"')
    found = loaded(folder, PASSWORD, *lines)
    assert (found.protocols, found.quota) == (("imap", "sieve"), 5 << 30)


@pytest.mark.parametrize(("general", "quota"), [("unlimited", 200 << 20), ("50M", 50 << 20)])
def test_a_compact_mailbox_is_never_larger_than_the_others(
    folder: Folder, general: str, quota: int
) -> None:
    folder.mail = f'quota = "{general}"\n{folder.mail}'
    assert loaded(folder, PASSWORD, 'use = "compact"').quota == quota


def test_services_are_let_in_or_refused_and_never_both(folder: Folder) -> None:
    found = loaded(folder, PASSWORD)
    assert found.services == ("imap", "smtp", "sieve")
    assert found.refused_services == ("pop3",)


def test_a_suspended_mailbox_keeps_its_protocols_and_lets_nobody_in(folder: Folder) -> None:
    found = loaded(folder, PASSWORD, "suspended = true")
    assert found.protocols == ("imap", "submission", "sieve")
    assert (found.services, found.refused_services) == ((), ())
    assert found.stores


def test_a_shared_mailbox_stores_mail_and_has_no_login(folder: Folder) -> None:
    found = loaded(folder, 'use = "shared"')
    assert (found.protocols, found.services, found.refused_services) == ((), (), ())
    assert (found.stores, found.password) == (True, "")


def test_mail_to_a_mailbox_that_only_sends_goes_to_its_owner_if_it_has_one(folder: Folder) -> None:
    found = loaded(folder, PASSWORD, 'use = "send-only"', 'owner = "info@example.com"')
    assert found.owner == "info@example.com"
    inventory = folder.load()
    assert Alias("c@example.com", ("info@example.com",)) in inventory.aliases
    assert inventory.ends["c@example.com"] == {"alice@example.com"}
    assert inventory.hosts[0].sender_logins["c@example.com"] == ("c@example.com",)


def test_the_postmaster_gets_the_mail_of_a_role_that_only_sends(folder: Folder) -> None:
    folder.mail += box(PASSWORD, 'use = "send-only"').replace("c@", "abuse@")
    assert Alias("abuse@example.com", ("alice@example.com",)) in folder.load().aliases


def test_the_postmaster_takes_mail(folder: Folder) -> None:
    folder.mail = folder.mail.replace('postmaster = "alice@', 'postmaster = "c@')
    folder.mail += box(PASSWORD, 'use = "send-only"')
    assert folder.wrong() == [
        "mail.toml: postmaster: 'c@example.com' takes no mail; expected an address that does (give it an owner)"
    ]


@pytest.mark.parametrize(
    ("use", "days", "folders"),
    [("devices", 0, True), ("archive", 7, False), ("compact", 0, False), ("both", 30, True)],
)
def test_what_pop3_deletes(folder: Folder, use: str, days: int, folders: bool) -> None:
    found = loaded(folder, PASSWORD, f'use = "{use}"')
    assert (found.fetched_days, found.sees_folders) == (days, folders)


LINES = {
    "devices": ["/imap:HASH::::::", "/smtp:HASH::::::", "/sieve:HASH::::::", "/no-pop3:HASH::::::"],
    "shared": [],
    "send-only": ["/smtp:HASH::::::"] + [f"/no-{name}:HASH::::::" for name in ("imap", "pop3", "sieve")],
}  # fmt: skip


@pytest.mark.parametrize("use", LINES)
def test_what_dovecot_reads(folder: Folder, use: str) -> None:
    password = "" if use == "shared" else PASSWORD
    loaded(folder, password, f'use = "{use}"')
    text = picture(folder.load().hosts[0])["/etc/dovecot/users/example.com"]
    lines = [line for line in text.splitlines() if line.startswith("c@")]
    stored = ["c@example.com:::::::userdb_quota_rule=*:bytes=1073741824"]
    logins = [f"c@example.com{each.replace('HASH', HASH)}" for each in LINES[use]]
    assert lines == stored * (use != "send-only") + logins


def test_what_dovecot_reads_of_who_is_suspended(folder: Folder) -> None:
    loaded(folder, PASSWORD, "suspended = true", 'use = "both"')
    text = picture(folder.load().hosts[0])["/etc/dovecot/users/example.com"]
    first, second = (line for line in text.splitlines() if line.startswith("c@"))
    assert first.startswith("c@example.com:::::::userdb_quota_rule=")
    assert second == f"c@example.com/suspended:{HASH}::::::"
