"""Kill anything, truncate anything, remove anything that a daemon reads, while mail flows.

    python -m tests.drill --lab NAME                  every harm, on both hosts at once
    python -m tests.drill --lab NAME --only users     those whose name matches

People write to the hosts of a deployed lab and note each letter that was acknowledged. Meanwhile
one harm after another is done to each host, and undone. In the end every acknowledged letter must
be in a mailbox or in a queue: none lost, and none bounced. What became of them is written to
docs/drill.md. There is no jump of the clock: the lab's hosts have that of the machine.
"""

import json
import re
import smtplib
import sys
import threading
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import make_msgid
from pathlib import Path
from subprocess import PIPE, Popen, run

import click

from lab.lab import Lab
from tests.host.letters import Account, Letters
from tests.lab.deploys import HOSTS, ROOT
from tests.lab.traffic import until_told

REPORT = ROOT / "docs" / "drill.md"
STRANGER = "someone@sender.invalid"
FOREIGN, JUDGE = "mx.elsewhere.example", "judge@elsewhere.example"
MARK = "drill"  # in every Message-ID
HELD = 1.2  # seconds that a harm lasts
DRAINED = 150.0  # seconds at most that the queues get in the end
_SAYING = threading.Lock()
ENOUGH = 40  # harms for a report
PAUSE = 0.4  # seconds between two letters of one writer


@dataclass(frozen=True)
class Writer:
    """Somebody who writes again and again; where each copy must arrive, a mailbox and its host."""

    server: str
    port: int
    login: str
    password: str = field(repr=False)
    sender: str
    recipient: str
    ends: list[tuple[str, str]]


@dataclass(frozen=True)
class Harm:
    """What is done to a host and how it is undone, as shell; `power` is how it is switched off."""

    name: str
    do: str = ""
    undo: str = ""
    power: str = ""
    held: float = HELD


# Signals reach all processes of one program: $1 is the path of its file, $2 the signal.
SHELL = """
signal() {
    for process in /proc/[0-9]*; do
        file=$(readlink $process/exe) || continue
        case "${file% (deleted)}" in $1) kill -$2 ${process#/proc/} ;; esac
    done 2>/dev/null
    :
}
save() { rm -rf /root/drill; install -d /root/drill; cp -a "$1" /root/drill/saved; }
back() { rm -rf "$1"; mv /root/drill/saved "$1"; }
restart() { systemctl reset-failed $1 2>/dev/null; systemctl restart $1; }
full() {  # $1: the folder, $2: its owner, $3: what there is none of: blocks or inodes
    mount -t tmpfs -o size=64k,nr_inodes=${3:-400},mode=700,uid=$(id -u $2),gid=$(id -g $2) none $1
    head -c 1M /dev/zero >$1/filler 2>/dev/null
    :
}
"""

# After every harm: what is still dead is started, as an operator would, and nothing has to wait.
WELL = """
postfix status 2>/dev/null || restart postfix
for unit in dovecot {units}; do
    systemctl is-active -q $unit || restart $unit 2>/dev/null
done
postqueue -f
:
"""

POSTFIX, DOVECOT = "/usr/lib/postfix/sbin", "/usr/lib/dovecot"
PROGRAMS = {
    **{f"Postfix's {name}": f"{POSTFIX}/{name}" for name in ("qmgr", "cleanup", "smtpd", "smtp")},
    **{f"Postfix's {name}": f"{POSTFIX}/{name}" for name in ("trivial-rewrite", "lmtp", "bounce")},
    **{f"Postfix's {name}": f"{POSTFIX}/{name}" for name in ("anvil", "tlsmgr")},
    **{f"Dovecot's {name}": f"{DOVECOT}/{name}" for name in ("auth", "lmtp", "anvil", "config")},
    **{f"Dovecot's {name}": f"{DOVECOT}/{name}" for name in ("stats", "log", "quota-status")},
}
UNITS = {
    "Rspamd": "rspamd",
    "what rewrites senders": "mailwright-srs postsrsd",  # whichever there is
    "Unbound": "unbound",
    "Redis": "redis-server",
    "nginx": "nginx",
    "what knows MTA-STS policies": "postfix-mta-sts-resolver mailwright-tls-policy",
}

