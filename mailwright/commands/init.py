"""The command `mailwright init`, and the starter inventory that it writes."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import click

from mailwright.inventory import hosts_file, password, places
from mailwright.inventory.load import load
from mailwright.keys import dkim_files, secret, signing_key
from mailwright.keys.tls_keys import KeyFiles
from mailwright.model import address
from mailwright.model.problems import Invalid, Problem, Problems

VERIFY = "verify.toml"

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

_IGNORED = "# Secrets: back them up elsewhere.\n/keys/\n/tls/\n/verify.toml\n"


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
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        expected = "a folder that is empty or does not exist yet"
        raise Problems([Problem(str(folder), "is not empty", expected=expected)])


def create(folder: Path, starter: Starter, passphrase: str | None) -> None:
    """Write the starter inventory and its keys; on any failure the folder stays as it was.

    Raises Problems with everything that is wrong with the starter.
    """
    check_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as name:
        staged = Path(name)
        for file, text in starter.files().items():
            if file == VERIFY:
                secret.create(staged / file, text)
            else:
                (staged / file).write_text(text, "utf-8")
        inventory = load(staged, require_keys=False, require_tls=False)
        for host in inventory.hosts:
            list(KeyFiles(staged, host.name).make())
        domains = inventory.domains
        wanted = [(domain.name, each) for domain in domains for each in domain.algorithms]
        list(signing_key.create(staged, wanted, date.today(), passphrase))
        folder.mkdir(exist_ok=True)
        for path in sorted(staged.iterdir()):
            path.rename(folder / path.name)


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
    check_free(folder.absolute())
    host = _host_name(_ask(host, "--host", "Name of the host (such as mail.example.com)"))
    if ipv4 is None and ipv6 is None:
        ipv4 = _ask(ipv4, "--ipv4 or --ipv6", "IPv4 address (- for none)")
        ipv6 = _ask(ipv6, "--ipv6", "IPv6 address (- for none)", "-")
    debian = _ask(debian, "--debian", "Release of Debian", "13")
    domain = _ask(domain, "--domain", "Mail domain", address.unicode(host).partition(".")[2])
    mailbox = _ask(mailbox, "--mailbox", "First mailbox", f"postmaster@{domain}")
    data: dict[str, object] = {"debian": int(debian) if debian.isdigit() else debian}
    data |= {name: ip for name, ip in (("ipv4", ipv4), ("ipv6", ipv6)) if ip not in (None, "-")}
    target, reached = _connection(host, None if local else ssh_user)
    if not local:
        reached["ssh_hostname"] = data.get("ipv4") or data.get("ipv6")  # works before DNS does
    word, made = _first_password(mailbox)
    starter = Starter(target, data | reached, domain, mailbox, word, made)
    create(folder.absolute(), starter, dkim_files.environment())
    if made:
        click.echo(f"Password of {mailbox}, shown this once: {word}\n")
    click.echo(_NEXT.format(folder=folder, host=host))


def _connection(host: str, ssh_user: str | None) -> tuple[str, dict[str, object]]:
    """pyinfra's name of the host and what it needs to be root there; no user: this machine."""
    if ssh_user is None:
        sudo = {} if os.geteuid() == 0 else {"_sudo": True}
        return "@local", {"myhostname": host, **sudo}
    return host, {"ssh_user": ssh_user, **({} if ssh_user == "root" else {"_sudo": True})}


def _host_name(text: str) -> str:
    try:
        return address.domain(text)
    except Invalid as error:
        raise Problems([error.at("--host")]) from None


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
        typed = click.prompt(
            question, default="", show_default=False, hide_input=True, err=True,
            confirmation_prompt=True,
        )  # fmt: skip
        if typed:
            return str(typed), False
    return password.generate(), True


def _ask(value: str | None, option: str, question: str, default: str | None = None) -> str:
    """The option's value, or the answer from the terminal, or the default where there is none."""
    if value is not None:
        return value
    if sys.stdin.isatty():
        return str(click.prompt(question, default=default, err=True))
    if default is None:
        raise click.UsageError(f"{option} is missing")
    return default
