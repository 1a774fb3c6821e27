"""`mailwright check --preflight` on fresh machines, as they should be and as they should not."""

import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.addresses import FOREIGN
from lab.lab import Lab
from lab.zones import Edit
from tests.lab.deploys import HOSTS, NAME, edit
from tests.lab.test_deploy import ask


@pytest.fixture(scope="module")
def fresh(inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Path]]:
    """A lab whose hosts nobody has deployed, and its inventory."""
    folder = Path(shutil.copytree(inventory, tmp_path_factory.mktemp("fresh") / "inventory"))
    lab = Lab(f"{NAME}-fresh")
    lab.down()
    lab.up(folder)
    yield lab, folder
    lab.down()


def checked(lab: Lab, inventory: Path) -> dict[str, str]:
    """What stands in the way of a deploy: ids and sentences."""
    argv = ["mailwright", "check", str(inventory), "--preflight", "--json"]
    done = lab.run(argv, capture_output=True)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)["findings"]
    assert done.returncode == any(each["severity"] == "error" for each in found)
    assert all(each["why"] for each in found)
    return {each["id"]: each["what"] for each in found}


def test_a_fresh_machine_is_ready(fresh: tuple[Lab, Path]) -> None:
    assert checked(*fresh) == {}


def test_a_machine_that_does_not_let_us_in_or_up_is_named(
    fresh: tuple[Lab, Path], tmp_path: Path
) -> None:
    lab, inventory = fresh
    other = Path(shutil.copytree(inventory, tmp_path / "other"))
    edit(other / "hosts.py", ('"ssh_user": "root"', '"ssh_user": "admin"'))
    assert checked(lab, other) == {
        f"host {host}: sudo": 'is admin, without "_sudo": True in hosts.py' for host in HOSTS
    }
    edit(other / "hosts.py", ('"ssh_user": "admin"', '"ssh_user": "admin", "_sudo": True'))
    assert checked(lab, other) == {}
    ask(lab, HOSTS[0], "mv /etc/sudoers.d/90-admin /root")
    ask(lab, HOSTS[1], "mv /home/admin/.ssh /root/kept")
    try:
        found = checked(lab, other)
    finally:
        ask(lab, HOSTS[0], "mv /root/90-admin /etc/sudoers.d")
        ask(lab, HOSTS[1], "mv /root/kept /home/admin/.ssh")
    assert [*found] == [f"host {HOSTS[0]}: sudo", f"host {HOSTS[1]}: ssh"]
    assert found[f"host {HOSTS[0]}: sudo"].startswith("admin cannot become root (sudo: ")


WRONG_CLOCK = r'#!/bin/sh\nexec /bin/date -d "now + 10 minutes" "$@"\n'
APT = "DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0"
BROKEN = f"""
set -e
{APT} update
{APT} install -y --no-install-recommends exim4-daemon-light >/dev/null
printf '{WRONG_CLOCK}' >/usr/local/bin/date
chmod 755 /usr/local/bin/date
mount -t tmpfs -o size=8M none /var/cache/apt
systemd-run -q systemd-socket-activate -l 143 /bin/cat
ip route add blackhole {FOREIGN.ipv4}
ip -6 route add blackhole {FOREIGN.ipv6}
"""


def test_everything_that_stands_in_the_way_is_named(
    fresh: tuple[Lab, Path], tmp_path: Path
) -> None:
    """Both machines have all of it: nothing hides anything else. They end with it."""
    lab, inventory = fresh
    other = Path(shutil.copytree(inventory, tmp_path / "other"))
    edit(other / "hosts.py", ('"debian": 12', '"debian": 0'), ('"debian": 13', '"debian": 12'))
    edit(other / "hosts.py", ('"debian": 0', '"debian": 13'))
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda host: ask(lab, host, BROKEN), HOSTS))
    lab.publish(Edit([("10.100.51.198.in-addr.arpa.", "PTR")]))
    found = checked(lab, other)
    kinds = ["release", "disk /var/cache/apt", "clock", "port 25", "port 143", "mta"]
    kinds += ["outgoing ipv4", "outgoing ipv6"]
    wanted = [f"host {host}: {kind}" for host in HOSTS for kind in kinds]
    assert [*found] == [*wanted, "ptr 10.100.51.198.in-addr.arpa: missing"]
    assert found[f"host {HOSTS[0]}: release"] == "is debian 12, and hosts.py says Debian 13"
    assert "exim4 listens at port 25" in found.values()
    assert "has exim4-daemon-light, another mail server" in found.values()
    assert re.match(r"its clock is (5[89]\d|60\d) seconds ahead", found[f"host {HOSTS[1]}: clock"])
