"""Nobody speaks for somebody else: by no spelling of From, no Sieve script and no forged envelope.

What a foreign server believes is what its DMARC verdict says, whatever its readers show.
"""

import json
import re
import subprocess
import sys
from dataclasses import asdict
from email.message import Message
from email.utils import make_msgid
from functools import partial
from pathlib import Path

import pytest

from lab.lab import Lab
from tests.host.letters import Account, eventually
from tests.lab.clients import Mbsync, Person, SieveConnect
from tests.lab.deploys import HOSTS, ROOT
from tests.lab.spellings import STRANGER, authors
from tests.lab.test_deploy import ask
from tests.lab.test_filters import JUDGE, judge, owner

__all__ = ["judge", "owner"]  # fixtures
WRITERS = {"mail.example.com": "alice@example.com", "mail.example.org": "bob@example.org"}


@pytest.mark.parametrize("host", HOSTS)
def test_a_from_is_refused_or_every_reader_sees_the_same_author(
    servers: Lab, inventory: Path, tmp_path: Path, host: str
) -> None:
    writer = Person.of(servers, inventory, WRITERS[host], host, tmp_path / "writer")
    author = Account(writer.address, writer.password, host)
    reader = Account(JUDGE, "toy-of-the-lab", "mx.elsewhere.example")
    done = servers.run(
        [sys.executable, "-m", "tests.lab.spellings"],
        cwd=ROOT,
        input=json.dumps({"author": asdict(author), "reader": asdict(reader)}),
        stdout=subprocess.PIPE,
    )
    assert done.returncode == 0
    said = json.loads(done.stdout)
    doubtful, sound = said["codes"]
    assert len(doubtful) > 150
    assert {*sound} == {250}
    local, _, domain = writer.address.partition("@")
    own = {writer.address, f"{local}+notes@{domain}", f"{local}+x@{domain}"}
    for header, shown in (letter for letters in said["found"] for letter in letters):
        seen = authors(header.encode("latin-1")) | {"ENVELOPE": {*shown}}
        for who in seen.values():
            assert {address for address in who if "@" in address} <= own, (header, seen)
        assert seen["ENVELOPE"], header
        assert seen["email.policy"], header
    for header, _ in said["found"][1]:
        assert "dmarc=pass" in header
    # What is taken although it is odd is no more than what Postfix mends before anybody reads it:
    # a NUL, a bare CR, a space before the colon.
    assert doubtful.count(250) <= 4, doubtful


# Parts of scripts, each in the name of OTHER.
FORGED = {
    "vacation from": 'vacation :from "OTHER" "x";',
    "vacation from, with name": 'vacation :from "Boss <OTHER>" "x";',
    "vacation from a variable": 'set "a" "OTHER"; vacation :from "${a}" "x";',
    "vacation from two": 'set "a" "OWN, OTHER"; vacation :from "${a}" "x";',
    "vacation from a name": 'set "a" "OTHER <OWN>"; vacation :from "${a}" "x";',
    "vacation from lines": 'set "a" "OWN${hex:0d 0a}From: OTHER"; vacation :from "${a}" "x";',
    "vacation addresses": 'vacation :addresses "OTHER" "x";',
    "vacation mime": 'vacation :mime "From: OTHER${hex:0d 0a 0d 0a}x";',
    "vacation mime sender": 'vacation :mime "Sender: OTHER${hex:0d 0a 0d 0a}x";',
    "vacation mime resent": 'vacation :mime "Resent-From: OTHER${hex:0d 0a 0d 0a}x";',
    "vacation mime redirected": (
        'vacation :from "OTHER" :mime "X-Sieve-Redirected-From: a@b.example${hex:0d 0a 0d 0a}x";'
    ),
    "vacation subject": 'vacation :subject "a${hex:0d 0a}From: OTHER${hex:0d 0a}B: c" "x";',
    "notify from": 'notify :from "OTHER" "mailto:JUDGE";',
    "notify from, with name": 'notify :from "Boss <OTHER>" "mailto:JUDGE";',
    "notify uri": 'set "a" "mailto:JUDGE?From=OTHER"; notify "${a}";',
    "notify uri sender": 'set "a" "mailto:JUDGE?Sender=OTHER"; notify "${a}";',
    "notify uri resent": (
        'set "a" "mailto:JUDGE?Resent-From=OTHER&Resent-Sender=OTHER"; notify "${a}";'
    ),
    "notify uri lines": 'set "a" "mailto:JUDGE?X-A=b%0D%0AFrom:%20OTHER"; notify "${a}";',
    "notify uri redirected": (
        'notify :from "OTHER" "mailto:JUDGE?X-Sieve-Redirected-From=a@b.example";'
    ),
    "notify message": 'notify :message "a${hex:0d 0a}From: OTHER" "mailto:JUDGE";',
    "reject": 'reject "x${hex:0d 0a}From: OTHER";',
    "redirect": 'redirect "JUDGE";',
}
# What the owner says in his own name arrives, and is believed.
OWN = {
    "own vacation": 'vacation "I am away.";',
    "own vacation from": 'vacation :from "A <OWN>" "x";',
    "own vacation from a plus address": 'vacation :from "PLUS" "x";',
    "own notification": 'notify "mailto:JUDGE";',
    "own rejection": 'reject "x";',
}
NEEDS = '["vacation", "enotify", "reject", "variables", "encoded-character"]'
# By the foreign server, whose letters are trusted, or as any client does: by IPv4, since to Rspamd
# all of an IPv6 /64 is one address in SPF.
SEND = """
import json, smtplib, socket, sys
from contextlib import suppress
from tests.host.letters import Account
wanted = json.load(sys.stdin)
with Account(*wanted["account"]).smtp() as client:
    for letter in wanted["honest"]:
        client.sendmail(*letter)
with smtplib.SMTP(socket.gethostbyname(wanted["server"]), 25) as client:
    for letter in wanted["forged"]:
        with suppress(smtplib.SMTPDataError):
            client.sendmail(*letter)
"""


