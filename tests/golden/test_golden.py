"""The whole picture of a host, byte for byte: what a change here does to users' servers.

It is kept whole for the hosts of one inventory; of the others, what differs from the host there
that runs the same release of Debian, and the names of the files that only that one has.

`pytest tests/golden --write` accepts the pictures as they are now; the diff is then yours to read.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwright.dns.formats.bind import text
from mailwright.dns.records import zones
from mailwright.inventory.load import Inventory
from mailwright.model.host import MailHost
from mailwright.picture.render import picture
from tests.inventories import complete

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
# The hosts that are kept whole, by their release of Debian.
WHOLE = {12: PICTURES / "administrator/old.example.com"}
WHOLE[13] = PICTURES / "administrator/new.example.com"
INVENTORIES = sorted(path.name for path in (HERE / "inventories").iterdir())
SECRET = re.compile(r"^/etc/(mailwright/tls/.*\.(pem|key)$|rspamd/dkim/|dovecot/users/)")
KEY = re.compile(r"(?<=p=)[A-Za-z0-9+/=]{30,}(\" \"[A-Za-z0-9+/=]+)*")


@pytest.fixture(scope="module", params=INVENTORIES)
def inventory(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Inventory:
    folder = tmp_path_factory.mktemp("golden") / request.param
    folder.mkdir()
    return complete(HERE / "inventories" / request.param, folder)


def emitted(inventory: Inventory) -> Iterator[tuple[str, str]]:
    """Each file that users get, by its path below `pictures/`, without what is secret or random."""
    for host in inventory.hosts:
        place = f"{inventory.folder.name}/{host.name}"
        mine, whole = dict(files(host)), WHOLE[host.debian]
        same = read(whole) if whole != PICTURES / place else {}
        for path, content in mine.items():
            if content != same.get(path):
                yield f"{place}{path}", content
        if absent := sorted(same.keys() - mine.keys()):
            yield f"{place}/absent", "".join(f"{path}\n" for path in absent)
    for origin, records in zones(inventory).items():
        name = origin or "elsewhere"
        yield f"{inventory.folder.name}/dns/{name}.zone", KEY.sub("…", text(origin, records))


def files(host: MailHost) -> Iterator[tuple[str, str]]:
    for path, content in picture(host).items():
        yield path, "(secret)\n" if SECRET.match(path) else content


def read(folder: Path) -> dict[str, str]:
    """The files below a folder, by their paths from there."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {f"/{path.relative_to(folder)}": path.read_bytes().decode() for path in found}


def test_the_picture_is_the_one_that_was_agreed(
    inventory: Inventory, pytestconfig: pytest.Config
) -> None:
    found = dict(emitted(inventory))
    name = inventory.folder.name
    agreed = {f"{name}{path}": text for path, text in read(PICTURES / name).items()}
    if pytestconfig.getoption("--write"):
        for name in agreed.keys() - found.keys():
            (PICTURES / name).unlink()
        for name, content in found.items():
            path = PICTURES / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode())
        return
    assert found == agreed


def test_named_checkzone_accepts_every_zone(inventory: Inventory, tmp_path: Path) -> None:
    for origin, records in zones(inventory).items():
        if not origin:
            continue
        head = f"$TTL 3600\n@ IN SOA ns.{origin}. root.{origin}. 1 7200 900 1209600 300\n"
        head += f"@ IN NS ns.{origin}.\nns.{origin}. IN A 192.0.2.53\n"
        zone = tmp_path / origin
        zone.write_text(head + text(origin, records))
        check = subprocess.run(
            ["named-checkzone", "-i", "local", origin, zone], capture_output=True, text=True
        )
        assert check.returncode == 0, check.stdout


def test_every_paragraph_of_postfix_and_dovecot_says_why_it_is_there() -> None:
    """What is written without a reason can't be weighed by whoever reads it on the host."""
    names = ("etc/postfix/main.cf", "etc/postfix/master.cf", "etc/dovecot/dovecot.conf")
    found: dict[str, Path] = {}
    for path in PICTURES.rglob("*"):
        if str(path).endswith(names):
            _head, *paragraphs = re.split(r"\n\s*\n", path.read_text())
            found |= {text.strip(): path for text in paragraphs if "# " not in text}
    assert found == {}


def test_of_each_unit_of_ours_that_fails_somebody_is_told() -> None:
    """The one that tells tries again by itself until it could."""
    found = {*PICTURES.rglob("systemd/system/mailwright-*.service")}
    alarms = {path for path in found if "alarm@" in path.name}
    assert alarms
    assert found - alarms
    for path in found - alarms:
        assert "\nOnFailure=mailwright-alarm@%n.service\n" in path.read_text(), path
    for path in alarms:
        assert "\nRestart=on-failure\n" in path.read_text(), path
