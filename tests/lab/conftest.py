"""Labs for the tests: real hosts, shared by a whole session and removed at its end."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.lab import Lab
from tests.inventories import make_keys
from tests.lab.deploys import HOSTS, NAME, Deploy

EXAMPLE = Path(__file__).parents[2] / "inventory"


@pytest.fixture(scope="session")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example inventory with DKIM keys; the lab issues the certificates."""
    folder = tmp_path_factory.mktemp("inventory")
    for name in ("hosts.py", "mail.toml", "verify.toml"):
        shutil.copy(EXAMPLE / name, folder / name)
    shutil.copytree(EXAMPLE / "sieve", folder / "sieve")
    make_keys(folder)
    return folder


@pytest.fixture(scope="session")
def lab(inventory: Path) -> Iterator[Lab]:
    """The example inventory's hosts, the foreign server and the internet around them."""
    lab = Lab(NAME)
    lab.down()
    lab.up(inventory)
    yield lab
    lab.down()


@pytest.fixture(scope="session")
def first(lab: Lab, inventory: Path) -> tuple[Deploy, dict[str, Counter[str]], int]:
    """The first deploy of the fresh hosts, how often each unit had started by its end, and how
    much the second one, right after it, has changed.
    """
    for host in lab.status()["hosts"]:
        lab.reset(host["name"])
    deploy = Deploy.run(lab, inventory)
    started = {host: starts(lab, host) for host in HOSTS}
    return deploy, started, Deploy.count(lab, inventory) if deploy.code == 0 else -1


def starts(lab: Lab, host: str) -> Counter[str]:
    """Of each unit since the host's own start."""
    id = "39f53479d3a045ac8e11786248231fbf"  # systemd's, of a unit that has started
    said = lab.ssh(host, f"journalctl -b -q -o json MESSAGE_ID={id}", capture_output=True).stdout
    return Counter(json.loads(line)["UNIT"] for line in said.splitlines())


@pytest.fixture(scope="session")
def first_deploy(first: tuple[Deploy, dict[str, Counter[str]], int]) -> Deploy:
    """What the first deploy of the fresh hosts did."""
    return first[0]


@pytest.fixture
def deployed(first_deploy: Deploy, lab: Lab, inventory: Path) -> Iterator[Lab]:
    """The lab with both hosts deployed; whatever the test does is undone by another deploy."""
    there = "test -e /etc/mailwright/rollout/purge/loaded"
    if any(lab.ssh(host["name"], there).returncode for host in lab.status()["hosts"]):
        Deploy.run(lab, inventory).succeeded()  # some test has put a host back to fresh
    yield lab
    Deploy.run(lab, inventory).succeeded()


@pytest.fixture(scope="module")
def servers(lab: Lab, first_deploy: Deploy, inventory: Path) -> Lab:
    """Both hosts deployed, whatever the tests before have left of them."""
    Deploy.run(lab, inventory).succeeded()
    return lab


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    """The name of each host, one after the other."""
    return str(request.param)
