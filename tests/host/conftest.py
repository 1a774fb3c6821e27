"""Verification of a deployed server: `pytest tests/host --inventory PATH`.

Runs from outside, as users and other servers see the host. What a test sends it also removes.
"""

import ssl
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

from mailwright.inventory import verification
from mailwright.inventory.hosts_file import merged
from mailwright.inventory.load import Inventory, load
from mailwright.model.host import MailHost
from tests.host.letters import MARK, Account, Letters
from tests.host.ssh import connected
from tests.host.state import Socket, Unit, read_sockets, read_units


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--inventory", default="inventory", help="the inventory folder to verify")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test runs once for each mail host of the inventory."""
    if "mail" in metafunc.fixturenames:
        hosts = _inventory(metafunc.config).hosts
        metafunc.parametrize("mail", hosts, ids=[host.name for host in hosts], scope="session")


_distrusted = pytest.StashKey[set[str]]()  # hosts whose certificate somebody has refused


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A certificate that clients refuse is one failure; what needs another is skipped then."""
    report = yield
    refusal = _refusal(call.excinfo.value if call.excinfo else None)
    if refusal is None:
        return report
    name = _host_of(item)
    words = f"{name}: its certificate is refused: {refusal.verify_message}"
    told = item.config.stash.setdefault(_distrusted, set())
    if name not in told:
        told.add(name)
        report.longrepr = f"{words}\n{_WHY}"
    else:
        path, line, _ = item.location
        report.outcome, report.longrepr = "skipped", (path, line or 0, f"Skipped: {words}")
    return report


def _host_of(item: pytest.Item) -> str:
    params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    return str(params["mail"].name) if "mail" in params else "a host"


_WHY = """\
All else that needs it is skipped. Where it is ordered, tests/host/test_acme.py says what the order
waits for; where it is a file of yours, its authority is unknown on this machine."""


def _refusal(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The refusal of a certificate that an exception is, or comes from."""
    while error:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


_loaded = pytest.StashKey[Inventory]()


def _inventory(config: pytest.Config) -> Inventory:
    if _loaded not in config.stash:
        config.stash[_loaded] = load(Path(config.getoption("--inventory")))
    return config.stash[_loaded]


@pytest.fixture(scope="session")
def inventory(pytestconfig: pytest.Config) -> Inventory:
    return _inventory(pytestconfig)


@pytest.fixture(scope="session")
def host(mail: MailHost, inventory: Inventory) -> Iterator[Host]:
    """The host itself, reached as the deploy reaches it."""
    data = merged(inventory.groups, mail.target)
    if mail.target == "@local":
        yield testinfra.get_host("local://", sudo=bool(data.get("_sudo")))
        return
    settings = {
        "Port": mail.ssh_port,
        "User": data.get("ssh_user"),
        "IdentityFile": data.get("ssh_key"),
        "UserKnownHostsFile": data.get("ssh_known_hosts_file"),
    }
    address = data.get("ssh_hostname", mail.target)
    try:
        with connected(address, settings, sudo=bool(data.get("_sudo"))) as host:
            yield host
    except ConnectionError as error:
        why = f"{mail.name} is not reached over SSH: {error}"
        raise pytest.fail.Exception(why, pytrace=False) from None


@pytest.fixture(scope="session")
def units(host: Host) -> dict[str, Unit]:
    """The services and timers of the host, by name."""
    return read_units(host)


@pytest.fixture(scope="session")
def sockets(host: Host) -> list[Socket]:
    """Where somebody on the host listens."""
    return read_sockets(host)


@pytest.fixture(scope="session")
def verify(
    pytestconfig: pytest.Config, mail: MailHost, host: Host
) -> Iterator[dict[str, dict[str, str]]]:
    """verify.toml: the passwords that verification may use.

    The host's journal says when it does, and as whom, so that it counts as nobody's use.
    """
    said = verification.read(Path(pytestconfig.getoption("--inventory")))
    known = said.get("accounts", {})
    names = [m.address for m in mail.mailboxes if m.address in known]
    host.run(f"logger -t mailwright-verification begins {' '.join(names)}")
    yield said
    host.run("logger -t mailwright-verification ends")


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
    account = Account(other["address"], other["password"], other["imap_host"])
    account.remove({MARK})  # what came after an earlier run had ended
    return account


# Takes letters of verification, and what came back of them, out of the queue and out of these
# mailboxes. The queue comes first: what is in it could still be delivered.
SWEEP = r"""
for id in $(postqueue -j | sed -n 's/.*"queue_id": "\([^"]*\)".*/\1/p'); do
    if postcat -hq $id 2>/dev/null | grep -qi '^Message-ID:.*{mark}'; then postsuper -d $id; fi
done >/dev/null 2>&1
for user in {users}; do
    doveadm expunge -u $user mailbox '*' header Message-ID {mark}
    doveadm expunge -u $user mailbox '*' from MAILER-DAEMON body {mark}
done 2>/dev/null
:
"""


@pytest.fixture(scope="session")
def swept(host: Host, mail: MailHost, verify: dict[str, dict[str, str]]) -> Iterator[None]:
    """Neither this run nor one before it that failed or was killed leaves letters behind.

    A test takes away what it sent as far as that has arrived; what a broken server took later, or
    still holds in its queue, would be in the way of the runs to come.
    """
    known = verify.get("accounts", {})
    users = [m.address for m in mail.mailboxes if m.stores and (m.address in known or m.members)]
    shell = SWEEP.format(mark=MARK, users=" ".join(users))
    host.run(shell)
    yield
    host.run(shell)


@pytest.fixture
def letters(swept: None) -> Iterator[Letters]:
    """Letters that are gone again when the test ends."""
    sent = Letters()
    yield sent
    sent.remove()
