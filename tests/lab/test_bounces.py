"""Nothing that was accepted bounces, and what leaves is what was signed."""

import base64
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from email.utils import formatdate
from pathlib import Path
from subprocess import PIPE, Popen
from uuid import uuid4

import dkim

from lab.foreign import ACCOUNT
from lab.lab import Lab
from lab.peers import DOMAIN
from tests.host.letters import eventually
from tests.lab.deploys import HOSTS
from tests.lab.test_deploy import ask
from tests.lab.test_outbound import SENDERS, now

JUDGE = ACCOUNT["address"]
READERS = {"mail.example.com": "devices@example.com", "mail.example.org": "devices@example.org"}
ALIASES = {HOSTS[0]: "any@example.net", HOSTS[1]: "any@caught.example"}

MAPS = "/etc/postfix/maps"

# What a file, a map and a socket may become; `$place` is where they are. A map may be whole, and
# made of nothing.
FILE = {
    "empty": ": >$place",
    "gone": "rm $place",
    "unreadable": "chmod 000 $place",
    "a folder": "rm $place; mkdir $place",
    "garbage": "head -c 9000 /dev/urandom >$place",
}
OF_NOTHING = ": >/root/none; postmap lmdb:/root/none; cat /root/none.lmdb >$place"
SOCKET = {"gone": ":", "a file": ": >$place"}

# Prints what was taken: sendmail says so by its exit status, port 25 by 250 at the end.
DRILL = """
export PATH=/usr/sbin:$PATH
while read -r number place breaks; do
    rm -rf /root/kept
    if [ -S "$place" ]; then mv "$place" /root/kept; else cp -a "$place" /root/kept; fi
    eval "$breaks"
    postfix reload 2>/dev/null
    sleep 1
    for reader in $READERS; do
        id="$number.pickup.$RUN.$reader"
        printf 'Message-ID: <%s>\\n\\nHi.\\n' "$id" |
            sendmail -i -f "$JUDGE" -- "$reader" && echo "$id"
    done
    python3 - "$JUDGE" "$number.port25.$RUN" $READERS <<'END'
import smtplib, sys
for reader in sys.argv[3:]:
    id = f"{sys.argv[2]}.{reader}"
    try:
        with smtplib.SMTP("localhost", 25, timeout=9) as client:
            client.sendmail(sys.argv[1], reader, f"Message-ID: <{id}>\\r\\n\\r\\nHi.\\r\\n")
        print(id)
    except (smtplib.SMTPException, OSError):
        pass
END
    sleep 1.2
    rm -rf "$place"
    mv /root/kept "$place"
    postfix reload 2>/dev/null
done <<'BREAKAGES'
{breakages}
BREAKAGES
"""


def breakages(domain: str) -> Iterator[tuple[str, str]]:
    """Each place that is broken, and the command that does it."""
    yield from ((f"/etc/dovecot/users/{domain}", breaks) for breaks in FILE.values())
    for name in ("virtual_mailbox_domains", "virtual_mailbox_maps", "virtual_alias_maps"):
        yield f"{MAPS}/{name}.lmdb", OF_NOTHING
    yield f"{MAPS}/virtual_mailbox_domains.lmdb", FILE["gone"]
    yield f"{MAPS}/virtual_mailbox_domains.lmdb", FILE["garbage"]
    yield f"{MAPS}/virtual_alias_maps.lmdb", FILE["empty"]
    yield f"{MAPS}/sender_dependent_default_transport_maps.lmdb", FILE["gone"]
    for name, kind in (("dovecot-lmtp", "gone"), ("dovecot-lmtp", "a file"), ("rewrite", "gone")):
        yield f"/var/spool/postfix/private/{name}", SOCKET[kind]


def drill(lab: Lab, host: str) -> tuple[list[str], list[str], str]:
    """What was taken while things were broken, what arrived, and what the log says of bounces."""
    place, run = now(lab, host), uuid4().hex[:8]
    domain = READERS[host].partition("@")[2]
    lines = [f"{n} {path} {breaks}" for n, (path, breaks) in enumerate(breakages(domain))]
    head = f"JUDGE={JUDGE} RUN={run} READERS='{READERS[host]} {ALIASES[host]}'\n"
    script = head + DRILL.replace("{breakages}", "\n".join(lines))
    taken = {*ask(lab, host, script).split()}

    def arrived() -> list[str] | None:
        found = f"hdr.message-id header Message-ID .{run}. | sed -n 's/.*<//; s/>.*//p'"
        people = f"{READERS[host]} {SENDERS[host]}"
        look = f"for user in {people}; do doveadm fetch -u $user {found}; done"
        said = ask(lab, host, f"/etc/dovecot/retry; postqueue -f; sleep 4; {look}")
        return said.split() if taken <= {*said.split()} else None

    try:
        there = eventually(arrived, "all that was taken", 60)
    finally:
        bounced = "grep -aE 'status=bounced|non-delivery notification' | tr -cd '[:print:]'"
        log = ask(lab, host, f"journalctl -q -o cat --after-cursor '{place}' | {bounced}")
        remove = f"doveadm expunge -u $user mailbox '*' header Message-ID .{run}."
        ask(lab, host, f"for user in {READERS[host]} {SENDERS[host]}; do {remove}; done")
    return sorted(taken), sorted(there), log


def test_whatever_is_broken_behind_postfix_nothing_that_it_took_bounces(servers: Lab) -> None:
    with ThreadPoolExecutor() as pool:
        for taken, there, log in pool.map(lambda host: drill(servers, host), HOSTS):
            assert taken == there
            assert len(taken) > 30
            assert log == ""


