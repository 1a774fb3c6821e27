"""The command `mailwright init`, and the starter inventory that it writes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import click

from mailwright.commands.terminal import Remembered, asked
from mailwright.inventory import hosts_file, password, places
from mailwright.inventory.load import load
from mailwright.inventory.lock import NOTE, locked
from mailwright.inventory.machine import ip, release
from mailwright.keys import dkim_files, secret, signing_key
from mailwright.keys.tls_keys import KeyFiles
from mailwright.model import address
from mailwright.model.problems import Invalid, Problem, Problems

VERIFY = "verify.toml"
_STAGED = ".new."  # how the name begins of what is not finished

_HOSTS = '''\
"""The machines of the mail system and how pyinfra reaches them."""

mail = [
    (
        {target},
        {{
{data}
        }},
    ),
]
'''

_MAIL = """\
# Domains, mailboxes and aliases. Sizes: 100K, 50M, 2G or plain bytes; quotas also "unlimited".

message_size_limit = "50M"
quota = "1G"  # of every mailbox that has none of its own
postmaster = {mailbox}  # receives postmaster@ and abuse@ of every domain, and root's mail

[acme]  # certificates from Let's Encrypt, unless there is a file of yours in tls/

[domains.{domain}]
dkim = ["rsa"]
dmarc = "quarantine"

[mailboxes.{mailbox}]
password = {hash}  # other mailboxes: 'mailwright mailbox add'

[aliases]
# "info@example.com" = ["alice@example.com", "bob@example.net"]
"""

_VERIFY = """\
# Passwords that verification logs in with: keep this file to yourself.

[accounts]
{mailbox} = {password}

