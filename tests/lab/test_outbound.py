"""Outgoing mail: who is reached, how surely, and what waits (the domains of lab/peers.py)."""

import ast
import re
import shlex
import sys
from collections.abc import Collection, Iterator
from email.utils import make_msgid
from pathlib import Path

import pytest

from lab.lab import Lab
from lab.peers import DOMAIN
from mailwright.inventory.load import load
from tests.host.letters import eventually
from tests.host.test_srs import SENDERS as ODD_SENDERS
from tests.lab.deploys import verification
from tests.lab.test_deploy import ask

SENDERS = {"mail.example.com": "alice@example.com", "mail.example.org": "bob@example.org"}
NOT_OFFERED = "TLS is required, but was not offered"
NOT_VERIFIED = "Server certificate not verified"

# How sure Postfix was of the server that took the letter, or why it waits.
OUTCOMES = {
    "dane": "Verified",
    "wrong-dane": NOT_VERIFIED,
    "stripped-dane": NOT_OFFERED,
    "sts": "Verified",
    "wrong-sts": NOT_VERIFIED,
    "stripped-sts": NOT_OFFERED,
    "both": "Verified",  # by DANE: no authority knows its certificate by this name
    "wrong-both": NOT_VERIFIED,  # though MTA-STS would take it (RFC 8461 section 2)
    "neither": "Trusted",  # has a certificate, for whatever name
}
WAITS = {
    "unbound": "Host not found, try again",
    "postfix-mta-sts-resolver": "client TLS configuration problem",
    "mailwright-tls-policy": "client TLS configuration problem",
}
FILES = ("tests/host/test_unbound.py", "tests/host/test_mta_sts_resolver.py")
_SECURED = re.compile(r"^(\w+) TLS connection established to ([a-z-]+)\.mx\.", re.M)
_ENDED = re.compile(r"to=<judge@([a-z-]+)\.\S+ .* status=(\w+) \((.*)\)$", re.M)


@pytest.fixture(params=SENDERS)
def host(request: pytest.FixtureRequest, deployed: Lab) -> Iterator[str]:
    """A host; what waits in its queue afterwards is thrown away."""
    yield request.param
    deployed.ssh(request.param, "postsuper -d ALL >/dev/null 2>&1")


def now(lab: Lab, host: str) -> str:
    """The end of the host's journal (journalctl(1), cursor)."""
    return ask(lab, host, "journalctl -n 1 --show-cursor | sed -n 's/^-- cursor: //p'")


def send(lab: Lab, host: str, names: Collection[str]) -> str:
    """Write to each domain; returns the end of the host's journal before."""
    place = now(lab, host)
    letter = f"printf 'Subject: x\\n\\nHi.\\n' | sendmail -f {SENDERS[host]} judge@$n.{DOMAIN}"
    ask(lab, host, f"for n in {' '.join(names)}; do {letter}; done")
    return place


def outcomes(lab: Lab, host: str, place: str, names: Collection[str]) -> dict[str, str]:
    """What became of the letters, from the log after that place; waits until it says of all."""

    def look() -> dict[str, str] | None:
        log = ask(lab, host, f"journalctl -q -o cat --after-cursor '{place}'")
        secured = {name: trust for trust, name in _SECURED.findall(log)}
        ended = {name: (status, words) for name, status, words in _ENDED.findall(log)}
        if ended.keys() != set(names):
            return None
        assert {status for status, _ in ended.values()} <= {"sent", "deferred"}
        return {
            name: secured.get(name, "cleartext") if status == "sent" else words.split(" by host")[0]
            for name, (status, words) in ended.items()
        }

    return eventually(look, f"word on each of {names}", 60)


def test_a_letter_goes_only_to_the_server_that_the_domain_means(deployed: Lab, host: str) -> None:
    place = send(deployed, host, OUTCOMES)
    assert outcomes(deployed, host, place, OUTCOMES) == OUTCOMES


