"""The rooms of the project are as its map says."""

import ast
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

import pytest

from mailwright.host import VARIANTS
from rollout.service import Service

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.stem for path in (ROOT / "roles").glob("[!_]*.py"))


def service(role: str) -> Service:
    module = import_module(f"roles.{role}")
    found = module.service("postfix") if hasattr(module, "service") else module.SERVICE
    assert isinstance(found, Service)
    return found


def imports(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_host_test(role: str) -> None:
    assert (ROOT / "tests" / "host" / f"test_{role}.py").exists()


@pytest.mark.parametrize("role", ROLES)
def test_deploy_calls_every_role_on_a_line_of_its_own(role: str) -> None:
    """pyinfra tells operations apart by the line that called them."""
    assert (ROOT / "deploy.py").read_text().splitlines().count(f"{role}()") == 1


@pytest.mark.parametrize("role", ROLES)
def test_no_role_imports_another(role: str) -> None:
    others = {f"roles.{name}" for name in ROLES}
    assert not imports(ROOT / "roles" / f"{role}.py") & others


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


@pytest.mark.parametrize("path", sorted((ROOT / "mailwright").glob("*.py")), ids=lambda p: p.stem)
def test_the_model_knows_nothing_of_roles(path: Path) -> None:
    assert not {name.partition(".")[0] for name in imports(path)} & {"roles", "rollout"}
    assert not {name for name in imports(path) if name.startswith("pyinfra.operations")}
