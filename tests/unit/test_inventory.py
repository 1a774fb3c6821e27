"""What follows from a description that is right."""

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest

from mailwright.inventory.load import check
from mailwright.model.problems import Problems
from tests.unit.conftest import Folder


def test_a_host_has_what_is_stored_on_it(folder: Folder) -> None:
    first, second = folder.load().hosts
    assert (first.name, first.debian, first.dovecot, first.postfix) == (
        "mail.example.com", 12, "2.3", "3.7",
    )  # fmt: skip
    assert (second.debian, second.dovecot, second.postfix) == (13, "2.4", "3.10")
    assert second.variants == {"2.4", "3.10", "debian13", "given"}
    assert [domain.name for domain in first.domains] == ["example.com"]
    assert [box.address for box in first.mailboxes] == ["alice@example.com"]
    assert [alias.address for alias in first.aliases] == [
        "abuse@example.com", "info@example.com", "postmaster@example.com",
    ]  # fmt: skip
    assert second.addresses == ["198.51.100.20"]
    assert 25 in [listener.port for listener in first.listeners]


def test_who_may_send_as_whom(folder: Folder) -> None:
    folder.mail += """
"team@example.com" = ["info@example.com", "bob@example.org", "x@elsewhere.example"]
"all@example.org" = ["team@example.com", "bob+all@example.org"]
"away@example.org" = "alice@example.com"
"""
    first, second = folder.load().hosts
    assert first.sender_logins == {
        "abuse@example.com": ("alice@example.com",),
        "alice@example.com": ("alice@example.com",),
        "all@example.org": ("alice@example.com",),
        "away@example.org": ("alice@example.com",),
        "info@example.com": ("alice@example.com",),
        "postmaster@example.com": ("alice@example.com",),
        "team@example.com": ("alice@example.com",),
    }
    assert second.sender_logins == {
        "all@example.org": ("bob@example.org",),
        "bob@example.org": ("bob@example.org",),
        "team@example.com": ("bob@example.org",),
    }


def test_a_long_chain_of_aliases_is_followed(folder: Folder) -> None:
    steps = [f'"a{n}@example.com" = "a{n + 1}@example.com"' for n in range(5000)]
    folder.mail += "\n".join(reversed(steps)) + '\n"a5000@example.com" = "alice@example.com"\n'
    assert folder.load().ends["a0@example.com"] == {"alice@example.com"}


def test_many_ways_to_one_mailbox_are_each_walked_once(folder: Folder) -> None:
    for n in range(60):
        further = [f"{side}{n + 1}@example.com" for side in "ab"] if n < 59 else "alice@example.com"
        folder.mail += f'"a{n}@example.com" = {further!r}\n"b{n}@example.com" = {further!r}\n'
    lines = folder.wrong()  # Postfix walks each way, and gives up
    where = 'mail.toml: aliases."{}49@example.com": reaches 1024 addresses; expected 1000 at most'
    hint = " (virtual_alias_expansion_limit, postconf(5))"
    assert sorted(lines) == [where.format(side) + hint for side in "ab"]


def test_local_host_and_myhostname(folder: Folder) -> None:
    data = {"debian": 13, "ipv6": "2001:DB8:0::1", "myhostname": "Mx.example.com"}
    folder.hosts = f'mail = [("@local", {data})]'
    folder.mail = folder.mail.replace("mail.example.com", "@local")
    folder.mail = folder.mail.replace("mail.example.org", "mx.example.com")
    inventory = folder.load()
    host = inventory.hosts[0]
    assert (host.target, host.name) == ("@local", "mx.example.com")
    assert (host.ipv4, host.ipv6) == (None, "2001:db8::1")
    assert host.tls_chain_file == "tls/mx.example.com.pem"
    assert {domain.host for domain in inventory.domains} == {"mx.example.com"}


def test_no_secret_shows_itself(folder: Folder, chain: Callable[..., str]) -> None:
    (folder.path / "tls").mkdir()
    for name in ("mail.example.com", "mail.example.org"):
        path = folder.path / f"tls/{name}.pem"
        path.write_text(chain(name))
        path.chmod(0o600)
    inventory = folder.load(tls=True)
    host = inventory.hosts[0]
    assert "PRIVATE KEY" in host.tls_chain
    shown = repr(inventory) + repr(host.mailboxes) + json.dumps(host.to_json())
    assert "PRIVATE KEY" not in shown
    assert folder.hash not in shown


def test_the_description_is_frozen(folder: Folder) -> None:
    inventory = folder.load()
    for thing in (inventory, *inventory.hosts, *inventory.domains, *inventory.mailboxes):
        with pytest.raises(FrozenInstanceError):
            thing.name = "other"  # type: ignore[attr-defined]  # what nothing may do


def test_a_text_that_stands_for_a_file_does_so_when_it_is_empty(folder: Folder) -> None:
    """What a command would leave is judged, not what is there."""
    folder.load()
    with pytest.raises(Problems):
        check(folder.path, {"mail.toml": ""})
