"""The rooms of the project are as its map says."""

import ast
import sys
from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

from mailwright.model.host import VARIANTS
from rollout.service import Service

ROOT = Path(__file__).parents[2]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
PYINFRA = sorted([*(ROOT / "roles").glob("*.py"), *(ROOT / "rollout").glob("*.py")])
ROLES = sorted(path.stem for path in (ROOT / "roles").glob("[!_]*.py"))

# From the ground up: an import stays in its room or goes to a lower floor, so rooms on one floor
# know nothing of each other. An inventory is read with its keys and certificates, hence above them.
FLOORS = (
    ("programs", "mailwright.model"),
    ("mailwright.keys", "mailwright.report", "mailwright.picture"),
    ("mailwright.certificates",),
    ("mailwright.inventory",),
    ("mailwright.net",),
    ("mailwright.dns",),
    ("mailwright.zones",),
    ("mailwright.advice", "mailwright.check", "mailwright.order", "mailwright.rotation"),
    ("mailwright.commands", "rollout"),
    ("mailwright", "roles", "lab"),
)
FILES = {"io", "os", "pathlib", "shutil", "socket", "subprocess", "sys", "tempfile"}
# A command is called as it is typed, a purpose like what it publishes.
ALIKE = ("mailwright.commands.", "mailwright.dns.purposes.")


def _modules() -> dict[str, Path]:
    """Every module of every package but the tests, by its name."""
    found = {}
    for top in ROOT.glob("*/__init__.py"):
        for path in top.parent.rglob("*.py") if top.parent.name != "tests" else ():
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imports(path: Path) -> set[str]:
    """What a file imports, anywhere in it: modules, and names as `module.name`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _ours(name: str) -> str:
    """The module of ours that a name is, or stands in; empty where it is somebody else's."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def _room(module: str) -> str:
    """The room that a module is in; what stands beside mailwright's rooms is in `mailwright`."""
    top, *below = module.split(".")[:2]
    is_room = top == "mailwright" and below and (ROOT / top / below[0]).is_dir()
    return f"{top}.{below[0]}" if is_room else top


def _floor(module: str) -> int:
    return next(n for n, rooms in enumerate(FLOORS) if _room(module) in rooms)


MODULES = _modules()
GRAPH = {
    name: {_ours(each) for each in imports(path)} - {"", name} for name, path in MODULES.items()
}
DESCRIPTION = sorted(name for name in MODULES if name.partition(".")[0] == "mailwright")


def test_every_room_is_on_one_floor() -> None:
    known = [room for rooms in FLOORS for room in rooms]
    assert sorted(known) == sorted({_room(module) for module in MODULES})


def test_an_import_stays_in_its_room_or_goes_down() -> None:
    assert not [
        f"{module} -> {other}"
        for module in GRAPH
        for other in GRAPH[module]
        if _room(module) != _room(other) and _floor(module) <= _floor(other)
    ]


def test_no_modules_import_each_other() -> None:
    list(TopologicalSorter(GRAPH).static_order())  # CycleError names those that do


def test_the_description_does_not_know_how_it_is_brought_about() -> None:
    above = ("roles.", "rollout.", "lab.", "pyinfra.operations.")
    for module in DESCRIPTION:
        names = imports(MODULES[module])
        assert not {name for name in names if f"{name}.".startswith(above)}, module


def test_the_model_touches_no_file() -> None:
    for module in DESCRIPTION:
        if _room(module) == "mailwright.model":
            tops = {name.partition(".")[0] for name in imports(MODULES[module])}
            assert not tops & FILES, module


def test_no_two_modules_have_one_name() -> None:
    names = [name.rpartition(".")[2] for name in DESCRIPTION if not name.startswith(ALIKE)]
    assert {name for name in names if names.count(name) > 1} == set()


def test_no_two_classes_have_one_name() -> None:
    names = [
        node.name
        for module in DESCRIPTION
        for node in ast.parse(MODULES[module].read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert {name for name in names if names.count(name) > 1} == set()


def service(role: str) -> Service:
    module = import_module(f"roles.{role}")
    found = module.service("postfix") if hasattr(module, "service") else module.SERVICE
    assert isinstance(found, Service)
    return found


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_host_test(role: str) -> None:
    assert (ROOT / "tests" / "host" / f"test_{role}.py").exists()


def test_every_role_has_its_shell_beside_it() -> None:
    assert sorted(path.stem for path in (ROOT / "roles").glob("*.sh")) == ROLES


@pytest.mark.parametrize("path", PYINFRA, ids=lambda p: f"{p.parent.name}.{p.stem}")
def test_shell_of_several_lines_is_in_a_file_of_its_own(path: Path) -> None:
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    documented = [node for node in nodes if isinstance(node, DOCUMENTED)]
    docstrings = {ast.get_docstring(node, clean=False) for node in documented}
    strings = {node.value for node in nodes if isinstance(node, ast.Constant)} - docstrings
    assert not [each for each in strings if isinstance(each, str) and "\n" in each.strip()]


@pytest.mark.parametrize("role", ROLES)
def test_deploy_calls_every_role_on_a_line_of_its_own(role: str) -> None:
    """pyinfra tells operations apart by the line that called them."""
    assert (ROOT / "deploy.py").read_text().splitlines().count(f"{role}()") == 1


@pytest.mark.parametrize("role", ROLES)
def test_no_role_imports_another(role: str) -> None:
    assert not {name for name in GRAPH[f"roles.{role}"] if name.startswith("roles.")}


@pytest.mark.parametrize("path", sorted((ROOT / "programs").glob("*.py")), ids=lambda p: p.stem)
def test_a_program_needs_nothing_that_no_role_installs(path: Path) -> None:
    """python3-cryptography and python3-dnspython are Debian's."""
    known = {*sys.stdlib_module_names, "cryptography", "dns"}
    assert {name.partition(".")[0] for name in imports(path)} <= known


def test_every_template_belongs_to_exactly_one_role() -> None:
    services = [service(role) for role in ROLES]
    for template in (ROOT / "templates").rglob("*.j2"):
        path = f"/{template.relative_to(ROOT / 'templates').as_posix().removesuffix('.j2')}"
        stem, at, variant = path.rpartition("@")
        path = stem if at and variant in VARIANTS else path
        path = path.replace("[", "").replace("]", "")
        owners = [
            s.name
            for s in services
            if any(
                fnmatchcase(path, glob) for glob in (*s.owns, *([f"{s.tree}/*"] if s.tree else []))
            )
        ]
        assert len(owners) == 1, f"{template} belongs to {owners}"
