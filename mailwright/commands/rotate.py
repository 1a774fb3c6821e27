"""The command `mailwright rotate`."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from mailwright.commands.terminal import INVENTORY, chosen, passphrase
from mailwright.inventory.load import Inventory, load
from mailwright.keys import dkim_files
from mailwright.model.dkim import ALWAYS, DkimKey, State
from mailwright.model.domain import Domain
from mailwright.model.problems import Problem, Problems
from mailwright.net.authority import Authority
from mailwright.rotation import birth, words
from mailwright.rotation.signers import Carried, carried
from mailwright.rotation.steps import DEPLOY, PUBLISH, Next
from mailwright.rotation.survey import bury_ended, is_rotating, survey, take

SOMEBODY_MUST_ACT = 3  # exit code of --auto: publish or deploy
SHOW, START, NEXT, AUTO = "show", "start", "next", "auto"


@dataclass
class Rotation:
    """One run. `ask_hosts` says which keys each host may sign with; `hurried` does not wait."""

    folder: Path
    names: tuple[str, ...]
    clock: Callable[[], datetime]
    authority: Callable[[], Authority] = Authority
    ask_hosts: Callable[[Inventory], Carried] = carried
    hurried: bool = False

    def read(self) -> None:
        """The description and the keys as they are now."""
        self.inventory = load(self.folder, require_tls=False, passphrase=passphrase)
        wanted = {*chosen(self.inventory, self.names)}
        self.domains = [d for d in self.inventory.domains if d.name in wanted and not d.parked]

    def look(self) -> list[Next]:
        """What comes next, and everything that could not be asked, which is told."""
        bury_ended(self.folder, self.domains)
        found: list[Problem] = []
        upcoming = survey(
            self.inventory, self.domains, self.clock(), self.authority(), self.ask_hosts, found
        )
        for problem in found:
            click.echo(f"warning: {problem}", err=True)
        return upcoming

    def start(self, wanted: Sequence[birth.Wanted]) -> None:
        """New keys, which wait until they are published."""
        phrase = _phrase(self.folder, (key for domain, _ in wanted for key in domain.keys))
        for key in birth.make(self.folder, wanted, birth.startable, self.clock(), phrase):
            click.echo(f"{key.domain}: {key.stem} ({key.algorithm}), new: publish it")
        if wanted:
            self.read()

    def step(self, upcoming: Iterable[Next]) -> set[str]:
        """Do what may be done; the domains in which that was something."""
        by_name, acted = defaultdict[str, list[Next]](list), set()
        for each in upcoming:
            by_name[each.key.domain].append(each)
        for domain in self.domains:
            mine = by_name[domain.name]
            if due := [each for each in mine if each.may(self.clock(), self.hurried)]:
                take(self.folder, domain, mine, due, self.clock())
                click.echo("\n".join(map(words.done, due)))
                acted.add(domain.name)
        if acted:
            self.read()
        return acted

    def show(self, upcoming: Sequence[Next], mode: str) -> None:
        """The board, and the commands that it asks for; in a timer's run only what moves."""
        domains = [d for d in self.domains if mode != AUTO or is_rotating(d)]
        for line in words.board(domains, upcoming, self.clock()):
            click.echo(line)
        needs = {each.need for each in upcoming}
        if PUBLISH in needs:
            click.echo(f"publish: mailwright dns {self.folder}")
        if DEPLOY in needs:
            click.echo(f"deploy:  pyinfra {self.folder} deploy.py")


