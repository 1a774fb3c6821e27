"""Labs for the tests: real hosts, shared by a whole session and removed at its end."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.lab import Lab

EXAMPLE = Path(__file__).parents[2] / "inventory"


@pytest.fixture(scope="session")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example inventory, with neither keys nor certificates."""
    folder = tmp_path_factory.mktemp("inventory")
    for name in ("hosts.py", "mail.toml", "verify.toml"):
        shutil.copy(EXAMPLE / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def lab(inventory: Path) -> Iterator[Lab]:
    """The example inventory's hosts, the foreign server and the internet around them."""
    lab = Lab("test")
    lab.down()
    lab.up(inventory)
    yield lab
    lab.down()
