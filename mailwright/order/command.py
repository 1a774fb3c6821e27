"""The command `mailwright order`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography import x509

from mailwright import address, secret, tls
from mailwright.acme import KeyFiles, new_key
from mailwright.dns.authority import Authority
from mailwright.dns.resolver import Resolver
from mailwright.inventory import Inventory, load
from mailwright.order.ca import Ca, NotIssued
from mailwright.order.proof import NotShown, Proofs
from mailwright.problems import Invalid, Problem, Problems, listed, nearest
from mailwright.push import tsig
from mailwright.push.primary import Primary, Refused, Unusable
from mailwright.terminal import INVENTORY

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
        """The end of the one that is there, unless it is due: a third of its life is left."""
        with suppress(Invalid):
            chain = tls.usable(self.file)
            leaf = x509.load_pem_x509_certificates(chain.encode())[0]
            start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
            is_young = end - datetime.now(UTC) > (end - start) / 3
            if is_young and len(tls.covered(chain, *self.names)) == len(self.names):
                return end
        return None

    def key(self) -> str:
        """The key of the certificate before, or the host's, so that TLSA records hold; or new."""
        for path in (self.file, self.kept):
            if path and path.exists():
                return tls.read_key(path)
        return new_key()

    def write(self, text: str) -> None:
        """Replace the file at once, by one that serves for all the names. Raises Invalid."""
        staged = self.file.with_name(f".{self.file.name}.new")
        staged.unlink(missing_ok=True)
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret.create(staged, text)
        try:
            for name in self.names:
                tls.read(staged, name)
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
    before a third of the life is left, so a timer may run this every day.

    Exit status: 0 all are good, 1 something failed; the files are as they were then.
    """
    inventory = load(folder, require_keys=False, require_tls=False, public=True)
    wanted = _wanted(inventory, names)
    due = [each for each in wanted if now or not _is_good(each)]
    if not due:
        return
    authority = Authority(Resolver(resolver).stub())
    proofs = Proofs(Primary(server, port, tsig.read(key_file)), authority, patience)
    failed = False
    ca = _ca(inventory)
    for each in due:
        try:
            _ordered(ca, each, proofs)
        except (NotIssued, NotShown, Refused, Unusable, Invalid) as error:
            failed = True
            click.echo(f"error: {listed(each.names, 'and')}: {error}", err=True)
    sys.exit(1 if failed else 0)


def _is_good(wanted: Wanted) -> bool:
    end = wanted.good_until
    if end:
        click.echo(f"{listed(wanted.names, 'and')}: good until {end:%F}")
    return bool(end)


def _ordered(ca: Ca, wanted: Wanted, proofs: Proofs) -> None:
    click.echo(f"{listed(wanted.names, 'and')}: ordering from {ca.acme.directory}")
    key = wanted.key()
    wanted.write(key + ca.order(wanted.names, tls.private_key(key), proofs))
    end = wanted.good_until
    until = f" until {end:%F}" if end else ""
    click.echo(f"{listed(wanted.names, 'and')}: issued{until}; the next deploy brings it")


def _ca(inventory: Inventory) -> Ca:
    """With the account's key, which is made once. Raises Problems."""
    if inventory.acme is None:
        what, hint = "is missing", "it says which authority issues, and to whom"
        raise Problems([Problem("mail.toml", what, "acme", "a table [acme]", hint)])
    path = inventory.folder / ACCOUNT
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        secret.create(path, new_key())
    try:
        return Ca(inventory.acme, tls.read_key(path))
    except Invalid as error:
        raise Problems([error.at(ACCOUNT)]) from None


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
