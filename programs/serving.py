"""Whether a host serves: each question that a role asks of its daemon, all of them at once.

Sent to the host with each look, and run by its own Python. Arguments: where the services meet
(`host.loopback`), the families of the host's addresses (`4 6`), for how many seconds to wait until
all is well, and files of questions, a line each: `SERVICE QUESTION...`. Prints `X SERVICE what is
wrong` for each that is answered wrongly, and at the end `A FILE` for each file.
"""

import grp
import pwd
import re
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

CHAIN = "/etc/mailwright/tls/mail.pem"
NGINX = Path("/etc/nginx/nginx.conf")
TLS = ("TLS", "")
SMTP = (("", "220 "), ("EHLO localhost", "250 "))
# Nothing is sent: this asks for the filter, the aliases, and for the postmaster's quota.
MAIL = (
    ("MAIL FROM:<>", "250 "),
    ("RCPT TO:<postmaster@{name}>", "250 |452 4.2.2 "),
    ("RSET", "250 "),
)
QUIT = (("QUIT", "221 "),)
# What is said, and how the answer begins.
TALKS = {
    "smtp": (*SMTP, *MAIL, ("STARTTLS", "220 "), TLS, *QUIT),
    "submission": (*SMTP, ("STARTTLS", "220 "), TLS, *QUIT),
    "submissions": (TLS, *SMTP, *QUIT),
    "imap": (("", "* OK"), ("a STARTTLS", "a OK"), TLS),
    "imaps": (TLS, ("", "* OK")),
    "pop3": (("", "+OK"), ("STLS", "+OK"), TLS),
    "pop3s": (TLS, ("", "+OK")),
    "sieve": (("", "OK"), ("STARTTLS", "OK"), TLS),
    "http": (("HEAD / HTTP/1.0\r\n", "HTTP/1."),),
    "https": (TLS, ("HEAD / HTTP/1.0\r\nHost: {name}\r\n", "HTTP/1.")),
    "lmtp": (("", "220 "),),
    "auth": (("", "VERSION"),),
    "policy": (("request=smtpd_access_policy\n\n", "action="),),
    "controller": (("GET /ping HTTP/1.0\r\n", "pong"),),
    "milter": (("\0\0\0\rO\0\0\0\6\0\0\0\0\0\0\0\0", "\0"),),
    "redis": (("PING", "+PONG"),),
    "srs": (("get Probe@sender.invalid", "200 SRS0="),),  # its capital is kept on the disk
    "srs-reverse": (("get someone@sender.invalid", "500 "),),
    "socketmap": (("20:postfix lost.invalid,", "9:NOTFOUND "),),
}
RAW = ("milter", "policy", "socketmap")


class Host:
    """Where its services meet, the families of its addresses, and how long they may take."""

    loopback = "127.0.0.1"
    families: Sequence[str] = ()
    seconds = 10  # for an answer: a busy server takes a while
    rest = 2  # for more of an answer that has begun


host = Host()
told: list[str] = []


class WrongError(Exception):
    """What the operator reads."""


