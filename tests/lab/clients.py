"""Mail programs of Debian, run from outside as their users run them.

A password stands in a file that only its owner reads, or comes by standard input: never in an
argument. Each program verifies the server's certificate.
"""

import mailbox
import os
import shlex
import subprocess
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from tempfile import mkdtemp

from lab.lab import Lab

Done = subprocess.CompletedProcess[str]
TIMEOUT = 120


@dataclass(frozen=True)
class Person:
    """Somebody with a mailbox, and a folder for what his mail programs need."""

    lab: Lab = field(repr=False)
    address: str
    password: str = field(repr=False)
    server: str
    home: Path

    @classmethod
    def of(cls, lab: Lab, inventory: Path, address: str, server: str, home: Path) -> "Person":
        """The one whose password verify.toml tells."""
        known = tomllib.loads((inventory / "verify.toml").read_text())["accounts"]
        home.mkdir(exist_ok=True)
        return cls(lab, address, known[address], server, home)

    @property
    def trusted(self) -> str:
        """The file with the authorities that his programs trust."""
        return str(self.lab.status()["ca"])

    def private(self, name: str, lines: Iterable[str]) -> str:
        """The path of a settings file that nobody else reads."""
        path = self.home / name
        path.touch(0o600)
        path.write_text("".join(f"{line}\n" for line in lines))
        return str(path)

    def run(self, *argv: str, typed: str = "") -> Done:
        """A program's run, with what is typed for it."""
        env = {**os.environ, "HOME": str(self.home), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        options = {"input": typed, "capture_output": True, "timeout": TIMEOUT, "cwd": self.home}
        return self.lab.run(argv, env=env, **options)

    def well(self, *argv: str, typed: str = "") -> str:
        """What a program says that must go well."""
        done = self.run(*argv, typed=typed)
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)


def letter(sender: str, recipient: str, subject: str, body: str = "Hello.\n") -> EmailMessage:
    """A letter as mail programs write it."""
    written = EmailMessage(policy=policy.SMTP)
    written["From"], written["To"], written["Subject"] = sender, recipient, subject
    written["Date"], written["Message-ID"] = formatdate(), make_msgid(domain="sender.invalid")
    written.set_content(body)
    return written


@dataclass(frozen=True)
class Curl:
    """curl(1), which reads its settings from standard input."""

    who: Person

    def _run(self, url: str, *settings: str) -> Done:
        lines = [f'url = "{url}"', f'user = "{self.who.address}:{self.who.password}"', *settings]
        lines += ["silent", "show-error", "ssl-reqd", f'cacert = "{self.who.trusted}"']
        return self.who.run("curl", "--config", "-", typed="\n".join(lines))

    def _ask(self, url: str, *settings: str) -> str:
        done = self._run(url, *settings)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def send(self, to: str, subject: str, server: str = "", body: str = "Hello.\n") -> None:
        """By SMTPS, or to the `server` of a URL."""
        self.post(letter(self.who.address, to, subject, body), to, self.who.address, server)

    def post(self, written: EmailMessage, to: str, sender: str, server: str = "") -> None:
        """A letter to `to`, whatever stands in it, with this envelope sender, which may be ""."""
        path = self.who.home / "letter"
        path.write_bytes(written.as_bytes())
        settings = [f'mail-rcpt = "{to}"', f'upload-file = "{path}"']
        settings += [f'mail-from = "{sender}"'] if sender else []  # curl's own default is <>
        self._ask(server or f"smtps://{self.who.server}", *settings)

    def listed(self) -> int:
        """How many messages POP3 shows."""
        return len(self._ask(f"pop3s://{self.who.server}/").split()) // 2  # RFC 1939: number, size

    def pop3(self, number: int, scheme: str = "pop3s") -> str:
        """A message by its number."""
        return self._ask(f"{scheme}://{self.who.server}/{number}")

    def subjects(self, folder: str = "INBOX", scheme: str = "imaps") -> list[str]:
        """Those in a folder, by IMAP; none when there is no such folder yet."""
        command = 'request = "UID FETCH 1:* ENVELOPE"'  # RFC 9051: the date, then the subject
        done = self._run(f"{scheme}://{self.who.server}/{folder}", command)
        assert done.returncode == 0 or "Select failed" in done.stderr, done.stderr
        lines = [line for line in done.stdout.splitlines() if "ENVELOPE" in line]
        return [line.split('"')[3] for line in lines]

    def move(self, numbers: str, folder: str, target: str) -> None:
        """By IMAP's own command (RFC 6851)."""
        self._ask(f"imaps://{self.who.server}/{folder}", f'request = "MOVE {numbers} {target}"')


