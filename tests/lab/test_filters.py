"""Filters: scripts of the inventory and of the owner, vacation and forwards."""

import shutil
from collections.abc import Iterator
from functools import partial
from mailbox import MaildirMessage
from pathlib import Path
from uuid import uuid4

import pytest

from lab.lab import Lab
from tests.host.letters import eventually
from tests.lab.clients import Curl, Mbsync, Person, SieveConnect, letter
from tests.lab.deploys import HOSTS, Deploy, edit
from tests.lab.test_deploy import ask, tree

JUDGE = "judge@elsewhere.example"
FILES = """\
require ["fileinto", "mailbox"];
if header :contains "Subject" "{0}" {{
    fileinto :create "{0}";
}}
"""
AWAY = 'require "vacation";\nvacation :days 3 :subject "Away" "I am away.";\n'
FORWARD = f'redirect "{JUDGE}";\n'


@pytest.fixture
def owner(servers: Lab, host: str, inventory: Path, tmp_path: Path) -> Iterator[Person]:
    """Somebody with IMAP and ManageSieve, whose mailbox is empty again afterwards."""
    address = host.replace("mail.", "devices@")
    yield Person.of(servers, inventory, address, host, tmp_path / "owner")
    folder = address.replace("devices@", "/var/vmail/") + "/devices"
    whom_it_answered = f"rm -f {folder}/.dovecot.lda-dupes"
    ask(servers, host, f"doveadm expunge -u {address} mailbox '*' ALL; {whom_it_answered}")


@pytest.fixture
def judge(lab: Lab, tmp_path: Path) -> Iterator[Person]:
    """Somebody with a mailbox on another server, which judges what it receives."""
    home = tmp_path / "judge"
    home.mkdir()
    yield Person(lab, JUDGE, "toy-of-the-lab", "mx.elsewhere.example", home)
    ask(lab, "mx.elsewhere.example", f"doveadm expunge -u {JUDGE} mailbox '*' ALL")


def holding(who: Person, subject: str) -> list[MaildirMessage] | None:
    desk = Mbsync(who, f"desk-{uuid4()}").sync().folder("INBOX")
    return [each for each in desk if subject in each["Subject"]] or None


@pytest.fixture
def other(inventory: Path, tmp_path: Path) -> Path:
    """A copy of the inventory with scripts for everybody and a default for one."""
    folder = Path(shutil.copytree(inventory, tmp_path / "other"))
    for domain in ("example.com", "example.org"):
        names = {"before": domain, "after": domain, "default": f"devices@{domain}"}
        for time, whom in names.items():
            path = folder / "sieve" / time / f"{whom}.sieve"
            path.parent.mkdir(exist_ok=True)
            path.write_text(FILES.format(time))
        (folder / "sieve" / "default" / f"{domain}.sieve").write_text("discard;\n")
    return folder


def test_scripts_run_in_their_order_and_a_broken_one_never(
    deployed: Lab, other: Path, tmp_path: Path
) -> None:
    Deploy.run(deployed, other).succeeded()
    people = [
        Person.of(deployed, other, host.replace("mail.", "devices@"), host, tmp_path / host)
        for host in HOSTS
    ]
    for who in people:
        filed(who, "before", "default", "after")
        SieveConnect(who).activate("own", FILES.format("own"))
        filed(who, "before", "own", "after")
        Curl(who).send(who.address, "default")
        eventually(partial(shown, who, "default", "INBOX"), "default in INBOX")
    refused(deployed, other)
    for who in people:
        filed(who, "before", "own", "after")
        SieveConnect(who).remove("own")
        filed(who, "default")
        ask(deployed, who.server, f"doveadm expunge -u {who.address} mailbox '*' ALL")


def shown(who: Person, subject: str, folder: str) -> bool | None:
    """Whether a letter is in a folder; None as long as it is not."""
    return subject in Curl(who).subjects(folder) or None


