"""What is worked out only once somebody asks for it, held against the whole of what there is."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import assume, given
from hypothesis import strategies as st

from mailwright.inventory.load import Inventory
from mailwright.model import delivery
from mailwright.model.address import without_extension
from mailwright.model.ownership import NOBODY
from mailwright.model.problems import Problems
from tests.unit.conftest import HASH, Folder

ALIASES = [
    *("x@example.com", "y@example.org", "alice@example.com"),
    *("abuse@example.com", "postmaster@example.org", "@example.com"),
]
TARGETS = [
    *("alice@example.com", "alice+tag@example.com", "bob@example.org", "app@example.com"),
    *("x@example.com", "y@example.org", "abuse@example.com", "postmaster@example.org"),
    *("x@example.biz", "abuse@example.biz", "alice@example.biz", "somebody@elsewhere.example"),
]
TWIN = '[domains."example.biz"]\nalias_of = "example.com"\n'
PROGRAM = (
    f'[mailboxes."app@example.com"]\nuse = "send-only"\npassword = "{HASH}"\n'
    'owner = "bob@example.org"\n'
)


def described(aliases: dict[str, list[str]]) -> str:
    lines = (f'"{name}" = {targets!r}' for name, targets in aliases.items())
    return "\n".join(["", *lines, TWIN, PROGRAM])


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    """Those that nothing is wrong with."""
    targets = st.lists(st.sampled_from(TARGETS), min_size=1, max_size=2, unique=True)
    aliases = draw(st.dictionaries(st.sampled_from(ALIASES), targets, max_size=4))
    if "alice@example.com" in aliases:
        aliases["alice@example.com"].append("alice@example.com")
    with TemporaryDirectory() as path:
        folder = Folder(Path(path))
        folder.mail += described(aliases)
        try:
            return folder.load()
        except Problems:
            assume(False)
            raise


@given(inventories())
def test_an_inventory_that_is_accepted_has_no_loop_anywhere(inventory: Inventory) -> None:
    targets = {name: alias.targets for name, alias in inventory.book.aliases.items()}
    kept = {box.address for box in inventory.mailboxes if box.stores}
    assert list(delivery.loops(targets, kept)) == []


@given(inventories())
def test_all_mail_for_us_arrives_at_a_mailbox(inventory: Inventory) -> None:
    ours = {domain.name for domain in inventory.domains}
    boxes = {box.address for box in inventory.mailboxes if box.stores}
    for ends in inventory.ends.values():
        here = {end for end in ends if end.rpartition("@")[2] in ours}
        assert {without_extension(end) for end in here} <= boxes


@given(inventories())
def test_the_senders_of_a_domain_are_the_hosts_that_let_somebody_send_as_it(
    inventory: Inventory,
) -> None:
    for domain in inventory.domains:
        letting = {
            host.name
            for host in inventory.hosts
            for name, logins in host.sender_logins.items()
            if name.rpartition("@")[2] == domain.name and logins is not NOBODY
        }
        assert {*domain.other_senders} == letting - {domain.host}
