"""Verification of a deployed server: `pytest tests/host --inventory PATH`.

Runs from outside, as users and other servers see the host. What a test sends it also removes.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

from mailwright.groups import merged
from mailwright.host import MailHost
from mailwright.inventory import Inventory, load
from tests.host.letters import Account, Letters


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--inventory", default="inventory", help="the inventory folder to verify")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test runs once for each mail host of the inventory."""
    if "mail" in metafunc.fixturenames:
        hosts = _inventory(metafunc.config).hosts
        metafunc.parametrize("mail", hosts, ids=[host.name for host in hosts], scope="session")


_loaded = pytest.StashKey[Inventory]()


def _inventory(config: pytest.Config) -> Inventory:
    if _loaded not in config.stash:
        config.stash[_loaded] = load(Path(config.getoption("--inventory")))
    return config.stash[_loaded]


@pytest.fixture(scope="session")
def inventory(pytestconfig: pytest.Config) -> Inventory:
    return _inventory(pytestconfig)


@pytest.fixture(scope="session")
def host(mail: MailHost, inventory: Inventory) -> Host:
    """The host itself, reached as the deploy reaches it."""
    data = merged(inventory.groups, mail.target)
    if mail.target == "@local":
        return testinfra.get_host("local://", sudo=bool(data.get("_sudo")))
    extra = "-o LogLevel=ERROR -o BatchMode=yes"
    if "ssh_known_hosts_file" in data:
        extra += f" -o UserKnownHostsFile={data['ssh_known_hosts_file']}"
    user = f"{data['ssh_user']}@" if "ssh_user" in data else ""
    address = data.get("ssh_hostname", mail.target)
    return testinfra.get_host(
        f"ssh://{user}{address}:{mail.ssh_port}",
        ssh_identity_file=data.get("ssh_key"),
        ssh_extra_args=extra,
        sudo=bool(data.get("_sudo")),
    )


@pytest.fixture(scope="session")
def verify(pytestconfig: pytest.Config) -> dict[str, dict[str, str]]:
    """verify.toml: the passwords that verification may use."""
    path = Path(pytestconfig.getoption("--inventory")) / "verify.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


@pytest.fixture(scope="session")
def accounts(mail: MailHost, verify: dict[str, dict[str, str]]) -> list[Account]:
    """Mailboxes of this host that send and are read by IMAP, the roomiest first.

    As far as verify.toml tells their passwords.
    """
    known = verify.get("accounts", {})
    mine = [m for m in mail.mailboxes if m.address in known and {"imap", "smtp"} <= {*m.services}]
    mine.sort(key=lambda m: (m.quota or 1 << 62, "pop3" in m.services), reverse=True)
    if not mine:
        pytest.skip("verify.toml has no password of a mailbox on this host")
    return [Account(m.address, known[m.address], mail.name) for m in mine]


@pytest.fixture
def account(accounts: list[Account]) -> Account:
    return accounts[0]


@pytest.fixture(scope="session")
def everybody(inventory: Inventory, verify: dict[str, dict[str, str]]) -> dict[str, Account]:
    """Those of all hosts who send, read by IMAP and have room, by address."""
    known = verify.get("accounts", {})
    return {
        m.address: Account(m.address, known[m.address], h.name)
        for h in inventory.hosts
        for m in h.mailboxes
        if m.address in known and {"imap", "smtp"} <= {*m.services}
        if not 0 < m.quota < 1 << 20
    }


@pytest.fixture
def pop3_account(mail: MailHost, accounts: list[Account]) -> Account:
    """One that is read by POP3 as well."""
    allowed = {m.address for m in mail.mailboxes if "pop3" in m.services}
    found = [account for account in accounts if account.address in allowed]
    if not found:
        pytest.skip("verify.toml has no password of a mailbox for IMAP and POP3 on this host")
    return found[0]


@pytest.fixture(scope="session")
def correspondent(verify: dict[str, dict[str, str]]) -> Account:
    """A mailbox somewhere else, whose server judges what it receives."""
    if "correspondent" not in verify:
        pytest.skip("verify.toml names no correspondent, a mailbox on somebody else's server")
    other = verify["correspondent"]
    return Account(other["address"], other["password"], other["imap_host"])


@pytest.fixture
def letters() -> Iterator[Letters]:
    """Letters that are gone again when the test ends."""
    sent = Letters()
    yield sent
    sent.remove()