def filed(who: Person, *folders: str) -> None:
    """A letter that names one of the folders goes there, and to no other place."""
    for name in folders:
        subject = f"for {name}: {uuid4()}"
        Curl(who).send(who.address, subject)
        eventually(partial(shown, who, subject, name), subject)


def refused(lab: Lab, inventory: Path) -> None:
    """Both scripts are told at once, each with its file, its line and Sieve's own words."""
    before = [tree(lab, host, "/etc/dovecot") for host in HOSTS]
    edit(inventory / "sieve/before/example.com.sieve", ("fileinto :create", "fileino :create"))
    edit(inventory / "sieve/after/example.com.sieve", ("if header", "if haeder"))
    edit(inventory / "sieve/default/devices@example.org.sieve", ('"mailbox"', '"mailbocks"'))
    said = Deploy.run(lab, inventory).refused()
    assert "sieve/before/example.com.sieve:3: error: unknown command 'fileino'" in said
    assert "sieve/after/example.com.sieve:2: error: unknown test 'haeder'" in said
    line = "sieve/default/devices@example.org.sieve:1: error: require command: unknown Sieve"
    assert f"{line} capability 'mailbocks'" in said
    assert "the old one keeps serving" in said
    assert [tree(lab, host, "/etc/dovecot") for host in HOSTS] == before


def test_vacation_answers_people_once_and_machines_never(
    owner: Person, judge: Person, servers: Lab
) -> None:
    sieve = SieveConnect(owner)
    sieve.activate("away", AWAY)
    machines: list[dict[str, str]] = [
        {"List-Id": "<list.elsewhere.example>"},
        {"Precedence": "bulk"},
        {"Auto-Submitted": "auto-generated"},
        {"To": "somebody@elsewhere.example"},  # it came by a list or an alias
    ]
    for headers in machines:
        post(judge, owner, "to a machine", headers)
    post(judge, owner, "to a machine", sender="")
    for subject in ("first", "second"):
        post(judge, owner, subject)
    subjects = ["to a machine"] * 5 + ["first", "second"]
    eventually(lambda: sorted(Curl(owner).subjects()) == sorted(subjects) or None, "the letters")
    answers = replies(judge, owner, servers)
    sieve.remove("away")
    assert len(answers) == 1
    assert answers[0]["From"] == f"<{owner.address}>"
    assert answers[0]["Return-Path"] == "<>"
    assert answers[0]["Auto-Submitted"].startswith("auto-replied")
    judged = " ".join(answers[0].get_all("Authentication-Results", []))
    assert {"spf=pass", "dkim=pass", "dmarc=pass"} <= {*judged.replace(";", " ").split()}


def post(
    judge: Person,
    owner: Person,
    subject: str,
    headers: dict[str, str] | None = None,
    sender: str = JUDGE,
) -> None:
    """A letter from the other server, with more headers or in the place of its own."""
    written = letter(JUDGE, owner.address, subject)
    for name, value in (headers or {}).items():
        del written[name]
        written[name] = value
    Curl(judge).post(written, owner.address, sender)


def replies(judge: Person, owner: Person, lab: Lab) -> list[MaildirMessage]:
    """What came from the owner, when nothing more of it is under way."""
    empty = "Mail queue is empty"
    eventually(lambda: empty in ask(lab, owner.server, "postqueue -p") or None, empty)
    return eventually(lambda: holding(judge, "Away"), "answer")


def test_a_script_forwards_with_srs_and_vouches_for_nobody(
    owner: Person, judge: Person, servers: Lab
) -> None:
    sieve = SieveConnect(owner)
    sieve.activate("forward", FORWARD)
    post(judge, owner, "from another server")
    (honest,) = eventually(lambda: holding(judge, "from another server"), "the forwarded letter")
    sieve.remove("forward")
    assert str(honest["Return-Path"]).startswith("<SRS0=")
    judged = " ".join(honest.get_all("Authentication-Results", []))
    assert f"spf=pass smtp.mailfrom={owner.server}" in judged
    assert "dkim=pass" in judged
    assert "d=example" not in str(honest.get_all("DKIM-Signature"))
