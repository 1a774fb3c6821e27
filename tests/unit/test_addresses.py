"""Catch-alls, alias domains, copies, lists: where mail goes, who may send, and what is refused."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import pytest

from mailwright.model import delivery
from mailwright.model.address_book import Alias
from mailwright.picture.render import picture
from tests.unit.conftest import Folder

BIZ = '[domains."example.biz"]\nalias_of = "example.com"\n'
LIMIT = "expected 1000 at most (virtual_alias_expansion_limit, postconf(5))"

WRONG = {
    '"@exmaple.com" = "alice@example.com"': "mail.toml: aliases.\"@exmaple.com\": 'exmaple.com' is no domain of ours; expected example.com or example.org (did you mean 'example.com'?)",
    '"@example" = "alice@example.com"': "mail.toml: aliases: 'example' is no domain name; expected a full name such as example.com",
    '"@example.com" = []': 'mail.toml: aliases."@example.com": has no target; expected one address or more',
    '"@example.com" = "@example.org"': "mail.toml: aliases.\"@example.com\": '@example.org' has no valid local part; expected letters, digits and - _ . before the @",
    '"@example.com" = "alcie@example.com"': "mail.toml: aliases.\"@example.com\": 'alcie@example.com' is nobody's address; expected a mailbox or an alias (did you mean 'alice@example.com'?)",
    '"@example.com" = "alice@example.com"\n"x@example.com" = "alcie@example.com"': "mail.toml: aliases.\"x@example.com\": 'alcie@example.com' is nobody's address; expected a mailbox or an alias (did you mean 'alice@example.com'?)",
    '"@example.com" = "alice@example.com"\n"@EXAMPLE.com" = "alice@example.com"': "mail.toml: aliases: '@EXAMPLE.com' is the same as '@example.com'; expected each name once",
    '[mailboxes."@example.com"]\npassword = "{hash}"': "mail.toml: mailboxes: '@example.com' has no valid local part; expected letters, digits and - _ . before the @",
    '[domains."example.biz"]\nalias_of = "exampel.com"': "mail.toml: domains.\"example.biz\".alias_of: 'exampel.com' is no domain of ours; expected a domain of ours with addresses of its own (did you mean 'example.com'?)",
    '[domains."example.biz"]\nalias_of = "example.biz"': "mail.toml: domains.\"example.biz\".alias_of: 'example.biz' is the domain itself; expected a domain of ours with addresses of its own",
    '[domains."example.biz"]\nalias_of = "nonsense"': "mail.toml: domains.\"example.biz\".alias_of: 'nonsense' is no domain name; expected a full name such as example.com",
    '[domains."example.biz"]\nalias_of = 5': "mail.toml: domains.\"example.biz\".alias_of: 5 is no domain name; expected a full name such as example.com",
    f'{BIZ}[domains."example.net"]\nalias_of = "example.biz"': "mail.toml: domains.\"example.net\".alias_of: 'example.biz' is an alias domain itself, of example.com; expected a domain of ours with addresses of its own",
    f'{BIZ}host = "mail.example.com"': 'mail.toml: domains."example.biz".host: has no place beside alias_of: its mail is that of example.com',
    f'{BIZ}quota = "5G"': 'mail.toml: domains."example.biz".quota: has no place beside alias_of: its mail is that of example.com',
    f'"x@example.biz" = "alice@example.com"\n{BIZ}': "mail.toml: aliases.\"x@example.biz\": 'example.biz' is an alias domain of example.com; expected x@example.com",
    f'"@example.biz" = "alice@example.com"\n{BIZ}': "mail.toml: aliases.\"@example.biz\": 'example.biz' is an alias domain of example.com; expected @example.com",
    f'{BIZ}[mailboxes."x@example.biz"]\npassword = "{{hash}}"': "mail.toml: mailboxes.\"x@example.biz\": 'example.biz' is an alias domain of example.com; expected x@example.com",
    f'"x@example.com" = "alcie@example.biz"\n{BIZ}': "mail.toml: aliases.\"x@example.com\": 'alcie@example.biz' is nobody's address; expected a mailbox or an alias (did you mean 'alice@example.biz'?)",
    f'"x@example.com" = "x@example.biz"\n{BIZ}': 'mail.toml: aliases."x@example.com": is a loop: x@example.biz -> x@example.com -> x@example.biz (mail never arrives)',
    '"alice@example.com" = "bob@example.org"': 'mail.toml: aliases."alice@example.com": is a mailbox as well; expected its own address among the targets, which keeps a copy',
    '"alice@example.com" = ["alice@example.com", "abuse@example.com"]': 'mail.toml: aliases."alice@example.com": is a loop: abuse@example.com -> alice@example.com -> abuse@example.com (mail never arrives)',
    f'"alice@example.com" = ["alice@example.com", "postmaster@example.biz"]\n{BIZ}': 'mail.toml: aliases."alice@example.com": is a loop: alice@example.com -> postmaster@example.biz -> postmaster@example.com -> alice@example.com (mail never arrives)',
    '"alice@example.com" = ["alice@example.com", "alice+x@example.com"]': 'mail.toml: aliases."alice@example.com": is a loop: alice@example.com -> alice@example.com (mail never arrives)',
    '"alice@example.com" = ["alice@example.com", "info@example.com"]': 'mail.toml: aliases."alice@example.com": is a loop: alice@example.com -> info@example.com -> alice@example.com (mail never arrives)',
    '"x@example.com" = ["x@example.com", "alice@example.com"]': 'mail.toml: aliases."x@example.com": is a loop: x@example.com -> x@example.com (mail never arrives)',
    f'"all@example.com" = {[f"u{n}@elsewhere.example" for n in range(1001)]}\n"more@example.com" = "all@example.com"': f'mail.toml: aliases."all@example.com": reaches 1001 addresses; {LIMIT}',
    f'"a@example.com" = {[f"u{n}@elsewhere.example" for n in range(600)]}\n"b@example.com" = "a@example.com"\n"c@example.com" = ["a@example.com", "b@example.com"]': f'mail.toml: aliases."c@example.com": reaches 1200 addresses; {LIMIT}',
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_one_line(folder: Folder, text: str) -> None:
    folder.mail += text.replace("{hash}", folder.hash)
    assert folder.wrong() == [WRONG[text]]


def maps(folder: Folder, host: int = 0) -> dict[str, str]:
    """The entries of virtual_alias_maps."""
    text = picture(folder.load().hosts[host])["/etc/postfix/maps/virtual_alias_maps"]
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    assert len({line.partition(" ")[0] for line in lines}) == len(lines)
    return dict(line.split(" ", 1) for line in lines)


def test_a_catch_all_leaves_every_other_address_alone(folder: Folder) -> None:
    folder.mail += '"@example.com" = "bob@example.org"\n'
    found = maps(folder)
    assert found["@example.com"] == "bob@example.org"
    assert found["alice@example.com"] == "alice@example.com"
    assert found["abuse@example.com"] == found["info@example.com"] == "alice@example.com"


def test_without_a_catch_all_a_mailbox_needs_no_entry(folder: Folder) -> None:
    assert "alice@example.com" not in maps(folder)


def test_the_owner_of_a_catch_all_sends_as_what_is_nobody_elses(folder: Folder) -> None:
    folder.mail += (
        '"@example.com" = "alice@example.com"\n"forward@example.com" = "x@elsewhere.example"\n'
        + f'[mailboxes."carol@example.com"]\npassword = "{folder.hash}"\n'
    )
    logins = folder.load().hosts[0].sender_logins
    assert logins["@example.com"] == ("alice@example.com",)
    assert logins["carol@example.com"] == ("carol@example.com",)
    assert logins["forward@example.com"] == ("nobody",)


def test_an_alias_domain_has_a_twin_of_every_address_and_no_more(folder: Folder) -> None:
    folder.mail += '"alice@example.com" = ["alice@example.com", "a@elsewhere.example"]\n' + BIZ
    found = maps(folder)
    assert {name: to for name, to in found.items() if name.endswith("@example.biz")} == {
        f"{name}@example.biz": f"{name}@example.com"
        for name in ("abuse", "alice", "info", "postmaster")
    }
    host = folder.load().hosts[0]
    assert [domain.name for domain in host.domains] == ["example.biz", "example.com"]
    assert host.sender_logins["alice@example.biz"] == ("alice@example.com",)
    assert host.sender_logins["info@example.biz"] == ("alice@example.com",)


def test_the_catch_all_of_an_alias_domain_is_the_one_of_its_domain(folder: Folder) -> None:
    folder.mail += f'"@example.com" = "bob@example.org"\n{BIZ}'
    found = maps(folder)
    assert found["@example.biz"] == "bob@example.org"
    assert found["alice@example.biz"] == "alice@example.com"


def test_a_target_may_be_in_an_alias_domain(folder: Folder) -> None:
    folder.mail += f'"x@example.com" = "alice+y@example.biz"\n{BIZ}'
    assert folder.load().ends["x@example.com"] == {"alice@example.com"}


def test_a_mailbox_that_forwards_keeps_its_copy_and_its_name(folder: Folder) -> None:
    folder.mail += (
        '"alice@example.com" = ["alice@example.com", "carol@example.com"]\n'
        + f'[mailboxes."carol@example.com"]\npassword = "{folder.hash}"\n'
    )
    inventory = folder.load()
    both = ("alice@example.com", "carol@example.com")
    assert Alias("alice@example.com", both) in inventory.aliases
    assert inventory.ends["info@example.com"] == set(both)
    logins = inventory.hosts[0].sender_logins
    assert logins["alice@example.com"] == logins["info@example.com"] == ("alice@example.com",)


def test_a_list_may_have_as_many_members_as_postfix_takes(folder: Folder) -> None:
    folder.mail += f'"all@example.com" = {[f"u{n}@elsewhere.example" for n in range(1000)]}\n'
    assert len(folder.load().ends["all@example.com"]) == 1000


def test_many_ways_to_one_address_are_each_walked_once() -> None:
    sides = {f"{side}{n}@x": {f"a{n + 1}@x", f"b{n + 1}@x"} for n in range(60) for side in "ab"}
    assert delivery.ends(sides)["a0@x"] == {"a60@x", "b60@x"}