# What daemons read, and whom to tell when it has changed.
MAPS = "/etc/postfix/maps"
FILES = {
    "/etc/dovecot/users/{domain}": ":",
    "/etc/dovecot/acl": ":",
    "/etc/dovecot/dovecot.conf": "systemctl reload dovecot",
    "/etc/dovecot/sieve/spam.sieve": ":",
    "/etc/dovecot/sieve/spam.svbin": ":",
    f"{MAPS}/virtual_mailbox_maps.lmdb": ":",
    f"{MAPS}/virtual_mailbox_domains.lmdb": ":",
    f"{MAPS}/virtual_alias_maps.lmdb": ":",
    f"{MAPS}/sender_login_maps.lmdb": ":",
    f"{MAPS}/sender_dependent_default_transport_maps.lmdb": ":",
    "/etc/postfix/srs_addresses": "postfix reload",
    "/etc/postfix/main.cf": "postfix reload",
    "/etc/postfix/master.cf": "postfix reload",
    "/etc/mailwright/tls/mail.pem": "postfix reload; systemctl reload dovecot",
    "/etc/rspamd/maps/sender_logins": ":",
    "/etc/rspamd/rspamd.local.lua": "systemctl reload rspamd",
    "/etc/rspamd/local.d/dkim_signing.conf": "systemctl reload rspamd",
    "/etc/mailwright/srs.secret": "systemctl restart mailwright-srs",
    "/etc/resolv.conf": ":",
    "/var/spool/postfix/private/dovecot-lmtp": ":",
    "/var/spool/postfix/private/quota-status": ":",
    "/var/spool/postfix/private/auth": ":",
    "/var/spool/postfix/rspamd/milter.sock": ":",
}
RUINS = {
    "is empty": ": >{0}",
    "is gone": "rm -rf {0}",
    "is a folder": "rm -rf {0}; mkdir {0}",
    "is rubbish": "head -c 3000 /dev/urandom >{0}",
}
SOCKET_RUINS = ("is gone", "is a folder")
HOME = "/var/vmail/{domain}/{local}"

QUEUE = "/var/spool/postfix"
USERS = "/etc/dovecot/users/{domain}"
KILL_POSTFIX, KILL_DOVECOT = f"signal '{POSTFIX}/*' 9", f"signal '{DOVECOT}/*' 9"
KILL_MASTER = "signal /usr/sbin/dovecot 9"
RESTART = f"{' '.join(UNITS.values())} dovecot postfix"
SHRINK = "s/(quota_rule=[^:]*:bytes=|quota_storage_size=)[0-9]+/\\11/"


def _again(command: str) -> str:
    return f"for n in 1 2 3 4 5; do {command}; done 2>/dev/null"


