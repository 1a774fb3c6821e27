"""The command `mailwright order`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from mailwright.certificates import chains
from mailwright.commands.terminal import INVENTORY
from mailwright.inventory.load import Inventory, load
from mailwright.inventory.lock import locked
from mailwright.keys import eab, pem, secret
from mailwright.keys.tls_keys import KeyFiles, new_key
from mailwright.model import address
from mailwright.model.acme import Acme
from mailwright.model.problems import Invalid, Problem, Problems, gathered, listed, nearest
from mailwright.net import tsig
from mailwright.net.authority import Authority
from mailwright.net.resolver import Resolver
from mailwright.order.ca import Ca, NotIssued
from mailwright.order.proof import NotShown, Proofs
from mailwright.zones.primary import Primary, Refused, Unusable

ACCOUNT = "tls/acme-account.key"


@dataclass(frozen=True)
class Wanted:
    """A certificate for some host names: the inventory's file, and whose key it has.

    `kept` is a file with the private key that it shall have, if that is there already.
    """

    file: Path
    names: tuple[str, ...]
    kept: Path | None = None

    @property
    def good_until(self) -> datetime | None:
        """The end of the one that is there, unless another one is due."""
        with suppress(Invalid):
            chain = chains.usable(self.file)
            if len(chains.covered(chain, *self.names)) == len(self.names):
                return chains.good_until(chain)
        return None

    def key(self) -> str:
        """The key of the certificate before, or the host's, so that TLSA records hold; or new.

        Raises Problems when there is one that cannot be used.
        """
        for path in (self.file, self.kept):
            if path and path.exists():
                return _key(path)
        return new_key()

    def write(self, text: str) -> None:
        """Replace the file at once, by one that serves for all the names. Raises Invalid."""
        staged = self.file.with_name(f".{self.file.name}.new")
        staged.unlink(missing_ok=True)
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret.create(staged, text)
        try:
            for name in self.names:
                chains.read(staged, name)
            staged.replace(self.file)
        finally:
            staged.unlink(missing_ok=True)
        secret.sync(self.file.parent)


@click.command()
@INVENTORY
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--server", metavar="ADDRESS", required=True, help="The primary of the zones.")
@click.option("--port", type=click.IntRange(1, 65535), default=53, show_default=True)
@click.option("--key", "key_file", metavar="FILE", type=click.Path(path_type=Path), required=True,
              help="Its TSIG key, from a file of mode 600.")  # fmt: skip
@click.option("--resolver", metavar="ADDRESS", help="Asked for the zones' name servers.")
@click.option("--patience", type=click.FloatRange(0), default=120, show_default=True,
              metavar="SECONDS", help="Wait so long for all name servers.")  # fmt: skip
@click.option("--now", is_flag=True, help="Order though nothing is due.")
def order(
    folder: Path,
    names: tuple[str, ...],
    server: str,
    port: int,
    key_file: Path,
    resolver: str | None,
    patience: float,
    now: bool,
) -> None:
    """Order certificates from here, for hosts that their authority cannot reach.

    \b
      mailwright order inventory mail.example.com --server 192.0.2.53 --key dns.key
      mailwright order inventory example.com --server 192.0.2.53 --key dns.key

    NAME is a mail host, or a domain for its web names. The authority of [acme] sees the proof in
    DNS (DNS-01), where it is published by dynamic update for as long as that takes. The
    certificate becomes the host's file in tls/, and the next deploy brings it. Nothing is ordered
    while more than 35 % of the life is left, so a timer may run this every day.

    Exit status: 0 all are good, 1 something failed; the files are as they were then.
    """
    inventory = load(folder, require_keys=False, require_tls=False, public=True)
    found: list[Problem] = []
    wanted: list[Wanted] = []
    with gathered(found):
        acme = _acme(inventory)
    with gathered(found):
        wanted += _wanted(inventory, names)
    with gathered(found):
        primary = Primary(server, port, tsig.read(key_file))
    with gathered(found):
        account = _account(inventory.folder)
    due = []
    for each in wanted:
        with gathered(found):
            due += [(each, each.key())] if now or not _is_good(each) else []
    if found:
        raise Problems(found)
    proofs = Proofs(primary, Authority(Resolver(resolver).stub()), patience)
    ca = Ca(acme, account)
    failed = [each for each, key in due if not _ordered(folder, ca, each, key, proofs)]
    for line in proofs.left:
        click.echo(f"error: the proof was not taken out of DNS: {line}", err=True)
    sys.exit(1 if failed or proofs.left else 0)


def _is_good(wanted: Wanted) -> bool:
    end = wanted.good_until
    if end:
        click.echo(f"{listed(wanted.names, 'and')}: good until {end:%F}")
    return bool(end)


def _ordered(folder: Path, ca: Ca, wanted: Wanted, key: str, proofs: Proofs) -> bool:
    """Whether it was issued; the file is as it was where not."""
    names = listed(wanted.names, "and")
    click.echo(f"{names}: ordering from {ca.acme.directory}")
    try:
        chain = ca.order(wanted.names, pem.private_key(key), proofs)
        with locked(folder):
            wanted.write(key + chain)
    except (NotIssued, NotShown, Refused, Unusable, Invalid) as error:
        click.echo(f"error: {names}: {error}", err=True)
        return False
    end = wanted.good_until
    until = f" until {end:%F}" if end else ""
    click.echo(f"{names}: issued{until}; the next deploy brings it")
    return True


def _acme(inventory: Inventory) -> Acme:
    """Raises Problems."""
    if inventory.acme is None:
        what, hint = "is missing", "it says which authority issues, and to whom"
        raise Problems([Problem("mail.toml", what, "acme", "a table [acme]", hint)])
    if inventory.acme.eab_kid:
        try:
            eab.read(inventory.folder)
        except Invalid as error:
            raise Problems([error.at(eab.FILE)]) from None
    return inventory.acme


def _account(folder: Path) -> str:
    """The key of the account there, which is made once. Raises Problems."""
    path = folder / ACCOUNT
    if not path.exists():
        with locked(folder), suppress(FileExistsError):  # another run may have been first
            path.parent.mkdir(mode=0o700, exist_ok=True)
            secret.create(path, new_key())
    return _key(path)


def _key(path: Path) -> str:
    """A private key that a certificate can be for. Raises Problems, which name the file."""
    try:
        key = pem.read_key(path)
        pem.private_key(key)
    except Invalid as error:
        raise Problems([error.at(str(path))]) from None
    return key


def _wanted(inventory: Inventory, names: Sequence[str]) -> list[Wanted]:
    """Raises Problems with every name that is none of ours."""
    known = dict(_certificates(inventory))
    found, problems = [], []
    for name in dict.fromkeys(names):
        try:
            found.append(known[address.domain(name)])
        except (Invalid, KeyError):
            what, expected = "is no host, and no domain with web names", listed([*known], "or")
            problems.append(Problem("NAME", what, name, expected, nearest(name, known)))
    if problems:
        raise Problems(problems)
    return found


def _certificates(inventory: Inventory) -> Iterator[tuple[str, Wanted]]:
    for site in inventory.sites:
        if site.wanted:
            yield site.domain.name, Wanted(inventory.folder / site.file, site.wanted)
    for host in inventory.hosts:
        file = inventory.folder / host.tls_chain_file
        kept = KeyFiles(inventory.folder, host.name).current
        yield host.name, Wanted(file, (host.name,), kept)
