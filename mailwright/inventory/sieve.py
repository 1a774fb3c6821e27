"""Sieve scripts of the inventory (RFC 5228), by the folder that says when they run.

    sieve/before/example.com.sieve          before the owner's own script, in each mailbox there
    sieve/after/example.com.sieve           after it
    sieve/default/example.com.sieve         instead of his own, until he uploads one
    sieve/default/alice@example.com.sieve   the same for one mailbox

Whether a script compiles is for the Pigeonhole of its host to say, which will run it: another
version, or a parser that is not Pigeonhole, would refuse what is right and accept what is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mailwright.model import address
from mailwright.model.domain import Domain
from mailwright.model.mailbox import Mailbox
from mailwright.model.problems import NO_DOMAIN, NO_MAILBOX, Invalid, Problem, listed, nearest
from mailwright.model.script import MAX_SCRIPT_SIZE, TIMES, Script

FOLDER = "sieve"
SUFFIX = ".sieve"
_HINTS_UP_TO = 1000  # comparing a name with more mailboxes takes too long


def read(
    folder: Path,
    domains: Mapping[str, Domain],
    mailboxes: Mapping[str, Mailbox],
    found: list[Problem],
    renamed: Sequence[tuple[str, str]] = (),
    without: Collection[str] = (),
) -> tuple[Script, ...]:
    """The scripts in an inventory folder, sorted by name. What is wrong goes to `found`.

    `renamed` are mailboxes that get another address, one after the other, and their scripts too.
    Files `without` which it shall be are not looked at.
    """
    scripts: dict[str, Script] = {}
    for path in sorted((folder / FOLDER).rglob("*")):
        file = path.relative_to(folder).as_posix()
        if path.is_dir() or path.name.startswith(".") or file in without:
            continue
        try:
            script = _script(path, file, domains, mailboxes, renamed)
        except Invalid as error:
            found.append(error.at(file))
            continue
        if (first := scripts.setdefault(script.name, script)) is not script:
            found.append(Problem(file, f"is for the same as {first.file}", script.whom))
    return tuple(scripts[name] for name in sorted(scripts))


def rename(folder: Path, old: str, new: str) -> None:
    """Have the default script of a mailbox follow it to its new address, where `read` finds it."""
    for path in (folder / FOLDER / "default").glob(f"*@*{SUFFIX}"):
        if address.own(path.name.removesuffix(SUFFIX)) == old:
            path.rename(path.with_name(f"{new}{SUFFIX}"))


def _script(
    path: Path,
    file: str,
    domains: Mapping[str, Domain],
    mailboxes: Mapping[str, Mailbox],
    renamed: Sequence[tuple[str, str]],
) -> Script:
    _, *times, name = Path(file).parts
    if len(times) != 1 or times[0] not in TIMES:
        expected = listed(f"{FOLDER}/{time}/" for time in TIMES)
        raise Invalid("/".join(times) or None, "is in no folder that says when", expected)
    if not name.endswith(SUFFIX):
        raise Invalid(name, "is no name of a script", f"one such as example.com{SUFFIX}")
    whom = _whom(name.removesuffix(SUFFIX), times[0], domains, mailboxes, renamed)
    return Script(times[0], whom, file, _text(path))


def _whom(
    name: str,
    time: str,
    domains: Mapping[str, Domain],
    mailboxes: Mapping[str, Mailbox],
    renamed: Sequence[tuple[str, str]],
) -> str:
    if "@" not in name:
        domain = address.domain(name)
        if domain not in domains:
            raise Invalid(name, NO_DOMAIN, listed(domains), nearest(domain, domains))
        if original := domains[domain].alias_of:
            raise Invalid(name, "is an alias domain", original, "its mail goes there")
        return domain
    if time != "default":
        expected = f"a domain; a mailbox has a script in {FOLDER}/default/ or uploads one"
        raise Invalid(name, "is no domain", expected)
    owner = address.own(name)
    for old, new in renamed:
        owner = new if owner == old else owner
    mailbox = mailboxes.get(owner)
    if mailbox is None:
        near = mailboxes if len(mailboxes) <= _HINTS_UP_TO else ()
        hint = nearest(name.lower(), near)
        raise Invalid(name, NO_MAILBOX, hint=hint)
    if not mailbox.stores:
        raise Invalid(name, "stores no mail", "a mailbox that does", "no script ever runs there")
    return mailbox.address


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_SCRIPT_SIZE:
            raise Invalid(None, "is too long for a script", "1M at most (sieve_max_script_size)")
        return raw.decode()
    except OSError as error:
        raise Invalid(None, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Invalid(None, "is not in UTF-8", hint="RFC 5228 section 2.1") from None


def warnings(scripts: Iterable[Script], mailboxes: Iterable[Mailbox]) -> Iterator[str]:
    """What is allowed and most likely not meant."""
    blind = [box for box in mailboxes if box.stores and not box.sees_folders]
    for script in scripts:
        names = [box.address for box in blind if script.files_mail and script.reaches(box)]
        if names:
            shown = names if len(names) < 4 else [*names[:2], f"{len(names) - 2} more"]
            what = "POP3 shows no folders"
            yield f"{script.file} files mail out of sight of {listed(shown, 'and')}: {what}"
