"""The register of state: whose each path is, and that docs/state.md says so."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mailwright.model.host import VARIANTS, MailHost
from mailwright.model.state import (
    CHALLENGES,
    INVENTORY,
    ORDERS,
    REGISTER,
    TLS,
    Backup,
    Entry,
    Move,
    entry,
    register,
)
from mailwright.model.storage import FOLDERS
from programs import renew
from tests.inventories import make_keys
from tests.register import PAGE, page
from tests.unit.conftest import Folder

MAILDIR = "/var/vmail/example.com/alice/Maildir"
MDBOX = "/var/vmail/example.com/alice/mdbox"


@pytest.fixture
def host(folder: Folder) -> MailHost:
    return folder.load().hosts[0]


def whose(path: str) -> str:
    found = entry(path)
    return found.name if found else ""


def test_the_page_is_what_the_register_says() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.register"


@pytest.mark.parametrize("each", [*REGISTER, *INVENTORY], ids=lambda each: each.name)
def test_each_entry_says_everything(each: Entry) -> None:
    assert each.what and each.maker and each.paths and each.how and each.loss
    assert each.variant in {"", *VARIANTS, *FOLDERS}
    is_kept = each.backup is not Backup.NO
    assert is_kept == (each.move in (Move.BEFORE, Move.AFTER)) or each.move is Move.BY_HAND
    assert bool(each.unit) == (each.move is Move.AFTER) or each.name == "queue"


def test_no_entry_has_the_name_of_another() -> None:
    names = [entry.name for entry in (*REGISTER, *INVENTORY)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"{MAILDIR}/cur/1.M1P1.mail,S=3:2,S", "maildir"),
        (f"{MAILDIR}/dovecot-uidlist", "maildir"),
        (f"{MAILDIR}/.Sent/dovecot-keywords", "maildir"),
        (f"{MAILDIR}/dovecot.index.cache", "indexes"),
        (f"{MAILDIR}/.Sent/dovecot.index.log", "indexes"),
        ("/var/vmail/example.com/alice/shared/a@example.com/dovecot.index.pvt", "private-seen"),
        ("/var/vmail/example.com/alice/sieve/filter.sieve", "sieve"),
        ("/var/spool/postfix/deferred/A/ABC", "queue"),
        ("/var/spool/postfix/pid/master.pid", "postfix"),
        (f"{MDBOX}/mailboxes/INBOX/dbox-Mails/dovecot.index.log", "mdbox"),  # no cache there
        ("/var/lib/mailwright/acme/account-0/private/key.pem", "account"),
        ("/var/lib/mailwright/acme/mail/failure", "orders"),
        ("/var/lib/unheard-of", ""),
        ("/etc/mailwright/rollout2", ""),
    ],
)
def test_a_path_is_the_first_entry_s_that_covers_it(path: str, name: str) -> None:
    assert whose(path) == name


def test_what_must_be_there_goes_by_the_host_s_settings(host: MailHost) -> None:
    names = {each.name for each in register(host)}
    assert names.isdisjoint({"mdbox", "account", "orders", "certificates", "nginx"})
    others = {each.name for each in register(replace(host, mail_driver="mdbox"))}
    assert names - others == {"indexes", "maildir"}
    assert others - names == {"mdbox"}


def test_what_orders_certificates_writes_where_the_register_says() -> None:
    assert [str(p) for p in (renew.STATE, renew.CHALLENGES, renew.TLS)] == [ORDERS, CHALLENGES, TLS]


def test_what_commands_write_into_an_inventory_is_in_the_register(folder: Folder) -> None:
    folder.load()
    make_keys(folder.path)
    written = [
        str(Path(top, name).relative_to(folder.path))
        for top, _, names in os.walk(folder.path)
        for name in names
    ]
    assert written
    assert [path for path in written if not any(e.covers(path) for e in INVENTORY)] == []
