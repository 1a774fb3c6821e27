"""Labs for the tests: real hosts, shared by a whole session and removed at its end."""

import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.home import locked
from lab.lab import Lab
from tests.inventories import make_keys
from tests.lab.deploys import HOSTS, NAME, Deploy

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "inventory"
KEPT = "first"  # the snapshot of a host after its first deploy
DEPLOYED = "/etc/mailwright/rollout/purge/loaded"  # of the last role
# What takes long comes early, and what needs no deployed host while the first one is deployed.
ORDER = (
    *("deploy", "start", "check", "preflight", "push", "lab", "acme", "accounts", "takeover"),
    *("rotation", "promise", "people", "accepted", "drill"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The modules of this folder in their order, then what needs no lab and fills the gaps."""

    def place(item: pytest.Item) -> int:
        name = item.path.stem.removeprefix("test_")
        if item.path.parent != HERE:
            return len(ORDER) + 1
        return ORDER.index(name) if name in ORDER else len(ORDER)

    items.sort(key=place)


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
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run have in common."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def lab(inventory: Path, shared: Path) -> Iterator[Lab]:
    """The example inventory's hosts, the foreign server and the internet around them.

    The lab that others have their hosts from is removed when they are.
    """
    lab = Lab(NAME)
    lab.down()
    with (shared / "labs").open("w") as labs:
        fcntl.flock(labs, fcntl.LOCK_SH)
        lab.up(inventory)
        yield lab
        if _source(shared) != NAME:
            lab.down()
    if _source(shared) == NAME:
        with locked(shared / "labs"):
            (shared / "kept").unlink()
            lab.down()


def _source(shared: Path) -> str:
    """The lab whose hosts keep a first deploy as KEPT, if there is one."""
    note = shared / "kept"
    return note.read_text() if note.exists() else ""


@pytest.fixture(scope="session")
def first(lab: Lab, inventory: Path, shared: Path) -> tuple[Deploy, dict[str, Counter[str]], int]:
    """The first deploy of the fresh hosts, how often each unit had started by its end, and how
    much the second one, right after it, has changed.
    """
    with locked(shared / "keep"):
        for host in HOSTS:
            lab.reset(host)
        deploy = Deploy.run(lab, inventory)
        started = {host: starts(lab, host) for host in HOSTS}
        changed = Deploy.count(lab, inventory) if deploy.code == 0 else -1
        if deploy.code == 0 and not _source(shared):
            keep(lab, shared)
    return deploy, started, changed


def keep(lab: Lab, shared: Path) -> None:
    """Both hosts as they are, for the labs of all workers."""
    for host in HOSTS:
        lab.snapshot(host, KEPT)
    (shared / "kept").write_text(NAME)


def starts(lab: Lab, host: str) -> Counter[str]:
    """Of each unit since the host's own start."""
    id = "39f53479d3a045ac8e11786248231fbf"  # systemd's, of a unit that has started
    said = lab.ssh(host, f"journalctl -b -q -o json MESSAGE_ID={id}", capture_output=True).stdout
    return Counter(json.loads(line)["UNIT"] for line in said.splitlines())


@pytest.fixture(scope="session")
def once(lab: Lab, inventory: Path, shared: Path) -> None:
    """One worker of this run has done a first deploy, and the hosts of this one start from it."""
    with locked(shared / "keep"):
        source = _source(shared)
        if source and source != NAME:
            for host in HOSTS:
                lab.copy(host, KEPT, host, Lab(source))
        Deploy.run(lab, inventory).succeeded()
        if not source:
            keep(lab, shared)


def are_back(lab: Lab) -> bool:
    """Whether some test had put a host back to fresh: it is what the first deploy made of it."""
    fresh = [host for host in HOSTS if lab.ssh(host, f"test -e {DEPLOYED}").returncode]
    for host in fresh:
        lab.reset(host, KEPT)
    return bool(fresh)


@pytest.fixture
def deployed(once: None, lab: Lab, inventory: Path) -> Iterator[Lab]:
    """The lab with both hosts deployed; whatever the test does is undone by another deploy."""
    if are_back(lab):
        Deploy.run(lab, inventory).succeeded()
    yield lab
    Deploy.run(lab, inventory).succeeded()


@pytest.fixture(scope="module")
def servers(once: None, lab: Lab, inventory: Path) -> Lab:
    """Both hosts deployed, whatever the tests before have left of them."""
    are_back(lab)
    Deploy.run(lab, inventory).succeeded()
    return lab


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    """The name of each host, one after the other."""
    return str(request.param)