SINGLE = (
    Harm("all of Postfix is killed", KILL_POSTFIX, "restart postfix"),
    Harm("all of Dovecot is killed", f"{KILL_DOVECOT}; {KILL_MASTER}", "restart dovecot"),
    Harm(
        "Postfix's master is killed",
        f"signal {POSTFIX}/master 9",
        f"{KILL_POSTFIX}; restart postfix",
    ),
    Harm("Dovecot's master is killed", KILL_MASTER, f"{KILL_DOVECOT}; restart dovecot"),
    Harm(
        "every daemon is killed",
        f"{KILL_POSTFIX}; {KILL_DOVECOT}; {KILL_MASTER}; signal '/usr/sbin/[npu]*' 9;"
        " signal '/usr/bin/r*' 9",
        f"for unit in {RESTART}; do restart $unit; done 2>/dev/null",
    ),
    Harm("Postfix is stopped", "systemctl stop postfix", "systemctl start postfix"),
    Harm("Dovecot is stopped", "systemctl stop dovecot", "systemctl start dovecot"),
    Harm("Rspamd is stopped", "systemctl stop rspamd", "systemctl start rspamd"),
    Harm("Dovecot is restarted five times", _again("restart dovecot")),
    Harm("Postfix is reloaded five times", _again("postfix reload")),
    Harm(
        "the account vmail is gone",
        "save /etc/passwd; sed -i /^vmail:/d /etc/passwd",
        "cat /root/drill/saved >/etc/passwd",
    ),
    Harm(
        "the line of one mailbox is gone",
        f"save {USERS}; sed -i '/^{{local}}@/d' {USERS}",
        f"back {USERS}",
    ),
    Harm("quotas shrink", f"save {USERS}; sed -Ei '{SHRINK}' {USERS}", f"back {USERS}"),
    Harm("the disk of a mailbox is full", f"full {HOME} vmail", f"umount -l {HOME}"),
    Harm("a mailbox has no inodes", f"full {HOME} vmail 2", f"umount -l {HOME}"),
    Harm(
        "the disk of the queue is full",
        f"full {QUEUE}/incoming postfix",
        f"umount -l {QUEUE}/incoming",
    ),
    Harm(
        "the queue has no inodes",
        f"full {QUEUE}/incoming postfix 2",
        f"umount -l {QUEUE}/incoming",
    ),
    Harm(
        "a mailbox may not be written",
        f"chmod 500 {HOME}/Maildir/new {HOME}/Maildir/tmp {HOME}/Maildir",
        f"chmod 700 {HOME}/Maildir/new {HOME}/Maildir/tmp {HOME}/Maildir",
    ),
    Harm("a mailbox is root's", f"chown root {HOME}; chmod 700 {HOME}", f"chown vmail {HOME}"),
    Harm(
        "a mailbox is a file",
        f"mv {HOME} {HOME}.away; touch {HOME}",
        f"rm -rf {HOME}; mv {HOME}.away {HOME}",
    ),
    Harm("no mailbox may be read", "chmod 0 /var/vmail", "chmod 700 /var/vmail"),
    Harm(
        "the indexes of a mailbox are rubbish",
        f"for f in {HOME}/Maildir/dovecot.index*; do head -c 2000 /dev/urandom >$f; done",
    ),
    Harm("the indexes of a mailbox are gone", f"rm -f {HOME}/Maildir/dovecot.index*"),
    Harm(
        "the list of UIDs is rubbish",
        f"head -c 2000 /dev/urandom >{HOME}/Maildir/dovecot-uidlist",
    ),
    Harm("the list of UIDs is gone", f"rm -f {HOME}/Maildir/dovecot-uidlist"),
    Harm(
        "a mailbox is locked",
        f"touch {HOME}/Maildir/dovecot-uidlist.lock",
        f"rm -f {HOME}/Maildir/dovecot-uidlist.lock",
    ),
    Harm(
        "incoming is root's",
        f"chown root {QUEUE}/incoming",
        f"chown postfix {QUEUE}/incoming; restart postfix",
    ),
    Harm(
        "active may not be read",
        f"chmod 0 {QUEUE}/active; postfix reload",
        f"chmod 700 {QUEUE}/active; restart postfix",
    ),
    Harm(
        "deferred is a file",
        f"mv {QUEUE}/deferred /root/deferred; touch {QUEUE}/deferred",
        f"rm -rf {QUEUE}/deferred; mv /root/deferred {QUEUE}/; restart postfix",
    ),
    Harm(
        "the firewall is gone",
        "nft delete table inet mailwright",
        "nft -f /etc/nftables.conf",
    ),
    Harm(
        "the line is cut",
        "nft insert rule inet mailwright input tcp dport '{ 25, 465, 587 }' drop",
        "nft -f /etc/nftables.conf",
        held=4,
    ),
    Harm("a reboot", power="orderly"),
    Harm("a power cut", power="hard"),
)


def harms() -> list[Harm]:
    """All that are known."""
    found = list(SINGLE)
    kills = {name: f"signal {program}" for name, program in PROGRAMS.items()}
    for name, kill in kills.items():
        found.append(Harm(f"{name} is killed", f"{kill} 9"))
        found.append(Harm(f"{name} hangs", f"{kill} STOP", f"{kill} CONT", held=5))
    for name, units in UNITS.items():
        found.append(Harm(f"{name} is killed", f"systemctl kill -s KILL {units}"))
        hang, go = (f"systemctl kill -s {signal} {units}" for signal in ("STOP", "CONT"))
        found.append(Harm(f"{name} hangs", hang, go, held=5))
    for file, tell in FILES.items():
        name = file.rpartition("/")[2].replace("{domain}", "the users file")
        undo = f"back {file}; {tell}"
        socket = file.startswith("/var/spool")
        undo = "restart rspamd" if "rspamd" in file and socket else undo
        undo = f"rm -rf {file}; restart dovecot" if socket and "rspamd" not in file else undo
        undo = f"rm -rf {file}; {undo}" if socket else undo
        for how, ruin in RUINS.items():
            if not socket or how in SOCKET_RUINS:
                found.append(
                    Harm(f"{name} {how}", f"save {file}; {ruin.format(file)}; {tell}", undo)
                )
        if file.endswith(".lmdb"):
            empty = f"rm {file}; postmap -i lmdb:{file.removesuffix('.lmdb')} </dev/null"
            found.append(Harm(f"{name} is compiled from nothing", f"save {file}; {empty}", undo))
    return found