class Line:
    """A conversation, line by line."""

    def __init__(self, where: str) -> None:
        self.place = f"port {where}" if where.isdigit() else where
        self.bytes = b""
        try:
            if where.isdigit():
                self.socket = socket.create_connection((host.loopback, int(where)), host.seconds)
            else:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.settimeout(host.seconds)
                self.socket.connect(where)
        except OSError as error:
            raise WrongError(f"{self.place}: {error.strerror or error}") from None

    def expect(self, beginnings: str) -> str:
        """Read on until a line begins so, and return it."""
        known = tuple(each.encode() for each in beginnings.split("|"))
        line = b""
        self.socket.settimeout(host.seconds)
        while True:
            while self.bytes:
                line, end, rest = self.bytes.partition(b"\n")
                if line.startswith(known):
                    self.bytes = rest
                    return line.decode(errors="replace")
                if not end:
                    break
                self.bytes = rest
            try:
                more = self.socket.recv(4096)
            except OSError as error:
                line, more = line or str(error).encode(), b""
            if not more:
                said = line.decode(errors="replace").strip() or "nothing"
                wanted = beginnings.split("|")[0].strip()
                raise WrongError(f"{self.place} says {said!r} where {wanted!r} is expected")
            self.bytes += more
            self.socket.settimeout(host.rest)

    def start_tls(self, name: str, chain: str) -> None:
        """From here on by TLS; the certificate is that of the file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket.settimeout(host.seconds)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=name or None)
        except OSError as error:
            raise WrongError(f"{self.place}: no TLS ({error})") from None
        if self.socket.getpeercert(True) != certificate(chain):
            raise WrongError(f"{self.place} shows another certificate than {Path(chain).name}")


def certificate(chain: str) -> bytes:
    """The first one in the file."""
    try:
        pem = re.search(
            "-----BEGIN CERT.*?-----END CERTIFICATE-----", Path(chain).read_text(), re.S
        )
        return ssl.PEM_cert_to_DER_cert(pem[0]) if pem else b""
    except (OSError, ValueError):
        return b""


def talk(unit: str, where: str, kind: str, name: str = "", chain: str = CHAIN) -> None:
    """One conversation."""
    try:
        line = Line(where)
        for words, beginnings in TALKS[kind]:
            if (words, beginnings) == TLS:
                line.start_tls(name, chain)
                continue
            if words:
                text = words if kind in RAW else f"{words.format(name=name)}\r\n"
                line.socket.sendall(text.encode())
            said = line.expect(beginnings)
            if beginnings == "220 ":
                name = name or said.split()[1]
        line.socket.close()
        if TLS in TALKS[kind] or kind == "http":
            families(int(where))
    except WrongError as wrong:
        raise WrongError(held(unit, where) or str(wrong)) from None


def families(port: int) -> None:
    """Somebody listens for other hosts, in each family."""
    for family in host.families:
        if port not in listening(family):
            raise WrongError(f"port {port} is closed to other hosts over IPv{family}")


@cache
def listening(family: str) -> set[int]:
    """The ports that other hosts reach; looked up once, as it takes the kernel a while."""
    table = Path("/proc/net", "tcp" if family == "4" else "tcp6").read_text()
    rows = [row.split() for row in table.splitlines()]
    loopback = re.compile(rf"......7F|{'0' * 24}01000000")
    sockets = [row[1].split(":") for row in rows if row[3] == "0A"]
    return {int(port, 16) for address, port in sockets if not loopback.fullmatch(address)}


def held(unit: str, where: str) -> str:
    """Whose port it is, if it is another's."""
    if not where.isdigit():
        return ""
    command = ["ss", "-Htlnp", f"sport = :{where}"]
    said = subprocess.run(command, capture_output=True, text=True).stdout
    for name, process in re.findall(r'\("([^"]*)",pid=(\d+)', said):
        try:
            groups = Path("/proc", process, "cgroup").read_text()
        except OSError:
            continue
        if f"/{unit}.service" not in groups:
            return f"port {where} is held by {name} (process {process})"
    return ""


def ask_web(unit: str) -> None:
    """Each of the first sites by its name, with its certificate."""
    text = NGINX.read_text()
    ports = re.findall(r"listen (?:\[::\]:)?(\d+)( ssl)? default_server;", text)
    sites = re.findall(r"server_name (\S+?)[ ;].*?ssl_certificate (\S+);", text, re.S)
    for port, is_tls in dict.fromkeys(ports):
        for name, chain in sites[:20] if is_tls else [("", "")]:
            talk(unit, port, "https" if is_tls else "http", name, chain)


def ask_units(questions: list[tuple[str, str]]) -> None:
    """That they run and start with the host, and that systemd knows their files."""
    names = [name if "." in name else f"{name}.service" for _, name in questions]
    wanted = [unit for name in names for unit in (name, name.replace("@-.", "."))]
    command = ["systemctl", "show", "-p", "ActiveState,UnitFileState,NeedDaemonReload", *wanted]
    said = subprocess.run(command, capture_output=True, text=True).stdout.split("\n\n")
    states = [dict(line.split("=", 1) for line in each.splitlines()) for each in said]
    if len(states) != len(wanted):
        tell(questions[0][0], "systemd does not answer")
        return
    for (service, name), state, main in zip(questions, states[::2], states[1::2], strict=True):
        if state.get("ActiveState") not in ("active", "reloading"):
            tell(service, f"{name} is {state.get('ActiveState', 'unknown')}")
        if main.get("UnitFileState") not in ("enabled", "enabled-runtime"):
            how = main.get("UnitFileState") or "unknown"
            tell(service, f"{name} is {how}, so it does not start with the host")
        if "yes" in (state.get("NeedDaemonReload"), main.get("NeedDaemonReload")):
            tell(service, f"{name}: systemd has not loaded its files")


def ask_accounts(path: str) -> None:
    """Those of a file for sysusers.d(5)."""
    for kind, name, what, *_ in rows(path):
        try:
            uid = pwd.getpwnam(name).pw_uid
            if kind == "u" and what.isdigit() and uid != int(what):
                raise WrongError(f"the account {name} has uid {uid} in place of {what}")
            if kind == "m" and name not in grp.getgrnam(what).gr_mem:
                raise WrongError(f"the account {name} is not in the group {what}")
        except KeyError:
            raise WrongError(f"the account {name} is missing") from None


def ask_folders(path: str) -> None:
    """What a file for tmpfiles.d(5) makes is there, and whose it says."""
    for kind, name, _, owner, group, *_ in (row for row in rows(path) if row[0] in ("d", "f")):
        try:
            found = Path(name).lstat()
            wanted = pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid
        except OSError:
            raise WrongError(f"{name} is missing") from None
        except KeyError:
            raise WrongError(f"the account {owner} or the group {group} is missing") from None
        if kind == "d" and not stat.S_ISDIR(found.st_mode):
            raise WrongError(f"{name} is no folder")
        if kind == "f" and not stat.S_ISREG(found.st_mode):
            raise WrongError(f"{name} is no file")
        if (found.st_uid, found.st_gid) != wanted:
            raise WrongError(f"{name} is not {owner}'s")


