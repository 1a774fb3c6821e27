"""Every file of a host, from the templates, before the host is touched.

`templates/etc/postfix/main.cf.j2` becomes `/etc/postfix/main.cf`. In a template's path
`name@2.3.j2` is for hosts with that variant only, `[domain]` stands for each domain stored on the
host, `[key]` for each of the DKIM keys that they sign with (`<domain>.<key>`), and `[script]` for
each Sieve script of the inventory (`before/<domain>`), whose origin is its own file. `[site]` is
the domain of each web site; `autoconfig.[site]` is for those only that have that name, and below it
`[offer]` and `[service]` stand for what the site's mailboxes may use. `program("renew")` in a
template is the source of programs/renew.py, as it is; `ports.smtp` is what the table of services
has for that name, `state` has the paths of its register, and `renewal` the rule for certificates.
"""

from __future__ import annotations

import hashlib
import shlex
import traceback
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateSyntaxError

from mailwright.model import renewal, state
from mailwright.model.host import VARIANTS, MailHost
from mailwright.model.problems import Problem, Problems, listed, nearest
from mailwright.model.services import PORTS
from mailwright.model.site import Site

TEMPLATES = Path(__file__).parents[2] / "templates"
PROGRAMS = TEMPLATES.with_name("programs")
_SUFFIX = ".j2"
_NOUNS = {"MailHost": "host", "DkimKey": "key"}


class _Undefined(StrictUndefined):
    """Names what the template asked for, and the nearest name that there is."""

    @property
    def _undefined_message(self) -> str:
        if not hasattr(type(self._undefined_obj), "__dataclass_fields__"):
            return super()._undefined_message
        kind = type(self._undefined_obj).__name__
        known = [name for name in dir(self._undefined_obj) if not name.startswith("_")]
        hint = nearest(str(self._undefined_name), known)
        what = f"{_NOUNS.get(kind, kind.lower())!r} has no attribute {self._undefined_name!r}"
        return f"{what} ({hint})" if hint else what


class Picture(Mapping[str, str]):
    """The text of every file of a host, by absolute path; and the template that each came from.

    No dict: pyinfra would print one as it is, private keys and all, without asking `to_json`.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._origins: dict[str, str] = {}
        self._digests: dict[str, str] = {}

    def __getitem__(self, path: str) -> str:
        return self._texts[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, path: str, text: str, origin: str) -> None:
        """One more file."""
        self._texts[path] = text
        self._origins[path] = origin

    def origin(self, path: str) -> str:
        """The template's path in the repository."""
        return self._origins[path]

    def digest(self, path: str) -> str:
        """SHA-256 of a file, in hexadecimal; worked out once."""
        if path not in self._digests:
            self._digests[path] = hashlib.sha256(self._texts[path].encode()).hexdigest()
        return self._digests[path]

    def __repr__(self) -> str:
        return f"Picture({len(self)} files)"

    def to_json(self) -> list[str]:
        """What pyinfra prints: the paths, never the texts, some of which are secret."""
        return sorted(self)


def picture(host: MailHost, templates: Path = TEMPLATES) -> Picture:
    """Render every file of a host.

    Raises Problems with every template that cannot be rendered, with its line.
    """
    environment = _environment(templates)
    found: list[Problem] = []
    files = Picture()
    for name in sorted(path.relative_to(templates).as_posix() for path in templates.rglob("*.j2")):
        for path, context in _destinations(name, host, found):
            origin = str(context.get("origin", f"{templates.name}/{name}"))
            if path in files:
                found.append(Problem(origin, "is written by two templates", path))
            files.add(path, _text(environment, name, {**context, "origin": origin}, found), origin)
    if found:
        raise Problems(dict.fromkeys(found))
    return files


@cache
def _environment(templates: Path) -> Environment:
    """One for all hosts, so that each template is compiled once."""
    environment = Environment(
        loader=FileSystemLoader(templates),
        undefined=_Undefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # configuration files, not HTML
    )
    environment.globals |= {"ports": PORTS, "renewal": renewal, "state": state}
    environment.filters["quote"] = shlex.quote
    environment.globals["program"] = lambda name: (PROGRAMS / f"{name}.py").read_text()
    return environment


def _destinations(
    name: str, host: MailHost, found: list[Problem]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The paths that a template becomes on this host, with what it is rendered from."""
    path = f"/{name.removesuffix(_SUFFIX)}"
    stem, at, variant = path.rpartition("@")
    wanted: set[str] = set()
    if at and "/" not in variant and not variant.startswith("."):  # systemd's `unit@.service`
        if variant not in VARIANTS:
            where = f"{TEMPLATES.name}/{name}"
            found.append(Problem(where, "is no variant", variant, listed(sorted(VARIANTS))))
        if variant not in host.variants and "[site]" not in path:
            return
        path, wanted = stem, {variant}
    keys = [(domain, key) for domain in host.sending_domains for key in domain.signing]
    if "[key]" in path:
        for domain, key in keys:
            expanded = path.replace("[key]", key.file)
            yield expanded, {"host": host, "domain": domain, "key": key}
    elif "[script]" in path:
        for script in host.scripts:
            context = {"host": host, "script": script, "origin": script.file}
            yield path.replace("[script]", script.name), context
    elif "[site]" in path:
        for site in (site for site in host.sites if wanted <= site.variants):
            yield from _of_site(path, site, {"host": host, "site": site})
    elif "[domain]" in path:
        for domain in host.domains:
            yield path.replace("[domain]", domain.name), {"host": host, "domain": domain}
    else:
        yield path, {"host": host}


def _of_site(
    path: str, site: Site, context: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    folder = next(part for part in path.split("/") if "[site]" in part)
    path = path.replace("[site]", site.domain.name)
    if folder.endswith(".[site]") and folder.replace("[site]", site.domain.name) not in site.names:
        return
    if "[offer]" in path:
        for offer in site.every_offer:
            yield path.replace("[offer]", offer.name), {**context, "offer": offer}
    elif "[service]" in path:
        for service in site.reading:
            yield path.replace("[service]", service.protocol), {**context, "service": service}
    else:
        yield path, context


def _text(
    environment: Environment, name: str, context: dict[str, Any], found: list[Problem]
) -> str:
    """A template's text; nothing and a Problem if it cannot be rendered."""
    file = context["origin"]
    try:
        return environment.get_template(name).render(context)
    except TemplateSyntaxError as error:
        found.append(Problem(f"{file}:{error.lineno}", str(error.message)))
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [str(frame.lineno) for frame in frames if frame.filename.endswith(name)]
        found.append(Problem(":".join([file, *lines[-1:]]), str(error)))
    return ""