# Text of 8 bits in every part, as mail programs write it, whatever the server has offered.
PART = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
WORDS = "Grüße aus München: " + "ä" * 400
LETTER = """\
From: {sender}
To: {reader}
Subject: 8 bits
Date: Sun, 29 Nov 2026 20:00:00 +0000
Message-ID: {id}
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer
Content-Transfer-Encoding: 8bit

--outer
{part}
{words}
--outer
Content-Type: message/rfc822
Content-Transfer-Encoding: 8bit

From: somebody@else.example
Subject: within
MIME-Version: 1.0
{part}
{words}
--outer--
"""
SUBMIT = """
import smtplib, ssl, sys
server, user, password, reader, letter = sys.argv[1:]
with smtplib.SMTP_SSL(server, 465, context=ssl.create_default_context()) as client:
    client.login(user, password)
    print(client.has_extn("8bitmime"))
    client.sendmail(user, reader, letter.replace("\\n", "\\r\\n").encode())
"""


def test_8_bit_text_reaches_a_server_without_8bitmime_as_it_was_signed(
    servers: Lab, inventory: Path, host: str
) -> None:
    """Debian 13 makes 7 bits of it before it signs; Debian 12 asks the mail program to."""
    passwords = tomllib.loads((inventory / "verify.toml").read_text())["accounts"]
    sender = SENDERS[host]
    id, reader = f"<{uuid4()}@{host}>", f"judge@seven.{DOMAIN}"
    part = PART.replace("\r\n", "\n")
    letter = LETTER.format(sender=sender, reader=reader, id=id, part=part, words=WORDS)
    argv = [sys.executable, "-c", SUBMIT, host, sender, passwords[sender], reader, letter]
    done = servers.run(argv, capture_output=True)
    is_new = host == HOSTS[1]
    assert done.stdout.strip() == str(is_new), done.stderr
    whose, which = f"-u {JUDGE}", f"mailbox '*' header Message-ID '{id}'"
    find = f"doveadm fetch {whose} text {which} | tail -n +2 | base64"

    def arrived() -> str | None:
        return ask(servers, "mx.elsewhere.example", find) or None

    raw = base64.b64decode(eventually(arrived, f"the letter of {sender}"))
    found = message_from_bytes(raw.lstrip(), policy=policy.SMTP)
    ask(servers, "mx.elsewhere.example", f"doveadm expunge {whose} {which}")
    assert "dkim=pass" in " ".join(found.get_all("Authentication-Results", []))
    outer, within = found.iter_parts()
    (inner,) = within.iter_parts()
    for text in (outer, inner):
        assert text.get_content().strip() == WORDS
        assert (text["Content-Transfer-Encoding"] == "8bit") == (not is_new)
    assert raw.isascii() == is_new


def test_what_somebody_else_has_signed_goes_on_as_it_is(servers: Lab, host: str) -> None:
    """8 bits in a long line, to a server without 8BITMIME: converted, or folded, it would fail."""
    id, sender = f"<{uuid4()}@{DOMAIN}>", f"someone@{DOMAIN}"
    head = f"From: {sender}\r\nTo: {JUDGE}\r\nMessage-ID: {id}\r\nMIME-Version: 1.0\r\n"
    letter = f"{head}Date: {formatdate()}\r\n{PART}\r\n{WORDS * 3}\r\n".encode()
    key = (servers.home.dnssec / "dkim.pem").read_bytes()
    signed = dkim.sign(letter, b"lab", DOMAIN.encode(), key, include_headers=[b"from"]) + letter
    text = base64.b64encode(signed.replace(b"\r\n", b"\n")).decode()
    send = f"/usr/sbin/sendmail -i -f {sender} -- judge@seven.{DOMAIN}"
    ask(servers, host, f"echo {text} | base64 -d | {send}")
    whose, which = f"-u {JUDGE}", f"mailbox '*' header Message-ID '{id}'"

    def arrived() -> str | None:
        return ask(servers, "mx.elsewhere.example", f"doveadm fetch {whose} hdr {which}") or None

    judged = eventually(arrived, "the letter")
    ask(servers, "mx.elsewhere.example", f"doveadm expunge {whose} {which}")
    assert "dkim=pass" in judged


# Announces, sends for as long as it is let, says so, and stays.
APPEND = """
import imaplib, sys
server, user, password, announced = sys.argv[1:]
client = imaplib.IMAP4_SSL(server)
client.login(user, password)
client.send(f"x APPEND INBOX {announced}\\r\\n".encode())
print(client.readline()[:1], file=sys.stderr)
chunk = (b"x" * 70 + b"\\r\\n") * 10000
try:
    for _ in range(430):
        client.send(chunk)
except OSError:
    pass
print("sent", flush=True)
sys.stdin.read()
"""
LARGEST = 256 << 20


def test_no_client_fills_the_disk_whatever_size_it_announces(
    servers: Lab, inventory: Path, host: str
) -> None:
    """Of what comes before a quota can be asked not more than this, and then nothing, is kept."""
    passwords = tomllib.loads((inventory / "verify.toml").read_text())["accounts"]
    reader = READERS[host]
    home = f"/var/vmail/{reader.partition('@')[2]}/{reader.partition('@')[0]}"
    argv = servers.command([sys.executable, "-c", APPEND, host, reader, passwords[reader]])
    announced = ("{18446744073709551615}", "CATENATE (TEXT {18446744073709551615}")
    clients = [Popen([*argv, words], text=True, stdin=PIPE, stdout=PIPE) for words in announced]
    assert [client.stdout and client.stdout.readline() for client in clients] == ["sent\n"] * 2
    too_large = ask(servers, host, f"find {home} -size +{LARGEST}c")
    for client in clients:
        client.communicate()
    assert too_large == ""

    def gone() -> bool | None:
        return ask(servers, host, f"find {home} -size +1M") == "" or None

    eventually(gone, "end of what was sent in vain")