# A mailbox of yours on somebody else's server: mail goes there and comes back.
# [correspondent]
# address = "you@elsewhere.example"
# imap_host = "imap.elsewhere.example"
# password = "..."
"""

_IGNORED = """\
# Secrets: back them up elsewhere.
/keys/
/tls/
/verify.toml
# Who writes here just now.
/.lock
"""


@dataclass(frozen=True)
class Starter:
    """What the first inventory is made of: one host, one domain, one mailbox."""

    target: str
    data: dict[str, Any]
    domain: str
    mailbox: str
    password: str = field(repr=False)
    is_generated: bool

    def files(self) -> dict[str, str]:
        """The text of each file, by name."""
        data = "\n".join(f'            "{key}": {_python(self.data[key])},' for key in self.data)
        quoted = {"domain": self.domain, "mailbox": self.mailbox, "password": self.password}
        texts = {name: json.dumps(value, ensure_ascii=False) for name, value in quoted.items()}
        texts["hash"] = json.dumps(password.hash(self.password, self.is_generated))
        return {
            hosts_file.FILE: _HOSTS.format(target=json.dumps(self.target), data=data),
            places.FILE: _MAIL.format(**texts),
            VERIFY: _VERIFY.format(**texts),
            ".gitignore": _IGNORED,
        }


def _python(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def check_free(folder: Path) -> None:
    """Raises Problems unless the folder is missing or empty."""
    expected = "a folder that is empty or does not exist yet"
    if folder.exists() and not folder.is_dir():
        raise Problems([Problem(str(folder), "is no folder", expected=expected)])
    if folder.exists() and any(not _is_passing(path) for path in folder.iterdir()):
        raise Problems([Problem(str(folder), "is not empty", expected=expected)])


def _is_passing(path: Path) -> bool:
    """Whether it is of another run, maybe of one that was killed."""
    return path.name == NOTE or path.name.startswith(_STAGED)


def create(folder: Path, starter: Starter, passphrase: str | None) -> None:
    """Write the starter inventory and its keys; on any failure the folder stays as it was.

    Raises Problems with everything that is wrong with the starter.
    """
    check_free(folder)
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            check_free(folder)
            for left in folder.glob(f"{_STAGED}*"):
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(prefix=_STAGED, dir=folder) as name:
                _fill(Path(name), starter, passphrase)
                _move(Path(name), folder)
    except BaseException:
        for path in new:
            with suppress(OSError):
                path.rmdir()
        raise


def _fill(folder: Path, starter: Starter, passphrase: str | None) -> None:
    for file, text in starter.files().items():
        if file == VERIFY:
            secret.create(folder / file, text)
        else:
            with secret.naming(folder / file):
                (folder / file).write_text(text, "utf-8")
    inventory = load(folder, require_keys=False, require_tls=False)
    for host in inventory.hosts:
        list(KeyFiles(folder, host.name).make())
    wanted = [(domain.name, each) for domain in inventory.domains for each in domain.algorithms]
    list(signing_key.create(folder, wanted, date.today(), passphrase))


def _move(staged: Path, folder: Path) -> None:
    """All or nothing, whatever interrupts it."""
    names = sorted(path.name for path in staged.iterdir())
    try:
        for name in names:
            (staged / name).rename(folder / name)
    except BaseException:
        for name in names:
            with suppress(FileNotFoundError):
                (folder / name).rename(staged / name)
        raise


@click.command()
@click.argument("folder", metavar="DIR", type=Path)
@click.option("--host", help="The host's name in DNS, such as mail.example.com.")
@click.option("--ipv4", help="Its IPv4 address.")
@click.option("--ipv6", help="Its IPv6 address.")
@click.option("--debian", help="Its release of Debian: 12 or 13.")
@click.option("--ssh-user", default="root", show_default=True, help="Any but root uses sudo.")
@click.option("--local", is_flag=True, help="The host is this machine; no SSH.")
@click.option("--domain", help="The first mail domain.")
@click.option("--mailbox", help="The first mailbox, which is also the postmaster's.")
def init(
    folder: Path,
    host: str | None,
    ipv4: str | None,
    ipv6: str | None,
    debian: str | None,
    ssh_user: str,
    local: bool,
    domain: str | None,
    mailbox: str | None,
) -> None:
    """Start an inventory in DIR; asks for what is not given.

    \b
      mailwright init inventory
      mailwright init inventory --host mail.example.com --ipv4 198.51.100.10 \\
          --debian 13 --domain example.com --mailbox alice@example.com
    """
    shown, folder = folder, folder.absolute()
    check_free(folder)
    answers = Remembered(folder)
    try:
        starter = _starter(
            answers, host, ipv4, ipv6, debian, None if local else ssh_user, domain, mailbox
        )
        create(folder, starter, dkim_files.environment())
    except (click.Abort, KeyboardInterrupt) as error:
        answers.keep()
        raise click.Abort("interrupted: nothing was written", _OFFERED) from error
    except BaseException:
        answers.keep()
        raise
    answers.forget()
    if starter.is_generated:
        click.echo(f"Password of {starter.mailbox}, shown this once: {starter.password}\n")
    name = str(starter.data.get("myhostname", starter.target))
    click.echo(_NEXT.format(folder=shown, host=name))


_OFFERED = "run it again: what you have answered is offered then"


def _starter(
    answers: Remembered,
    host: str | None,
    ipv4: str | None,
    ipv6: str | None,
    debian: str | None,
    ssh_user: str | None,
    domain: str | None,
    mailbox: str | None,
) -> Starter:
    """From options and answers."""

    ask = partial(_answer, answers)
    question = "Name of the host (such as mail.example.com)"
    host = _named("--host", ask(host, "--host", question, address.domain))
    if ipv4 is None and ipv6 is None:
        ipv4 = ask(ipv4, "--ipv4 or --ipv6", "IPv4 address (- for none)", _ip(4))
        none = None if ipv4 == _NONE and sys.stdin.isatty() else _NONE
        ipv6 = ask(ipv6, "--ipv6", "IPv6 address (- for none)", _ip(6, bool(none)), none)
    debian = ask(debian, "--debian", "Release of Debian", lambda text: release(_number(text)), "13")
    domain = ask(
        domain, "--domain", "Mail domain", address.domain, address.unicode(host).partition(".")[2]
    )
    _named("--domain", domain)
    mailbox = ask(
        mailbox, "--mailbox", "First mailbox", _mailbox_of(domain), f"postmaster@{domain}"
    )
    data: dict[str, object] = {"debian": _number(debian)}
    data |= {name: ip for name, ip in (("ipv4", ipv4), ("ipv6", ipv6)) if ip not in (None, _NONE)}
    target, reached = _connection(host, ssh_user)
    if ssh_user is not None:
        reached["ssh_hostname"] = data.get("ipv4") or data.get("ipv6")  # works before DNS does
    word, made = _first_password(mailbox)
    return Starter(target, data | reached, domain, mailbox, word, made)


_NONE = "-"


def _answer(
    answers: Remembered,
    value: str | None,
    option: str,
    question: str,
    valid: Callable[[str], object],
    default: str | None = None,
) -> str:
    """The option's value, or an answer, or the default where there is nobody who answers."""
    if value is not None:
        return value
    if sys.stdin.isatty():

        def answer(text: str) -> str:
            valid(text)
            return text

        where = option.partition(" ")[0]
        answers[option] = asked(question, where, answer, answers.get(option, default))
        return answers[option]
    if default is None:
        raise click.UsageError(f"{option} is missing")
    return default


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _ip(version: int, may_be_none: bool = True) -> Callable[[str], object]:
    return lambda text: (may_be_none and text == _NONE) or ip(text, version)


def _mailbox_of(domain: str) -> Callable[[str], object]:
    def valid(text: str) -> None:
        if not address.own(text).endswith(f"@{address.domain(domain)}"):
            raise Invalid(text, "is of another domain", f"an address of {domain}")

    return valid


def _connection(host: str, ssh_user: str | None) -> tuple[str, dict[str, object]]:
    """pyinfra's name of the host and what it needs to be root there; no user: this machine."""
    if ssh_user is None:
        sudo = {} if os.geteuid() == 0 else {"_sudo": True}
        return "@local", {"myhostname": host, **sudo}
    return host, {"ssh_user": ssh_user, **({} if ssh_user == "root" else {"_sudo": True})}


def _named(option: str, text: str) -> str:
    try:
        return address.domain(text)
    except Invalid as error:
        raise Problems([error.at(option)]) from None


_NEXT = """\
Next:
  1. mailwright show {folder}         check the whole description
  2. mailwright dns {folder}          publish what it prints
  3. pyinfra {folder} deploy.py       set the host up
{host} orders its certificate when its name leads to it; see docs/certificates.md for your own.
Keep a backup of keys/ and tls/: what DNS says of a lost key stays wrong until it is changed."""


def _first_password(mailbox: str) -> tuple[str, bool]:
    """A password, and whether it was made up here."""
    if sys.stdin.isatty():
        question = f"Password of {mailbox} (empty: make one up)"
        if typed := asked(question, "password", _hashable_or_empty, "", is_secret=True):
            return typed, False
    return password.generate(), True


def _hashable_or_empty(text: str) -> str:
    return password.hashable(text) if text else text
