"""SRS: forwarded mail is trusted at the other side, and its bounces find their way back."""

import re
import shlex
from email.utils import parseaddr

import pytest
from testinfra.host import Host

from mailwright.inventory.load import Inventory
from mailwright.model.host import MailHost
from tests.host.letters import Account, Letters, smtp
from tests.host.state import Socket, Unit

# Each is one that some forwarder has got wrong: too long, of other forwarders, or with a meaning.
LONG = "x" * 61 + "." + "y" * 61 + "." + "z" * 61 + ".sender.invalid"
SENDERS = (
    "someone@sender.invalid",
    "user+detail@sender.invalid",
    "_a-b.c=d/e{f}|g~h'i`j?k^l*m&n$o#p@sender.invalid",
    "first.last@a-name-of-just-the-length.sender.invalid",
    "first.last.x@a-name-of-just-the-length.sender.invalid",  # 64 and 65 octets, with SRS
    "first.last.xy@a-name-of-just-the-length.sender.invalid",
    "bounces+1234567-89ab-user=elsewhere.example@em.sender.invalid",
    "bounces-list-2026-11-29-0000017-user=elsewhere.example@sender.invalid",
    "0" * 64 + "@sender.invalid",
    "0" * 64 + f"@{LONG}",
    f"someone@{LONG}",
    "someone@xn--" + "bcher-kva" * 6 + ".xn--bcher-kva.sender.invalid",
    "SRS0=AbCd=7K=other.invalid=user@forwarder.invalid",
    "SRS0=AbCdEfGh=7K=a-longer-name.other.invalid=some.user+detail@forwarder.invalid",
    "SRS0+AbCd=7K=other.invalid=user@forwarder.invalid",
    "SRS0-AbCd=7K=other.invalid=user@forwarder.invalid",
    "srs0=abcd=7k=other.invalid=user@forwarder.invalid",
    "SRS1=AbCd=first.invalid==EfGh=7K=other.invalid=user@forwarder.invalid",
    "SRS1=AbCd=first.invalid=+EfGh=7K=other.invalid=user@forwarder.invalid",
    "SRS0=@forwarder.invalid",
    "SRS1==@forwarder.invalid",
    "prvs=1234abcdef=user@sender.invalid",
    "user+caf_=alias=example.com@sender.invalid",
    "Some.One@sender.invalid",
    "TOKEN-aBcDeFgHiJkLmNoPqRsTuVwXyZ@sender.invalid",
    "someone@Sender.INVALID",
    "user%third.invalid@sender.invalid",
    "third.invalid!user@sender.invalid",
    '"some one"@sender.invalid',
    '"some@one"@sender.invalid',
    '"some\\"one"@sender.invalid',
    '"a..b"@sender.invalid',
    "=equals=@sender.invalid",
    "someone@[192.0.2.1]",
)

# RFC 5321 sections 4.1.2, 4.5.3.1.1 and 4.5.3.1.3, and no route.
LEGAL = re.compile(r"(?=.{1,254}$)(?=[^@]{1,64}@)[\w#$&'*+/=?^`{|}~.-]+@[a-z0-9.-]+")


def test_srs_runs_and_starts_at_boot(units: dict[str, Unit]) -> None:
    assert units["mailwright-srs"].is_running, "mailwright-srs is down: forwarded mail waits"
    assert units["mailwright-srs"].is_enabled


def test_the_world_cannot_ask(sockets: list[Socket], mail: MailHost) -> None:
    asked = [s for s in sockets if s.protocol == "tcp" and s.port in (10001, 10002)]
    assert {socket.address for socket in asked} == {mail.loopback}


def test_only_root_reads_the_secret(host: Host) -> None:
    *who, size = host.check_output("stat -c '%U %a %s' /etc/mailwright/srs.secret").split()
    assert (who, int(size) > 0) == (["root", "600"], True)


def test_only_the_service_reads_what_is_kept(host: Host) -> None:
    folder = host.check_output("stat -Lc '%U %a' /var/lib/private /var/lib/mailwright-srs")
    outer, inner = folder.splitlines()
    assert (outer, inner.split()[1]) == ("root 700", "700")


@pytest.fixture
def forward(
    mail: MailHost,
    inventory: Inventory,
    accounts: list[Account],
    correspondent: Account,
    letters: Letters,
) -> str:
    """An address of this host whose mail goes to the correspondent; copies here are removed."""
    targets = ((a.address, inventory.ends[a.address]) for a in mail.aliases)
    found = [name for name, ends in targets if correspondent.address in ends and name[0] != "@"]
    if not found:
        pytest.skip("no alias on this host forwards to the correspondent")
    ends = inventory.ends[found[0]]
    letters.readers.update(account for account in accounts if account.address in ends)
    return found[0]