class Mbsync:
    """mbsync(1) on one device, which keeps every folder as a Maildir."""

    def __init__(self, who: Person, device: str, patterns: str = "*") -> None:
        self.who, self.path = who, who.home / device
        self.path.mkdir()
        local = [f"Path {self.path}/", f"Inbox {self.path}/INBOX", "SubFolders Verbatim"]
        login = [f"Host {who.server}", f"User {who.address}", f"Pass {who.password}"]
        tls = ["SSLType IMAPS", "SystemCertificates no", f"CertificateFile {who.trusted}"]
        channel = ["Far :server:", "Near :device:", f"Patterns {patterns}"]
        way = ["Sync All", "Create Both", "Expunge Both", f"SyncState {self.path}/."]
        lines = ["IMAPStore server", *login, *tls, "", "MaildirStore device", *local, ""]
        self.settings = who.private(f"{device}.rc", [*lines, "Channel all", *channel, *way])

    def sync(self) -> "Mbsync":
        self.who.well("mbsync", "--config", self.settings, "--quiet", "--all")
        return self

    def folder(self, name: str) -> mailbox.Maildir:
        return mailbox.Maildir(self.path / name)

    def holds(self) -> dict[str, str]:
        """`FOLDER: SUBJECT` of each message, with its flags (S is seen, F is flagged)."""
        folders = [path.parent.relative_to(self.path) for path in self.path.glob("**/cur")]
        return {
            f"{name}: {message['Subject']}": message.get_flags()
            for name in map(str, folders)
            for message in self.folder(name)
        }

    def _key(self, folder: str, subject: str) -> str:
        items = self.folder(folder).iteritems()
        return next(key for key, message in items if message["Subject"] == subject)

    def mark(self, folder: str, subject: str, flag: str) -> None:
        """As its reader does by a key."""
        there, key = self.folder(folder), self._key(folder, subject)
        message = there[key]
        message.set_subdir("cur")
        message.add_flag(flag)
        there[key] = message

    def move(self, folder: str, subject: str, target: str) -> None:
        there, key = self.folder(folder), self._key(folder, subject)
        self.folder(target).add(there[key])
        there.remove(key)

    def move_all(self, folder: str, target: str) -> None:
        there, other = self.folder(folder), self.folder(target)
        for key, message in there.items():
            other.add(message)
            there.remove(key)

    def delete(self, folder: str, subject: str) -> None:
        self.folder(folder).remove(self._key(folder, subject))


class Brought:
    """A folder that takes what one run of a POP3 client brings, a file for each message."""

    def __init__(self, who: Person) -> None:
        self.path = Path(mkdtemp(dir=who.home))
        self.shell = f"cat > $(mktemp -p {self.path})"

    def subjects(self) -> list[str]:
        letters = [message_from_bytes(each.read_bytes()) for each in self.path.iterdir()]
        return sorted(each["Subject"] for each in letters)


@dataclass(frozen=True)
class Fetchmail:
    """fetchmail(1) by POP3, with TLS from the start or, on 110, with STLS."""

    who: Person
    stls: bool

    def fetch(self, keep: bool) -> list[str]:
        """The subjects of what a run brings: what is new, or all of it when none is kept."""
        brought, who = Brought(self.who), self.who
        tls = "sslproto TLS1.2+" if self.stls else "ssl"
        lines = [
            f"poll {who.server} protocol POP3 uidl port {110 if self.stls else 995}",
            f'user "{who.address}" password "{who.password}"',
            "keep" if keep else "nokeep fetchall",
            f'{tls} sslcertck sslcertfile "{who.trusted}" mda "{brought.shell}"',
        ]
        path = who.private("fetchmailrc", lines)
        done = who.run("fetchmail", "--fetchmailrc", path, "--nosyslog")
        assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: there was no mail
        return brought.subjects()