# A run that goes into the test suite: what has lost or bounced mail, or what happens most.
SHORT = (
    *("the users file is empty", "the users file is gone", "virtual_mailbox_maps.lmdb is gone"),
    *("all of Postfix is killed", "all of Dovecot is killed", "Rspamd is killed"),
    *("quotas shrink", "the disk of a mailbox is full", "a power cut"),
)


# -- letters ---------------------------------------------------------------------------------------


def writers(inventory: Path) -> list[Writer]:
    """On each host: from a stranger, to one who is forwarded, to a colleague, and to the other."""
    known = tomllib.loads((inventory / "verify.toml").read_text())["accounts"]
    com, org = HOSTS
    alice, bob, carol = "alice@example.com", "bob@example.org", "carol@example.net"
    found = []
    for server, login, away, ends in (
        (com, alice, carol, [(carol, com), (JUDGE, FOREIGN)]),
        (org, bob, "away@example.org", [(JUDGE, FOREIGN)]),
    ):
        near = f"devices@{server.removeprefix('mail.')}"
        far, there = (bob, org) if login == alice else (alice, com)
        people = (login, known[login], login)
        found += [
            Writer(server, 25, "", "", JUDGE, login, [(login, server)]),
            Writer(server, 25, "", "", STRANGER, away, ends),
            Writer(server, 587, *people, near, [(near, server)]),
            Writer(server, 465, *people, far, [(far, there)]),
        ]
    return found


def write(writer: Writer, number: int, ended: threading.Event) -> None:
    """Say each acknowledged letter on standard output, until the end; what fails is left."""
    account = Account(writer.login, writer.password, writer.server)
    while not ended.is_set():
        try:
            with _session(writer, account) as client:
                for _ in range(3):
                    letter = Letters().write(writer.sender, writer.recipient)
                    del letter["Message-ID"]
                    letter["Message-ID"] = make_msgid(MARK, "sender.invalid")
                    client.send_message(letter, writer.sender, [writer.recipient])
                    _say(number, letter["Message-ID"])
                    if ended.wait(PAUSE):
                        return
        except smtplib.SMTPResponseException as error:
            _say(number, error.smtp_code)
        except (smtplib.SMTPException, OSError, AssertionError):
            pass
        ended.wait(PAUSE)


def _say(number: int, what: str | int) -> None:
    """One line, whole."""
    with _SAYING:
        print(json.dumps([time.time(), number, what]), flush=True)


@contextmanager
def _session(writer: Writer, account: Account) -> Iterator[smtplib.SMTP]:
    if writer.port == 25:
        with smtplib.SMTP(writer.server, 25, timeout=8) as client:
            yield client
    else:
        with account.smtp(writer.port) as client:
            assert client.sock
            client.sock.settimeout(8)
            yield client


@dataclass
class Letter:
    """An acknowledged letter, when that was, and whom it is for."""

    acknowledged: float
    writer: Writer
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits: int = 0
    bounced: int = 0

    @property
    def lost(self) -> int:
        """How many copies are in no mailbox and in no queue, and were not sent back."""
        missing = sum(1 for end in self.writer.ends if not self.found[end])
        return max(0, missing - self.waits - self.bounced)

    @property
    def doubled(self) -> int:
        """How many copies are there more than once."""
        return sum(max(0, self.found[end] - 1) for end in self.writer.ends)