def test_mail_waits_for_a_daemon_that_is_down_and_verification_names_it(
    deployed: Lab, host: str, inventory: Path
) -> None:
    for unit, why in WAITS.items():
        ask(deployed, host, f"systemctl stop {unit}")
        try:
            place = send(deployed, host, ["sts"])
            assert why in outcomes(deployed, host, place, ["sts"])["sts"]
            assert f"{unit} is down" in verification(
                deployed, inventory, f"runs and {host}", *FILES
            )
        finally:
            ask(deployed, host, f"systemctl start {unit}")
        place = now(deployed, host)
        ask(deployed, host, "postqueue -f")
        assert outcomes(deployed, host, place, ["sts"]) == {"sts": "Verified"}


def test_what_is_forwarded_in_a_false_name_fails_dmarc(deployed: Lab) -> None:
    """SPF passes by the forwarding host's name (SRS), which must not count for the author's domain.

    The judge is Rspamd on our other host: OpenDMARC up to 1.4.2 takes strict alignment for relaxed.
    """
    forged, author = make_msgid(domain="example.com"), "stranger@example.com"
    headers = f"From: {author}\r\nMessage-ID: {forged}\r\n"
    letter = ("someone@sender.invalid", "sales@example.net", f"{headers}\r\nHi.\r\n")
    forwards, judges = SENDERS
    program = f"import smtplib; smtplib.SMTP({forwards!r}, 25, timeout=20).sendmail(*{letter!r})"
    assert deployed.run([sys.executable, "-c", program]).returncode == 0
    copies = {SENDERS[host]: f"mailbox '*' header Message-ID '{forged}'" for host in SENDERS}

    def judged() -> str | None:
        bob = SENDERS[judges]
        return ask(deployed, judges, f"doveadm fetch -u {bob} hdr {copies[bob]}") or None

    words = eventually(judged, "the forwarded letter")
    for host, person in SENDERS.items():
        ask(deployed, host, f"doveadm expunge -u {person} {copies[person]}")
    assert f"spf=pass ({judges}" in words
    assert 'dmarc=fail reason="SPF not aligned (strict)' in words


# A second address that the system prefers, and a way to the judge over one family only.
ELSE = {
    4: (
        "ip addr add 198.51.100.222/24 dev eth0;"
        " ip route replace 198.51.100.0/24 dev eth0 src 198.51.100.222;"
        " ip -6 route add blackhole 2001:db8::90"
    ),
    6: (
        "ip addr add 2001:db8::222/64 dev eth0 nodad;"
        " ip -6 route replace 2001:db8::/64 dev eth0 src 2001:db8::222;"
        " ip route add blackhole 198.51.100.90"
    ),
}
AGAIN = (
    "ip -6 route del blackhole 2001:db8::90; ip route del blackhole 198.51.100.90;"
    " ip route replace 198.51.100.0/24 dev eth0 src {0};"
    " ip -6 route replace 2001:db8::/64 dev eth0 src {1};"
    " ip addr del 198.51.100.222/24 dev eth0; ip addr del 2001:db8::222/64 dev eth0; true"
)


@pytest.mark.parametrize("version", ELSE)
def test_mail_leaves_from_the_address_that_the_description_names(
    deployed: Lab, inventory: Path, host: str, version: int
) -> None:
    named = next(each for each in load(inventory).hosts if each.name == host)
    ask(deployed, host, ELSE[version])
    id = make_msgid(domain=DOMAIN)
    letter = f"printf 'From: {SENDERS[host]}\\nMessage-ID: {id}\\n\\nHi.\\n'"
    judge = "mx.elsewhere.example"
    whose, which = f"-u judge@{DOMAIN}", f"mailbox '*' header Message-ID '{id}'"
    try:
        ask(deployed, host, f"{letter} | sendmail -f {SENDERS[host]} judge@{DOMAIN}")

        def arrived() -> str | None:
            return ask(deployed, judge, f"doveadm fetch {whose} hdr {which}") or None

        words = eventually(arrived, "the letter", 60)
    finally:
        ask(deployed, host, AGAIN.format(named.ipv4, named.ipv6))
        ask(deployed, judge, f"doveadm expunge {whose} {which}")
    assert f"[{named.ipv4}]" in words if version == 4 else f"[IPv6:{named.ipv6}]" in words
    assert "spf=pass" in words


