"""The command line. What a user does wrong is an `error:` line, never a traceback."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import click

from mailwright import address, dkim, init, password
from mailwright.acme import KeyFiles
from mailwright.host import MailHost
from mailwright.inventory import Inventory, load
from mailwright.problems import Invalid, Problem, Problems, listed, nearest
from mailwright.rotation import birth
from mailwright.terminal import INVENTORY, chosen, described, new_password, passphrase

INPUT, USAGE = 1, 2  # exit codes
_MANY = 50  # keys that are told one by one


# Commands that are loaded when they are asked for, so that each starts with what it needs itself;
# `lab` is a package of its own, which may be missing.
_LATER = {
    "check": "mailwright.check.command",
    "dns": "mailwright.publication",
    "lab": "lab.command",
    "mailbox": "mailwright.mailbox",
    "order": "mailwright.order.command",
    "push": "mailwright.push.command",
    "rotate": "mailwright.rotation.command",
}


class _Group(click.Group):
    """The commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _LATER:
            return super().get_command(ctx, cmd_name)
        try:
            command = getattr(import_module(_LATER[cmd_name]), cmd_name)
        except ModuleNotFoundError as error:
            if error.name not in ("lab", "lab.command"):
                raise
            return None
        assert isinstance(command, click.Command)
        return command