@click.command("rotate")
@INVENTORY
@click.argument("domains", metavar="[DOMAIN]...", nargs=-1)
@click.option("--start", "mode", flag_value=START, help="Make new keys, which do not sign yet.")
@click.option("--next", "mode", flag_value=NEXT, help="Do the next step, or say why not yet.")
@click.option("--auto", "mode", flag_value=AUTO, help="Do all that is due; for a timer.")
@click.option("--now", is_flag=True, help="With --next, when a key has leaked: do not wait.")
@click.option("--yes", is_flag=True, help="With --now: the price is known, do not ask.")
def rotate(folder: Path, domains: tuple[str, ...], mode: str | None, now: bool, yes: bool) -> None:
    """Replace DKIM keys without a gap; without an option, say where each stands.

    \b
      mailwright rotate inventory                        what is next, and when it may be
      mailwright rotate inventory example.com --start    1. a new key: publish it
      mailwright rotate inventory example.com --next     2. it signs: deploy
      mailwright rotate inventory example.com --next     3. the old one is revoked: publish that
      mailwright rotate inventory example.com --next     4. it is removed: publish that
      mailwright rotate inventory --auto                 the steps that are due, of all domains

    Nothing is done too early: a step looks at every authoritative server and every host first, and
    one that must wait says how long. What was seen is written down beside the keys, since the
    waiting begins there. Every run may be interrupted, and repeated. Without DOMAIN: all of them.

    --auto ends with 0 when there is nothing for you to do, and with 3 when there is something to
    publish or to deploy. It begins with new keys only if mail.toml says how old keys may become
    (dkim_days).
    """
    if now:
        _confirm(domains, mode, yes)
    rotation = Rotation(folder, domains, lambda: datetime.now(UTC), hurried=now)
    sys.exit(run(rotation, mode or SHOW))


def run(rotation: Rotation, mode: str) -> int:
    """Do what a mode says and return the exit code. Raises Problems."""
    rotation.read()
    if mode in (START, AUTO):
        _begin(rotation, mode)
    upcoming = rotation.look()
    acted: set[str] = set()
    if mode in (NEXT, AUTO):
        acted = rotation.step(upcoming)
        upcoming = rotation.look() if acted else upcoming
    rotation.show(upcoming, mode)
    if mode == NEXT:
        _refuse(rotation, upcoming, acted)
    return SOMEBODY_MUST_ACT if mode == AUTO and any(each.need for each in upcoming) else 0


def _begin(rotation: Rotation, mode: str) -> None:
    """New keys, where no new one waits; in a timer's run only for keys that are too old."""
    wanted = [(d, name) for d in rotation.domains for name in birth.startable(d)]
    if mode == AUTO:
        now = rotation.clock()
        wanted = [(d, name) for d, name in wanted if _is_old(d, name, now)]
    elif not wanted:
        names = ", ".join(domain.name for domain in rotation.domains)
        raise Problems([Problem(names, "has new keys already", hint="go on with --next")])
    rotation.start(wanted)


def _is_old(domain: Domain, algorithm: str, now: datetime) -> bool:
    """Whether the key that signs is as old as the domain's keys may become, and nothing moves."""
    if domain.dkim_days is None or is_rotating(domain):
        return False
    born = [_born(key) for key in domain.signing if key.algorithm == algorithm]
    return all(now - day >= timedelta(days=domain.dkim_days) for day in born)


def _born(key: DkimKey) -> datetime:
    """Since when it signs; of a first key its name tells the day."""
    if key.life.signing and key.life.signing > ALWAYS:
        return key.life.signing
    try:
        return datetime.strptime(key.stem[:10], "mw%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return ALWAYS


def _refuse(rotation: Rotation, upcoming: Sequence[Next], acted: Collection[str]) -> None:
    """Raise Problems for the domains in which nothing could be done."""
    now, idle = rotation.clock(), [d for d in rotation.domains if d.name not in acted]
    problems = [
        Problem(each.key.domain, f"{each.key.stem}: {words.phrase(each, now)}")
        for each in upcoming
        if each.key.domain not in acted and (each.step or each.need)
    ]
    for domain in idle if rotation.names else ():
        if not is_rotating(domain):
            what = "has no rotation under way"
            problems.append(Problem(domain.name, what, hint="begin with --start"))
    if problems:
        raise Problems(problems)


def _confirm(domains: tuple[str, ...], mode: str | None, yes: bool) -> None:
    if mode != NEXT:
        raise click.UsageError("--now goes with --next")
    if not domains:
        raise click.UsageError("--now wants the domains whose keys have leaked")
    click.echo(words.COST, err=True)
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("--now asks; without a terminal say --yes")
    if not yes and not click.confirm(f"Go on with {', '.join(domains)}?", err=True):
        raise click.exceptions.Exit(1)


def _phrase(folder: Path, keys: Iterable[DkimKey]) -> str | None:
    """The passphrase for new keys: that of the old ones, where they have one."""
    used = [key for key in keys if key.state in (State.NEW, State.SIGNING)]
    paths = [dkim_files.path_of(folder, key) for key in used]
    encrypted = any(b"BEGIN ENCRYPTED" in path.read_bytes() for path in paths)
    return passphrase() if encrypted else dkim_files.environment()