@dataclass(frozen=True)
class Getmail:
    """getmail(1) of getmail6 by POP3S."""

    who: Person

    def fetch(self, keep: bool) -> list[str]:
        """The subjects of what a run brings: what is new, or all of it when none is kept."""
        brought, who = Brought(self.who), self.who
        login = [f"server = {who.server}", f"username = {who.address}"]
        login += [f"password = {who.password}", f"ca_certs = {who.trusted}"]
        lines = ["[retriever]", "type = SimplePOP3SSLRetriever", *login]
        lines += ["[destination]", "type = MDA_external", "path = /bin/sh"]
        lines += [f'arguments = ("-c", "{brought.shell}")', "allow_root_commands = True"]
        lines += ["[options]", f"read_all = {not keep}", f"delete = {not keep}"]
        path = who.private("getmailrc", lines)
        who.well("getmail", "--getmaildir", str(who.home), "--rcfile", path, "--quiet")
        return brought.subjects()


@dataclass(frozen=True)
class Mutt:
    """mutt(1): IMAP, submission, and a copy of what it sends in the server's folder Sent."""

    who: Person

    def _settings(self, *more: str) -> str:
        user, server = self.who.address.replace("@", "%40"), self.who.server
        lines = [f'set from="{self.who.address}" imap_pass="{self.who.password}"']
        lines += [f'set smtp_pass="{self.who.password}" smtp_url="smtps://{user}@{server}"']
        lines += [f'set folder="imaps://{user}@{server}/" spoolfile="+INBOX" record="+Sent"']
        lines += [f'set ssl_ca_certificates_file="{self.who.trusted}" ssl_force_tls=yes']
        lines += ["set wait_key=no quit=yes copy=yes"]
        return self.who.private("muttrc", [*lines, *more])

    def send(self, to: str, subject: str) -> None:
        self.who.well("mutt", "-F", self._settings(), "-s", subject, "--", to, typed="Hello.\n")

    def read(self, subject: str) -> str:
        """Open the letter in a terminal; empty when mutt does not find it."""
        page = self.who.home / "page"
        page.write_text("")
        keys = f"<limit>~s {subject}<enter><pipe-message>cat > {page}<enter><quit>"
        command = shlex.join(["mutt", "-F", self._settings(f"push '{keys}'")])
        # The terminal has no size of its own here, and Debian 13's ncurses opens none without.
        self.who.well("script", "-qec", f"stty rows 24 cols 80; {command}", "/dev/null")
        return page.read_text()


@dataclass(frozen=True)
class Swaks:
    """swaks(1), as programs and devices send that know SMTP and nothing else."""

    who: Person

    def submit(self, to: str, subject: str) -> Done:
        """On 587 with STARTTLS, logged in."""
        login = [f"auth-user {self.who.address}", f"auth-password {self.who.password}"]
        return self._send(to, subject, "port 587", "auth PLAIN", *login)

    def deliver(self, to: str, subject: str, size: int) -> Done:
        """On 25 as another mail server does, at least so many bytes."""
        path = self.who.home / "body"
        path.write_text(f"{'x' * 70}\n" * (size // 70))
        return self._send(to, subject, "port 25", f"body @{path}")

    def _send(self, to: str, subject: str, *more: str) -> Done:
        tls = ["tls", "tls-verify", f"tls-ca-path {self.who.trusted}"]
        lines = [f"server {self.who.server}", f"from {self.who.address}", f"to {to}", *tls, *more]
        path = self.who.private("swaksrc", [*lines, f"header Subject: {subject}"])
        return self.who.run("swaks", "--config", path)


@dataclass(frozen=True)
class SieveConnect:
    """sieve-connect(1), a client of ManageSieve (RFC 5804)."""

    who: Person

    def _do(self, *argv: str) -> str:
        place = ["--server", self.who.server, "--user", self.who.address]
        trust = ["--tlscafile", self.who.trusted]
        command = ["sieve-connect", *place, *trust, "--passwordfd", "0", *argv]
        return self.who.well(*command, typed=f"{self.who.password}\n")

    def activate(self, name: str, script: str) -> None:
        """Upload the script and let it sort the mail that arrives from now on."""
        path = self.who.home / name
        path.write_text(script)
        self._do("--upload", "--localsieve", str(path), "--remotesieve", name)
        self._do("--activate", "--remotesieve", name)

    def remove(self, name: str) -> None:
        self._do("--deactivate")
        self._do("--delete", "--remotesieve", name)

    def scripts(self) -> str:
        return self._do("--list")