@dataclass
class Drill:
    """One run: what is done when, and the letters."""

    lab: Lab
    inventory: Path
    ends: float = float("inf")
    letters: dict[str, Letter] = field(default_factory=dict)
    done: dict[str, list[tuple[float, Harm]]] = field(default_factory=lambda: defaultdict(list))
    refused: Counter[int] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    bounces: list[str] = field(default_factory=list)  # as the logs tell them

    def run(self, wanted: Sequence[Harm], hosts: Sequence[str]) -> None:
        """Do the harms to each host while people write, and look where their letters are."""
        for host, users in self._ends().items():
            self._shell(host, "\n".join(_expunge(user) for user in users))
        with self._writing(hosts), ThreadPoolExecutor() as pool:
            for each in [pool.submit(self._suffer, host, wanted) for host in hosts]:
                each.result()
        for host in HOSTS:
            self._shell(host, "for unit in dovecot postfix rspamd; do restart $unit; done")
        self._drain()
        self._account()

    @contextmanager
    def _writing(self, hosts: Sequence[str]) -> Iterator[None]:
        people = [each for each in writers(self.inventory) if each.server in hosts]
        argv = self.lab.command([sys.executable, "-m", "tests.drill", "--write", "-"])
        with Popen(argv, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as process:
            assert process.stdin and process.stdout
            print(json.dumps([vars(each) for each in people]), file=process.stdin, flush=True)
            heard = threading.Thread(target=self._hear, args=(process.stdout, people))
            heard.start()
            try:
                time.sleep(2)
                yield
                time.sleep(2)
            finally:
                process.stdin.close()
                heard.join()

    def _hear(self, lines: Iterable[str], people: Sequence[Writer]) -> None:
        for line in lines:
            when, number, said = json.loads(line)
            if isinstance(said, str):
                self.letters[said] = Letter(when, people[number])
            else:
                self.refused[said // 100] += 1

    def _suffer(self, host: str, wanted: Sequence[Harm]) -> None:
        domain = host.removeprefix("mail.")
        local = "alice" if domain == "example.com" else "bob"
        for harm in wanted:
            if time.monotonic() > self.ends:
                return
            self.done[host].append((time.time(), harm))
            print(f"{host}: {harm.name}", flush=True)
            if harm.power:
                self.lab.stop(host, graceful=harm.power == "orderly")
                self.lab.start(host)
            well = WELL.format(units=" ".join(UNITS.values()))
            shell = f"{harm.do}\nsleep {harm.held}\n{harm.undo}\n{well}"
            shell = shell.replace("{domain}", domain).replace("{local}", local)
            self._shell(host, shell)
            time.sleep(0.5)

    def _shell(self, host: str, shell: str) -> str:
        argv, words = self.lab.ssh_command(host, ["sh"]), f"{SHELL}\n{shell}\n"
        return run(argv, input=words, capture_output=True, text=True).stdout

    def _drain(self) -> None:
        end = time.monotonic() + DRAINED
        while time.monotonic() < end:
            waiting = [
                self._shell(host, "postqueue -f; postqueue -j") for host in (*HOSTS, FOREIGN)
            ]
            if not any(waiting):
                return
            time.sleep(3)

    def _ends(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for writer in writers(self.inventory):
            for user, host in writer.ends:
                found[host].add(user)
        return found

    def _account(self) -> None:
        """Look for every letter in the mailboxes, the queues, and what was sent back."""
        for host, users in self._ends().items():
            for user in users:
                fetch = f"doveadm -f flow fetch -u {user} hdr.message-id mailbox '*'"
                for found in _ids(self._shell(host, f"{fetch} header Message-ID .{MARK}@")):
                    if found in self.letters:
                        self.letters[found].found[user, host] += 1
                sent_back = self._shell(
                    host, f"doveadm fetch -u {user} text mailbox '*' from MAILER-DAEMON"
                )
                for part in re.split(r"(?m)^text:$", sent_back):
                    if re.search(r"(?mi)^Action: failed", part):
                        why = re.search(r"(?mi)^Diagnostic-Code: (.*(?:\n .*)*)", part)
                        for found in {*_ids(part)} & {*self.letters}:
                            self.letters[found].bounced += 1
                            self.reasons[found] = " ".join((why[1] if why else "?").split())
        self.bounces = [line for host in HOSTS for line in self._bounces(host)]
        queue = 'postqueue -j | sed -n \'s/.*"queue_id": "\\([^"]*\\)".*/\\1/p\''
        for host in (*HOSTS, FOREIGN):
            text = self._shell(host, f"for id in $({queue}); do postcat -hq $id; done")
            for found in _ids(text):
                if found in self.letters:
                    self.letters[found].waits += 1

    def _bounces(self, host: str) -> Iterator[str]:
        """What a host's log says of mail that it sent back, and during which harm that was."""
        if not self.done[host]:
            return
        since = f"journalctl -q -o short-unix --since @{self.done[host][0][0]:.0f}"
        said = Counter[tuple[str, str]]()
        for line in self._shell(host, f"{since} | grep status=bounced").splitlines():
            harm = self._at(host, float(line.split()[0]))
            why = re.sub(r"[^ ]*@[^ ]*", "…", line.partition("status=bounced ")[2])
            said[harm, why[:200]] += 1
        for (harm, why), count in said.items():
            yield f"{host}, {harm}: {count} times {why}"

    def _at(self, host: str, when: float) -> str:
        started = [harm for at, harm in self.done[host] if at <= when]
        return started[-1].name if started else "nothing"

    def during(self, host: str, harm: Harm) -> list[tuple[str, Letter]]:
        """The letters that this host acknowledged from the beginning of the harm to the next."""
        starts = [*(start for start, _ in self.done[host]), float("inf")]
        number = [each for _, each in self.done[host]].index(harm)
        return [
            (name, each)
            for name, each in self.letters.items()
            if each.writer.server == host
            if starts[number] <= each.acknowledged < starts[number + 1]
        ]

    def failures(self) -> list[str]:
        """A line for each letter that is lost or was sent back."""
        return [
            f"{'bounced' if each.bounced else 'lost'}: to {each.writer.recipient} by"
            f" {each.writer.server}, {self._at(each.writer.server, each.acknowledged)}: {name}"
            f" {self.reasons.get(name, '')}".rstrip()
            for name, each in self.letters.items()
            if each.lost or each.bounced
        ]


def _ids(text: str) -> list[str]:
    return re.findall(rf"(?mi)message-id[:=]\s*(<[^>]*[.]{MARK}@[^>]*>)", text)


def _expunge(user: str) -> str:
    mine = f"doveadm expunge -u {user} mailbox '*' header Message-ID .{MARK}@"
    return f"{mine}; doveadm expunge -u {user} mailbox '*' from MAILER-DAEMON"


HEAD = """# What mail survives

`python -m tests.drill` wrote this page. Each harm was done to a host and undone while mail flowed.
A field says how many letters the host acknowledged in that time, and what became of their copies
unless each arrived once.
"""


def report(drill: Drill, wanted: Sequence[Harm]) -> str:
    """A page with a row for each harm."""
    letters = drill.letters.values()
    fates = ("lost", "bounced", "waits", "doubled")
    total = {fate: sum(int(getattr(each, fate)) for each in letters) for fate in fates}
    lines = [HEAD]
    lines += [
        f"{len(wanted)} harms on each host, {len(letters)} letters acknowledged: {total['lost']}"
        f" copies lost, {total['bounced']} bounced, {total['waits']} still in a queue,"
        f" {total['doubled']} more than one.\n",
        "| harm | Debian 12 | Debian 13 |",
        "|---|---|---|",
    ]
    for harm in wanted:
        cells = []
        for host in HOSTS:
            was_done = harm in [each for _, each in drill.done[host]]
            mine = drill.during(host, harm) if was_done else []
            words = [str(len(mine))]
            for what in ("lost", "bounced", "doubled"):
                count = sum(int(getattr(each, what)) for _, each in mine)
                bold = "" if what == "doubled" else "**"
                words += [f"{bold}{count} {what}{bold}"] if count else []
            cells.append(", ".join(words) if was_done else "")
        lines.append(f"| {harm.name} | {' | '.join(cells)} |")
    told = {"Copies that are not there": drill.failures(), "What the logs say": drill.bounces}
    for title, found in told.items():
        lines += [f"\n## {title}\n", *(f"- {line}" for line in found)] if found else []
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--lab", "name", help="A lab that is up and deployed, and that nobody else uses.")
@click.option("--only", default="", help="Harms whose name matches this.")
@click.option("--on", "hosts", multiple=True, type=click.Choice(HOSTS), help="One host only.")
@click.option("--minutes", default=600.0, help="Do nothing more to a host after that.")
@click.option("--list", "listed", is_flag=True, help="Print the harms.")
@click.option("--write", "people", hidden=True)
def main(
    name: str, only: str, hosts: Sequence[str], minutes: float, listed: bool, people: str
) -> None:
    """Do harm to the hosts of a lab while mail flows, and account for every letter."""
    wanted = [harm for harm in harms() if re.search(only, harm.name)]
    if people:
        _write_all()
    elif listed:
        print("\n".join(harm.name for harm in wanted))
    else:
        lab = Lab(name)
        drill = Drill(lab, Path(lab.status()["inventory"]), time.monotonic() + 60 * minutes)
        drill.run(wanted, hosts or HOSTS)
        told = report(drill, wanted)
        print(told)
        if len(wanted) >= ENOUGH:
            REPORT.write_text(told)
        sys.exit(bool(drill.failures()))


def _write_all() -> None:
    """Who writes comes as one line; they write until standard input ends."""
    ended = threading.Event()
    people = [
        Writer(**{**each, "ends": [tuple(end) for end in each["ends"]]})
        for each in json.loads(sys.stdin.readline())
    ]
    threads = [
        threading.Thread(target=write, args=(each, number, ended))
        for number, each in enumerate(people)
    ]
    until_told(threads, ended)


if __name__ == "__main__":
    main()
