"""`pyinfra INVENTORY deploy.py`: what it takes for an inventory, and what stops it at once."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inventories import complete

ROOT = Path(__file__).parents[2]
PYINFRA = Path(sys.executable).with_name("pyinfra")


def pyinfra(inventory: Path | str, *options: str) -> subprocess.CompletedProcess[str]:
    """pyinfra, in the repository's folder; nothing here gets as far as a host."""
    return subprocess.run(
        [PYINFRA, str(inventory), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(ROOT)},
        timeout=60,
    )


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "our-mail"
    folder.mkdir()
    complete(ROOT / "tests/golden/inventories/administrator", folder)
    return folder


@pytest.mark.parametrize("path", ["{}", "{}/", "{}/hosts.py"])
def test_an_inventory_is_a_folder_or_its_hosts_py(inventory: Path, path: str) -> None:
    done = pyinfra(path.format(inventory), "debug-inventory")
    assert done.returncode == 0, done.stderr
    assert "old.example.com" in done.stdout + done.stderr


def stopped(done: subprocess.CompletedProcess[str]) -> str:
    """What a run said that must have failed before it connected to anything."""
    words = done.stdout + done.stderr
    assert done.returncode != 0, words
    assert "Connecting to hosts" not in words
    assert "Traceback" not in words
    return words


def test_a_misspelt_inventory_is_an_error() -> None:
    words = stopped(pyinfra("inventori", "deploy.py"))
    assert "inventory: 'inventori' is no folder (here are: inventory)" in words


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    words = stopped(pyinfra(tmp_path, "deploy.py"))
    assert "hosts.py: is missing; expected a pyinfra inventory" in words
    assert "mail.toml: is missing" in words


def test_an_inventory_without_hosts_is_an_error(inventory: Path) -> None:
    (inventory / "hosts.py").write_text("mail = []\n")
    assert "hosts.py: has no hosts; expected a list named mail" in stopped(
        pyinfra(inventory, "deploy.py")
    )


def test_a_limit_that_matches_nothing_is_an_error(inventory: Path) -> None:
    words = stopped(pyinfra(inventory, "deploy.py", "--limit", "old.exmaple.com"))
    expected = "expected a group or one of new.example.com, old.example.com"
    assert f"--limit: 'old.exmaple.com' matches no host; {expected}" in words


def test_every_problem_is_told_at_once(inventory: Path) -> None:
    text = (inventory / "mail.toml").read_text().replace('"unlimited"', '"2 apples"')
    (inventory / "mail.toml").write_text(text.replace("postmaster =", "postmastr ="))
    shutil.rmtree(inventory / "keys" / "example.net")
    words = stopped(pyinfra(inventory, "deploy.py"))
    for where in ("postmastr", "'2 apples'", "keys/example.net: has no DKIM key"):
        assert where in words


def test_a_missing_key_is_an_error_and_never_a_new_key(inventory: Path) -> None:
    (key,) = (inventory / "keys" / "example.net").glob("*.pem")
    key.unlink()
    assert "example.net" in stopped(pyinfra(inventory, "deploy.py"))
    assert not key.exists()