FORWARDS = {"mail.example.com": "carol@example.net", "mail.example.org": "away@example.org"}


def test_a_bounce_reaches_whoever_sent_what_was_forwarded(deployed: Lab, host: str) -> None:
    """Each odd sender, as an address of the foreign server, which takes what is no route to it."""
    home = f"neither.{DOMAIN}"
    senders = [sender.replace("sender.invalid", home) for sender in ODD_SENDERS]
    senders = [sender for sender in senders if sender.lower().endswith(f"@{home}")]
    paths = dict(map_of(deployed, host, "10001", senders))
    place = now(deployed, host)
    mail(deployed, host, "", list(paths.values()))

    def look() -> dict[str, str] | None:
        log = ask(deployed, host, f"journalctl -q -o cat --after-cursor '{place}'")
        found = re.findall(r"to=<(.*)>, orig_to=<(.*)>, .* status=(\w+) ", log)
        assert all(
            status == "sent" or {*to.rpartition("@")[0]} & {*"%!@"} for to, _, status in found
        )
        return {to: path for to, path, _ in found} if len(found) == len(senders) else None

    assert eventually(look, f"word on {len(senders)} bounces", 60) == paths


def map_of(lab: Lab, host: str, port: str, keys: list[str]) -> list[tuple[str, str]]:
    """What mailwright-srs answers Postfix to each."""
    lines = shlex.quote("\n".join(keys))
    table = f"\"tcp:[$(sed -n 's/^LOOPBACK = .\\(.*\\).$/\\1/p' /etc/mailwright/srs/run)]:{port}\""
    said = ask(lab, host, f"printf '%s\\n' {lines} | postmap -q - {table}")
    return [(key, value) for key, _, value in (line.partition("\t") for line in said.splitlines())]


def mail(lab: Lab, host: str, sender: str, recipients: list[str]) -> tuple[int, str]:
    """A stranger's letter at port 25; the last reply."""
    program = (
        "import smtplib, sys\n"
        f"client = smtplib.SMTP({host!r}, 25, timeout=60)\n"
        f"try: client.sendmail({sender!r}, {recipients!r}, 'Subject: waits\\r\\n\\r\\nHi.')\n"
        "except smtplib.SMTPRecipientsRefused as error: print(*error.recipients.values())\n"
        "else: print((250, b''))"
    )
    said = lab.run([sys.executable, "-c", program], capture_output=True).stdout
    code, words = ast.literal_eval(str(said))
    return int(code), words.decode()


def test_forwarded_mail_and_bounces_wait_for_srs(deployed: Lab, host: str) -> None:
    """Nothing bounces, and nothing leaves with a wrong sender."""
    sender = "Someone@sender.invalid"
    ((_, path),) = map_of(deployed, host, "10001", [sender])
    place = now(deployed, host)
    ask(deployed, host, "systemctl stop mailwright-srs")
    try:
        assert mail(deployed, host, "", [path])[0] == 451
        assert mail(deployed, host, sender, [FORWARDS[host]])[0] == 250
        assert logged(deployed, host, place, r"to=<judge@.* status=(\w+) ") == "deferred"
    finally:
        ask(deployed, host, "systemctl start mailwright-srs")
    place = now(deployed, host)
    ask(deployed, host, "postqueue -f")
    assert logged(deployed, host, place, r"from=<(SRS0=.*?)>") == path
    assert logged(deployed, host, place, r"to=<judge@.* status=(\w+) ") == "sent"
    for mailbox in {FORWARDS[host]} & {"carol@example.net"}:  # who keeps a copy
        ask(deployed, host, f"doveadm expunge -u {mailbox} mailbox '*' subject waits")


def logged(lab: Lab, host: str, place: str, pattern: str) -> str:
    """What the first line after that place says."""

    def look() -> str | None:
        found = re.search(pattern, ask(lab, host, f"journalctl -q -o cat --after-cursor '{place}'"))
        return found and found[1]

    return eventually(look, f"line with {pattern}", 60)
