"""Sieve scripts of the inventory: whom they are for, and what is wrong with them."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

from pathlib import Path

import pytest

from mailwright.model.script import MAX_SCRIPT_SIZE
from mailwright.picture.render import picture
from tests.unit.conftest import HASH, Folder

KEEP = "keep;\n"
FILE = 'require "fileinto";\nfileinto "Lists";\n'


def put(folder: Folder, name: str, text: str | bytes = KEEP) -> None:
    path = folder.path / "sieve" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def test_an_inventory_needs_no_script(folder: Folder) -> None:
    assert folder.load().hosts[0].scripts == ()


def test_a_script_reaches_the_host_of_its_domain_as_it_is_written(folder: Folder) -> None:
    text = '# {{ no template }}\nrequire "fileinto";\n'
    put(folder, "before/Example.COM.sieve", text)
    com, org = folder.load().hosts
    files = picture(com)
    assert files["/etc/dovecot/sieve/before/example.com.sieve"] == text
    assert (
        files.origin("/etc/dovecot/sieve/before/example.com.sieve")
        == "sieve/before/Example.COM.sieve"
    )
    assert not [path for path in picture(org) if "before/example" in path]


@pytest.mark.parametrize("host", [0, 1], ids=["Dovecot 2.3", "Dovecot 2.4"])
def test_a_mailbox_with_a_default_of_its_own_has_it_in_its_line(folder: Folder, host: int) -> None:
    put(folder, "default/ALICE@example.com.sieve")
    put(folder, "default/bob@example.org.sieve")
    domain, owner = [("example.com", "alice"), ("example.org", "bob")][host]
    users = picture(folder.load().hosts[host])[f"/etc/dovecot/users/{domain}"]
    assert f"=/etc/dovecot/sieve/default/{owner}@{domain}.sieve\n" in users


def test_a_domain_is_found_by_its_u_label(folder: Folder) -> None:
    folder.mail += '[domains."bücher.example"]\nhost = "mail.example.com"\n'
    put(folder, "after/Bücher.example.sieve")
    assert folder.load().hosts[0].scripts[0].name == "after/xn--bcher-kva.example"


def test_files_of_an_editor_are_no_scripts(folder: Folder) -> None:
    put(folder, "before/.example.com.sieve.swp")
    assert folder.load().hosts[0].scripts == ()


WRONG = {
    "before/example.cmo.sieve": "sieve/before/example.cmo.sieve: 'example.cmo' is no domain of ours; expected example.com, example.org or example.biz (did you mean 'example.com'?)",
    "before/example.com": "sieve/before/example.com: 'example.com' is no name of a script; expected one such as example.com.sieve",
    "before/alice@example.com.sieve": "sieve/before/alice@example.com.sieve: 'alice@example.com' is no domain; expected a domain; a mailbox has a script in sieve/default/ or uploads one",
    "default/alcie@example.com.sieve": "sieve/default/alcie@example.com.sieve: 'alcie@example.com' is no mailbox of ours (did you mean 'alice@example.com'?)",
    "default/everybody@example.com.sieve": "sieve/default/everybody@example.com.sieve: 'everybody@example.com' is no mailbox of ours",
    "default/alice+a@example.com.sieve": "sieve/default/alice+a@example.com.sieve: 'alice+a@example.com' has a '+', which starts an address extension; expected a name without (mail to alice@example.com with +anything arrives there by itself)",
    "default/scan@example.com.sieve": "sieve/default/scan@example.com.sieve: 'scan@example.com' stores no mail; expected a mailbox that does (no script ever runs there)",
    "example.com.sieve": "sieve/example.com.sieve: is in no folder that says when; expected sieve/before/, sieve/after/ or sieve/default/",
    "befor/example.com.sieve": "sieve/befor/example.com.sieve: 'befor' is in no folder that says when; expected sieve/before/, sieve/after/ or sieve/default/",
    "after/example.biz.sieve": "sieve/after/example.biz.sieve: 'example.biz' is an alias domain; expected example.com (its mail goes there)",
}


def test_everything_that_is_wrong_is_one_line_each(folder: Folder) -> None:
    folder.mail += f'[mailboxes."scan@example.com"]\nuse = "send-only"\npassword = "{HASH}"\n'
    folder.mail += '[domains."example.biz"]\nalias_of = "example.com"\n'
    for name in WRONG:
        put(folder, name)
    assert folder.wrong() == [WRONG[name] for name in sorted(WRONG)]


def test_what_no_sieve_could_read_is_refused(folder: Folder) -> None:
    put(folder, "after/example.com.sieve", b"# caf\xe9\n")
    put(folder, "before/example.com.sieve", "#" * (MAX_SCRIPT_SIZE + 1))
    assert folder.wrong() == [
        "sieve/after/example.com.sieve: is not in UTF-8 (RFC 5228 section 2.1)",
        "sieve/before/example.com.sieve: is too long for a script; expected 1M at most (sieve_max_script_size)",
    ]


def test_one_domain_in_different_letters_is_told(folder: Folder) -> None:
    put(folder, "before/Example.com.sieve")
    put(folder, "before/example.com.sieve")
    assert folder.wrong() == [
        "sieve/before/example.com.sieve: 'example.com' is for the same as sieve/before/Example.com.sieve"
    ]


def test_a_script_that_files_mail_where_pop3_does_not_look_is_told(folder: Folder) -> None:
    folder.mail += f'[mailboxes."home@example.com"]\nuse = "archive"\npassword = "{HASH}"\n'
    put(folder, "before/example.com.sieve", FILE)
    put(folder, "after/example.com.sieve", KEEP)
    put(folder, "default/alice@example.com.sieve", FILE)
    folder.certify()
    assert folder.load().warnings == (
        "sieve/before/example.com.sieve files mail out of sight of home@example.com: POP3 shows no folders",
    )


def test_a_script_that_cannot_be_read_is_told(folder: Folder) -> None:
    put(folder, "before/example.com.sieve")
    path = Path(folder.path / "sieve/before/example.com.sieve")
    path.unlink()
    path.symlink_to("nowhere")
    assert folder.wrong() == [
        "sieve/before/example.com.sieve: cannot be read: No such file or directory"
    ]