def rows(path: str) -> list[list[str]]:
    """The lines of such a file; one that is missing is told elsewhere."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return []
    return [line.split() for line in lines if line and line[0] != "#"]


def ask_chains(folder: str) -> None:
    """Each file has a key and the certificate for it."""
    for chain in sorted(Path(folder).rglob("*.pem")):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain)
        except OSError:
            raise WrongError(f"{chain} has no key with its certificate") from None


def ask_signed(folder: str) -> None:
    """Each signed profile contains the profile."""
    for profile in sorted(Path(folder).rglob("*.plist")):
        signed = profile.with_suffix(".mobileconfig")
        try:
            data = signed.read_bytes()
            # A sequence in DER with two octets of length.
            whole = data[:2] == b"\x30\x82" and len(data) == 4 + int.from_bytes(data[2:4], "big")
            if not whole or profile.read_bytes() not in data:
                raise WrongError(f"{signed} is not {profile.name}, signed")
        except OSError:
            raise WrongError(f"{signed} is missing") from None


def ask_name() -> None:
    """The host's name is its own."""
    name = Path("/etc/hostname").read_text().strip()
    found = socket.gethostname()
    try:
        full = socket.getaddrinfo(found, None, flags=socket.AI_CANONNAME)[0][3]
    except OSError:
        full = "nothing"
    if not name == found == full:
        raise WrongError(f"the host's name is {found}, in full {full}")


def ask_table(family: str, name: str) -> None:
    """The firewall is what its file makes of an empty network."""
    listing = ["nft", "list", "table", family, name]
    loaded = subprocess.run(listing, capture_output=True, text=True)
    if loaded.returncode:
        raise WrongError(f"the table {name} is not loaded")
    shell = f"nft -f /etc/nftables.conf && {' '.join(listing)}"
    fresh = subprocess.run(["unshare", "--net", "sh", "-c", shell], capture_output=True, text=True)
    if fresh.returncode == 0 and loaded.stdout != fresh.stdout:
        raise WrongError(f"the table {name} is not as /etc/nftables.conf has it")


def ask_resolver() -> None:
    """A validated answer: the authority of the root zone."""
    question = b"MW\1\x20\0\1\0\0\0\0\0\0" + b"\0\0\6\0\1"
    client = socket.socket(
        socket.AF_INET6 if ":" in host.loopback else socket.AF_INET, socket.SOCK_DGRAM
    )
    client.settimeout(host.seconds)
    try:
        client.connect((host.loopback, 53))
        client.send(question)
        answer = client.recv(4096)
    except OSError as error:
        raise WrongError(
            held("unbound", "53") or f"the resolver does not answer ({error})"
        ) from None
    if not (answer[3] & 0x20 and answer[3] & 0xF == 0 and answer[7]):
        raise WrongError(
            "Unbound does not get a validated answer from the root name servers (a network that"
            " lets nobody ask them at port 53 needs a forward-zone, in a file of yours in"
            " /etc/unbound/unbound.conf.d)"
        )


ASKS: dict[str, Callable[..., None]] = {
    "accounts": ask_accounts,
    "folders": ask_folders,
    "chains": ask_chains,
    "signed": ask_signed,
    "name": ask_name,
    "table": ask_table,
    "resolver": ask_resolver,
    "web": ask_web,
    "talk": talk,
}


def ask(service: str, kind: str, *words: str) -> None:
    """One question."""
    try:
        ASKS[kind](*words)
    except WrongError as wrong:
        tell(service, str(wrong))
    except Exception as error:
        tell(service, f"{' '.join((kind, *words))}: {error!r}")


def tell(service: str, what: str) -> None:
    """Something is wrong."""
    told.append(f"X {service} {what}")


def look(files: Sequence[str]) -> list[str]:
    """What is wrong: all questions, each in a thread of its own."""
    told.clear()
    listening.cache_clear()
    for family in host.families:
        listening(family)
    lines = [line.split() for file in files for line in Path(file).read_text().splitlines()]
    units = [(service, words[0]) for service, kind, *words in lines if kind == "unit"]
    threads = [threading.Thread(target=ask, args=line) for line in lines if line[1] != "unit"]
    if units:
        threads.append(threading.Thread(target=ask_units, args=(units,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(set(told))


def main(loopback: str, families: str, patience: str, *files: str) -> None:
    """Look until all is well, or the patience is at an end."""
    host.loopback, host.families = loopback, families.split()
    host.seconds = 5 if float(patience) else 10
    end = time.monotonic() + float(patience)
    wrong = look(files)
    while wrong and time.monotonic() < end:
        time.sleep(0.2)
        wrong = look(files)
    print("\n".join([*wrong, *(f"A {file}" for file in files)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