def main(args: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 something is wrong with the input, 2 wrong usage."""
    try:
        sys.exit(cli.main(args, prog_name="mailwright", standalone_mode=False))
    except Problems as error:
        _fail(INPUT, *error.lines)
    except Invalid as error:
        _fail(INPUT, str(error.at("input")))
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "mailwright"
        _fail(USAGE, f"{error.format_message()} (see '{path} --help')")
    except click.ClickException as error:
        _fail(error.exit_code, error.format_message())
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)  # the cursor stands behind a question
        _fail(INPUT, "interrupted")
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _fail(INPUT, f"{error.filename or 'input'}: {error.strerror}")


def _fail(code: int, *lines: str) -> None:
    for line in lines:
        click.echo(f"error: {line}", err=True)
    sys.exit(code)


def _ask(value: str | None, option: str, question: str, default: str | None = None) -> str:
    """The option's value, or the answer from the terminal, or the default where there is none."""
    if value is not None:
        return value
    if sys.stdin.isatty():
        return str(click.prompt(question, default=default, err=True))
    if default is None:
        raise click.UsageError(f"{option} is missing")
    return default


@click.group(
    cls=_Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Turns a fresh Debian server into a mail server that other servers trust.

    \b
      mailwright init inventory       describe your host, domain and first mailbox
      mailwright mailbox --help       add mailboxes, change them, suspend them
      mailwright show inventory       check the description, see what follows from it
      mailwright dns inventory        the DNS records to publish
      mailwright push --help          publish them, where your name server takes updates
      mailwright rotate --help        replace DKIM keys, without a gap
      mailwright check inventory      whether the world sees them
      pyinfra inventory deploy.py     set the host up, or bring it up to date

    INVENTORY is a folder with hosts.py, mail.toml, keys/ and tls/, maybe sieve/ and mailboxes/.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@cli.command("init")
@click.argument("folder", metavar="DIR", type=Path)
@click.option("--host", help="The host's name in DNS, such as mail.example.com.")
@click.option("--ipv4", help="Its IPv4 address.")
@click.option("--ipv6", help="Its IPv6 address.")
@click.option("--debian", help="Its release of Debian: 12 or 13.")
@click.option("--ssh-user", default="root", show_default=True, help="Any but root uses sudo.")
@click.option("--local", is_flag=True, help="The host is this machine; no SSH.")
@click.option("--domain", help="The first mail domain.")
@click.option("--mailbox", help="The first mailbox, which is also the postmaster's.")
def init_command(
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
    init.check_free(folder.absolute())
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
    secret, made = _first_password(mailbox)
    starter = init.Starter(target, data | reached, domain, mailbox, secret, made)
    init.create(folder.absolute(), starter, dkim.environment())
    if made:
        click.echo(f"Password of {mailbox}, shown this once: {secret}\n")
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
{host} orders its certificate when its name leads to it; README says how to use one of your own.
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


@cli.command()
@INVENTORY
def show(folder: Path) -> None:
    """Check everything and print what follows from it.

    \b
      mailwright show inventory
    """
    inventory = load(folder, passphrase=passphrase)
    click.echo("\n".join(_shown(inventory)))
    for warning in inventory.warnings:
        click.echo(f"warning: {warning}", err=True)


def _shown(inventory: Inventory) -> list[str]:
    lines = ["hosts"]
    for host in inventory.hosts:
        source = "acme" if host.tls_keys else host.tls_chain_file
        addresses = " ".join(host.addresses)
        lines.append(f"  {host.name}  Debian {host.debian}  {addresses}  tls {source}")
    lines.append("domains")
    for domain in inventory.domains:
        keys = " ".join(key.selector for key in domain.signing)
        name = address.both(domain.name)
        others = [f"sent from {name} too" for name in domain.other_senders]
        hosts = ", ".join([domain.host, *others])
        here = f"on {hosts}  dkim {keys}  dmarc {domain.policy.dmarc.p}"
        lines.append(f"  {name}  {'parked' if domain.parked else here}")
    lines.append("mailboxes")
    for each in inventory.mailboxes:
        lines.append(f"  {each.address}  {described(each)}")
    lines.append("aliases")
    for alias in inventory.aliases:
        lines.append(f"  {alias.address} -> {' '.join(sorted(inventory.ends[alias.address]))}")
    return lines


@cli.command()
@INVENTORY
@click.option("--domain", help="Only the DKIM keys of this domain.")
@click.option("--encrypt", is_flag=True, help="Ask for a passphrase for the new DKIM keys.")
@click.option("--roll", metavar="HOST", help="Make a host's next TLS key the current one.")
def keys(folder: Path, domain: str | None, encrypt: bool, roll: str | None) -> None:
    """Make the keys that are missing, for DKIM and for ACME; list those that are there.

    Many keys show how long they take, and a run that is interrupted has lost none: the next makes
    the rest. A key that is there stays as it is. What is added to a domain that has signed before
    does not sign at once: 'mailwright rotate' says when it may. MAILWRIGHT_PASSPHRASE, where it is
    set, encrypts new DKIM keys and opens encrypted ones.

    \b
      mailwright keys inventory
      mailwright keys inventory --domain example.com --encrypt
      mailwright keys inventory --roll mail.example.com
    """
    if roll is not None and domain is not None:
        raise click.UsageError("--roll is about a host's TLS key, --domain about DKIM keys")
    inventory = load(folder, require_keys=False, require_tls=False, passphrase=passphrase)
    if roll is not None:
        _roll(inventory, roll)
        return
    for host in inventory.hosts if domain is None else ():
        _tls_keys(folder, host)
    wanted = chosen(inventory, (domain,) if domain else ())
    missing = []
    for each in inventory.domains:
        if each.name in wanted:
            for key in each.keys:
                if not key.life.has_ended:
                    dkim.publish(key)
                    click.echo(f"{each.name}: {key.path.stem} ({key.algorithm}), {key.state}")
            missing += [(each, name) for name in birth.lacking(each)]
    phrase = dkim.environment() if not encrypt else dkim.environment() or _new_passphrase()
    made = birth.make(folder, missing, datetime.now(UTC), phrase)
    if len(missing) > _MANY:
        with click.progressbar(
            made, len(missing), "DKIM keys", show_eta=True, show_pos=True, file=sys.stderr
        ) as progress:
            click.echo(f"{sum(1 for _ in progress)} new keys: publish them in DNS")
        return
    for key in made:
        click.echo(f"{key.domain}: {key.path.stem} ({key.algorithm}), new: publish it in DNS")


def _tls_keys(folder: Path, host: MailHost) -> None:
    """Those of a host that gets its certificates by ACME."""
    if host.tls_keys:
        for path in KeyFiles(folder, host.name).make():
            click.echo(f"{host.name}: {path.relative_to(folder)}, new: publish its TLSA record")


def _roll(inventory: Inventory, name: str) -> None:
    hosts = {host.name: host for host in inventory.hosts if host.tls_keys}
    if name not in hosts:
        what, known = "is no host with certificates by ACME", [*hosts] or ["[acme] in mail.toml"]
        raise Problems([Problem("--roll", what, name, listed(known), nearest(name, hosts))])
    KeyFiles(inventory.folder, name).roll()
    click.echo(f"{name}: deploy, verify, and delete tls/{name}.previous.key; then publish the rest")


def _new_passphrase() -> str:
    question = "Passphrase of the new DKIM keys"
    return str(click.prompt(question, hide_input=True, confirmation_prompt=True, err=True))


@cli.command("password")
@click.option("--generate", is_flag=True, help="Make one up and show it on standard error.")
def password_command(generate: bool) -> None:
    """Ask for a password and print its hash, for mail.toml.

    \b
      mailwright password
      mailwright password --generate
    """
    if generate:
        typed = password.generate()
        click.echo(typed, err=True)
    else:
        typed = new_password("Password")
    click.echo(password.hash(typed, generate))
