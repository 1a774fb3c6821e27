"""A starter inventory: the files that `mailwright init` writes."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from mailwright import dkim, groups, mail, password, secret
from mailwright.acme import KeyFiles
from mailwright.inventory import load
from mailwright.problems import Problem, Problems

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
            groups.FILE: _HOSTS.format(target=json.dumps(self.target), data=data),
            mail.FILE: _MAIL.format(**texts),
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
        list(dkim.create(staged, wanted, date.today(), passphrase))
        folder.mkdir(exist_ok=True)
        for path in sorted(staged.iterdir()):
            path.rename(folder / path.name)