def test_a_script_and_a_strangers_letter_speak_for_nobody_else(
    owner: Person, judge: Person, servers: Lab
) -> None:
    domain = owner.server.removeprefix("mail.")
    others = (f"few@{domain}", "carol@example.net", STRANGER)
    words = {"OWN": owner.address, "PLUS": f"devices+x@{domain}", "JUDGE": JUDGE}
    script = f"require {NEEDS};\n"
    honest, forged = list[Letter](), list[Letter]()
    for name, part in FORGED.items():
        for other in others if name in ("vacation from", "notify from", "redirect") else others[:1]:
            subject = f"{name}: {other}"
            script += clause(subject, part, words | {"OTHER": other})
            to = f"{owner.address}, {other}"
            if name == "redirect":
                letter = text(other, to, subject)
                # Ours would be spam, which is not redirected.
                through = honest if other == STRANGER else forged
                through += [(each, owner.address, letter) for each in (JUDGE, other, "")]
            else:
                honest.append((JUDGE, owner.address, text(JUDGE, to, subject)))
    for name, part in OWN.items():
        script += clause(name, part, words)
        honest.append((JUDGE, owner.address, text(JUDGE, owner.address, name)))
    forward = {"example.com": "carol@example.net", "example.org": "away@example.org"}[domain]
    forged += [(each, forward, text(each, forward, "forward")) for each in others[:2]]
    # For what is forwarded SPF vouches in the host's own name.
    forged.append((STRANGER, forward, text(f"root@{owner.server}", forward, "forward")))
    sieve = SieveConnect(owner)
    sieve.activate("forged", script)
    send(judge, owner.server, honest, forged)
    settled(servers, owner)
    sieve.remove("forged")
    arrived = [*Mbsync(judge, "desk").sync().folder("INBOX")]
    assert [each for each in arrived if str(each["Subject"]).startswith("redirect")]
    believed = [each for each in arrived if is_believed(each)]
    mine = {owner.address, words["PLUS"], JUDGE}
    for each in believed:
        for who in authors(bytes(each)).values():
            assert who <= mine, each
    answers = [each for each in believed if owner.address.partition("@")[2] in str(each["From"])]
    assert len(answers) >= len(OWN)
    assert {each["Return-Path"] for each in answers} == {"<>"}


def clause(subject: str, part: str, words: dict[str, str]) -> str:
    """What the script does with the letter of this subject."""
    for word, value in words.items():
        part = part.replace(word, value)
    return f'if header :is "Subject" "{subject}" {{ {part} }}\n'


def text(author: str, to: str, subject: str) -> str:
    head = {"From": author, "To": to, "Subject": subject, "Message-ID": make_msgid()}
    return "".join(f"{name}: {value}\r\n" for name, value in head.items()) + "\r\nHello.\r\n"


Letter = tuple[str, str, str]  # envelope sender, reader, text


def send(judge: Person, server: str, honest: list[Letter], forged: list[Letter]) -> None:
    account = (judge.address, judge.password, judge.server)
    wanted = {"account": account, "server": server, "honest": honest, "forged": forged}
    argv = [sys.executable, "-c", SEND]
    assert judge.lab.run(argv, cwd=ROOT, input=json.dumps(wanted)).returncode == 0


def is_believed(letter: Message) -> bool:
    """By the results of SPF and DKIM for the very domain of From: opendmarc ignores aspf=s."""
    judged = " ".join(str(each) for each in letter.get_all("Authentication-Results", []))
    domains = re.findall(r"spf=pass smtp.(?:mailfrom|helo)=(\S+)", judged)
    domains += re.findall(r"(?s)dkim=pass.*?header\.d=(\S+)", judged)
    return any(f"@{domain}>" in f"{letter['From']}>" for domain in domains)


def settled(lab: Lab, owner: Person) -> None:
    """All letters are through, and what scripts answered to them as well."""
    empty = "Mail queue is empty"

    def is_so(server: str) -> bool | None:
        return empty in ask(lab, server, "postqueue -p") or None

    for server in (JUDGE.replace("judge@", "mx."), owner.server, JUDGE.replace("judge@", "mx.")):
        eventually(partial(is_so, server), empty, 90)