def forwarded(
    mail: MailHost, forward: str, correspondent: Account, letters: Letters, sender: str
) -> tuple[str, str]:
    """Envelope sender, and verdicts of the other side, on a stranger's letter to the alias."""
    letter = letters.write("someone@sender.invalid", correspondent)
    with smtp(mail.name) as client:
        client.send_message(letter, from_addr=sender, to_addrs=[forward])
    arrived = correspondent.wait_for(letter["Message-ID"])
    judged = " ".join(arrived.get_all("Authentication-Results", []))
    return parseaddr(arrived["Return-Path"])[1], judged


def test_forwarded_mail_passes_spf_at_the_other_side(
    mail: MailHost, forward: str, correspondent: Account, letters: Letters
) -> None:
    sender, judged = forwarded(mail, forward, correspondent, letters, "someone@sender.invalid")
    assert sender.startswith("SRS0=")
    assert sender.endswith(f"=sender.invalid=someone@{mail.name}")
    assert f"spf=pass smtp.mailfrom={mail.name}" in judged


def test_a_bounce_of_forwarded_mail_returns_to_its_sender(
    mail: MailHost, forward: str, correspondent: Account, letters: Letters
) -> None:
    sender, _ = forwarded(mail, forward, correspondent, letters, correspondent.address)
    bounce = letters.write(f"mailer-daemon@{mail.name}", correspondent)
    with smtp(mail.name) as client:
        client.send_message(bounce, from_addr="", to_addrs=[sender])
    assert correspondent.wait_for(bounce["Message-ID"])


def test_any_sender_gets_a_legal_one_and_bounces_reach_it(
    mail: MailHost, forward: str, correspondent: Account, letters: Letters, host: Host
) -> None:
    """RFC 5321 section 4.5.3.1.1: 64 octets before the @, and what came in comes back exactly."""
    sent = {}
    with smtp(mail.name) as client:
        for sender in SENDERS:
            letter = letters.write("someone@sender.invalid", correspondent)
            client.send_message(letter, from_addr=sender, to_addrs=[forward])
            sent[letter["Message-ID"]] = sender
    arrived = {id: correspondent.wait_for(id) for id in sent}
    paths = {sent[id]: str(letter["Return-Path"]).strip("<>") for id, letter in arrived.items()}
    assert {sender: path for sender, path in paths.items() if not LEGAL.fullmatch(path)} == {}
    assert {path.rpartition("@")[2] for path in paths.values()} == {mail.name}
    assert len(set(paths.values())) == len(SENDERS)
    for letter in arrived.values():
        judged = " ".join(letter.get_all("Authentication-Results", []))
        assert f"spf=pass smtp.mailfrom={mail.name}" in judged

    with smtp(mail.name) as client:
        client.ehlo()
        client.mail("")
        codes = {sender: client.rcpt(path)[0] for sender, path in paths.items()}
    assert codes == dict.fromkeys(SENDERS, 250)
    keys = shlex.quote("\n".join(paths.values()))
    ask = 'postmap -q - "$(postconf -hx recipient_canonical_maps)"'
    answers = host.check_output(f"printf '%s\\n' {keys} | {ask}").splitlines()
    found = dict(line.split("\t") for line in answers)
    assert {sender: found.get(path) for sender, path in paths.items()} == dict(
        zip(SENDERS, SENDERS, strict=True)
    )


def test_only_senders_that_we_made_are_accepted(
    mail: MailHost, forward: str, correspondent: Account, letters: Letters
) -> None:
    sender, _ = forwarded(mail, forward, correspondent, letters, "someone@sender.invalid")
    head, right, rest = sender.split("=", 2)
    wrong = right[::-1] if right[::-1].lower() != right.lower() else f"A{right[1:]}"
    with smtp(mail.name) as client:
        client.ehlo()
        client.mail("")
        assert client.rcpt(sender)[0] == 250
        assert client.rcpt(f"{head}={wrong}={rest}")[0] == 550
        assert client.rcpt(sender.replace("=someone@", "=somebody@"))[0] == 550


def test_what_our_own_users_send_keeps_its_sender(
    account: Account, forward: str, correspondent: Account, letters: Letters
) -> None:
    letter = letters.write(account.address, correspondent)
    with account.smtp() as client:
        client.send_message(letter, to_addrs=[forward])
    arrived = correspondent.wait_for(letter["Message-ID"])
    assert parseaddr(arrived["Return-Path"])[1] == account.address
    judged = " ".join(arrived.get_all("Authentication-Results", []))
    assert all(f"{check}=pass" in judged for check in ("dkim", "spf", "dmarc"))
