"""Several hosts that send for the same domain: whoever of them has somebody who may."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

import pytest

from mailwright import cli
from mailwright.check.identity import Sender, letters
from mailwright.check.world import hosts_of
from mailwright.dns.records import records
from mailwright.inventory.load import Inventory
from mailwright.model.spf import Count, parse
from mailwright.picture.render import picture
from tests.inventories import make_keys
from tests.unit.conftest import HASH, Folder

COM, ORG = "mail.example.com", "mail.example.org"
SHOP = f"""
[mailboxes."shop@example.org"]
use = "send-only"
password = "{HASH}"
[mailboxes."orders@example.com"]
use = "shared"
members = {{ "alice@example.com" = "write" }}
send_as = ["alice@example.com", "shop@example.org"]
"""


def senders(inventory: Inventory) -> dict[str, tuple[str, ...]]:
    return {domain.name: domain.senders for domain in inventory.domains}


def spf(inventory: Inventory, name: str) -> str:
    return next(
        r.values[0] for r in records(inventory) if r.purpose == "spf" and r.name == f"{name}."
    )


def test_a_domain_is_sent_from_its_host_alone(folder: Folder) -> None:
    inventory = folder.load()
    assert senders(inventory) == {"example.com": (COM,), "example.org": (ORG,)}
    assert spf(inventory, "example.com") == "v=spf1 mx -all"
    assert inventory.hosts[0].sending_domains == inventory.hosts[0].domains


@pytest.mark.parametrize(
    "text",
    [
        '"sales@example.com" = ["alice@example.com", "bob@example.org"]',
        '"sales@example.com" = "team@example.com"\n"team@example.com" = "bob+team@example.org"',
        '"@example.com" = "bob@example.org"',
        f'{SHOP}[domains."example.biz"]\nalias_of = "example.com"',
    ],
)
def test_it_is_sent_from_the_hosts_of_whoever_may_send_as_one_of_it(
    folder: Folder, text: str
) -> None:
    folder.mail += text
    inventory = folder.load()
    assert senders(inventory)["example.com"] == (COM, ORG)
    assert senders(inventory)["example.org"] == (ORG,)
    assert spf(inventory, "example.com") == "v=spf1 mx ip4:198.51.100.20 -all"
    assert spf(inventory, ORG) == "v=spf1 a -all"
    names = [domain.name for domain in inventory.hosts[1].sending_domains]
    assert names == [name for name, some in senders(inventory).items() if ORG in some]
    assert "example.com" not in {domain.name for domain in inventory.hosts[1].domains}


@pytest.mark.parametrize(
    "text",
    [
        '"postmaster@example.com" = "bob@example.org"',
        '"alice@example.com" = ["alice@example.com", "bob@example.org"]',  # forwards, and keeps it
        f'"x@example.com" = "pop@example.org"\n[mailboxes."pop@example.org"]\npassword = "{HASH}"\nprotocols = "pop3"',
        '"x@example.com" = "t@example.org"\n[mailboxes."t@example.org"]\nuse = "shared"\nmembers = { "bob@example.org" = "read" }',
        '[domains."old.example"]\nparked = true',
    ],
)
def test_who_gets_mail_and_may_not_send_brings_no_key_to_his_host(
    folder: Folder, text: str
) -> None:
    folder.mail += text
    assert senders(folder.load())["example.com"] == (COM,)


def test_the_twin_of_a_program_s_address_is_its_owner_s_who_may_be_on_another_host(
    folder: Folder,
) -> None:
    folder.mail += (
        f'[mailboxes."app@example.com"]\nuse = "send-only"\npassword = "{HASH}"\n'
        'owner = "bob@example.org"\n[domains."example.biz"]\nalias_of = "example.com"'
    )
    inventory = folder.load()
    assert inventory.hosts[1].sender_logins["app@example.biz"] == ("bob@example.org",)
    assert senders(inventory)["example.biz"] == (COM, ORG)
    assert senders(inventory)["example.com"] == (COM,)


def test_each_host_lets_only_its_own_people_in(folder: Folder) -> None:
    folder.mail += '"sales@example.com" = ["alice@example.com", "bob@example.org"]' + SHOP
    com, org = (host.sender_logins for host in folder.load().hosts)
    assert com["sales@example.com"] == ("alice@example.com",)
    assert org["sales@example.com"] == ("bob@example.org",)
    assert com["orders@example.com"] == ("alice@example.com", "orders@example.com")
    assert org["orders@example.com"] == ("shop@example.org",)
    assert org.keys() & {"alice@example.com", "info@example.com"} == set()


def test_a_catch_all_elsewhere_is_kept_from_what_others_have(folder: Folder) -> None:
    folder.mail += '"@example.com" = "bob@example.org"\n"sales@example.com" = "bob@example.org"'
    logins = folder.load().hosts[1].sender_logins
    assert logins["@example.com"] == logins["sales@example.com"] == ("bob@example.org",)
    for name in ("alice", "info", "postmaster", "abuse"):
        assert logins[f"{name}@example.com"] == ("nobody",)


def test_each_of_them_signs_with_the_same_keys_and_no_other_host_has_them(folder: Folder) -> None:
    folder.mail += '"sales@example.com" = ["alice@example.com", "bob@example.org"]'
    folder.load()
    make_keys(folder.path)
    inventory = folder.load()
    com, org = (picture(host) for host in inventory.hosts)
    path = "/etc/rspamd/dkim/example.com.mw20260101r"
    assert com[path] == org[path]
    assert '"example.com" {' in org["/etc/rspamd/local.d/dkim_signing.conf"]
    transports = "/etc/postfix/maps/sender_dependent_default_transport_maps"
    lines = org[transports].splitlines()
    assert "sales@example.com smtp:" in lines
    assert "@example.com smtp:" not in lines  # what strangers send in its name
    assert "example.com" not in org["/etc/postfix/maps/virtual_mailbox_domains"].split()
    assert "/etc/rspamd/dkim/example.org.mw20260101r" not in com


def test_a_check_of_the_domain_looks_at_each_host_that_sends_for_it(folder: Folder) -> None:
    assert [host.name for host in hosts_of(folder.load(), ["example.com"])] == [COM]
    folder.mail += '"sales@example.com" = "bob@example.org"'
    assert [host.name for host in hosts_of(folder.load(), ["example.com"])] == [COM, ORG]
    assert [host.name for host in hosts_of(folder.load(), ["example.org"])] == [ORG]


def test_a_host_whose_name_is_the_domain_is_named_once(folder: Folder) -> None:
    folder.hosts = folder.hosts.replace('"mail.example.org"', '"example.com"')
    folder.mail = folder.mail.replace("mail.example.org", "example.com")
    folder.mail += '"sales@example.com" = "bob@example.org"'
    assert spf(folder.load(), "example.com") == "v=spf1 a mx -all"


def test_a_host_that_spf_named_already_is_named_once(folder: Folder) -> None:
    line = '[domains."example.com"]\n'
    folder.mail = folder.mail.replace(line, f'{line}spf_mechanisms = "a:{ORG}"\n')
    folder.mail += '"sales@example.com" = "bob@example.org"'
    assert spf(folder.load(), "example.com") == f"v=spf1 mx a:{ORG} -all"


@pytest.mark.parametrize("alone", ["ipv4", "ipv6"])
def test_nobody_asks_in_vain_for_hosts_of_one_family(folder: Folder, alone: str) -> None:
    people = []
    for n in range(5):
        ips = {"ipv4": f"198.51.100.{n + 100}", "ipv6": f"2001:db8::{n + 100}"}
        ips = ips if n == 4 else {alone: ips[alone]}
        host = f'("mx{n}.example.net", {{"debian": 13, **{ips}}}),\n]'
        folder.hosts = folder.hosts.rstrip().removesuffix("]") + host
        folder.mail += f'[domains."d{n}.example"]\nhost = "mx{n}.example.net"\n'
        folder.mail += f'[mailboxes."a@d{n}.example"]\npassword = "{HASH}"\n'
        people.append(f"a@d{n}.example")
    folder.mail += f'[aliases]\n"all@d0.example" = {people}'
    folder.mail = folder.mail.replace('[aliases]\n"info@example.com" = "alice@example.com"\n', "")
    inventory = folder.load()
    zone = {(r.name.rstrip("."), r.type): list(r.values) for r in records(inventory)}
    record = spf(inventory, "d0.example")

    def look_up(name: str, kind: str) -> list[str]:
        return zone.get((name.rstrip("."), kind), [])

    assert Count(look_up).follow("d0.example", parse(record)).over() == []
    hosts = [host for host in inventory.hosts if host.name.startswith("mx")]
    ours = [Sender(ip, host.name) for host in hosts for ip in host.addresses]
    told = {str(x): x.result(look_up, record) for x in letters("d0.example", ours)}
    assert [*told.values()] == ["pass"] * 6 + ["fail"] * 3


def test_spf_names_no_more_hosts_than_receivers_look_up(folder: Folder) -> None:
    people = []
    for n in range(10):
        ips = f'"ipv4": "198.51.100.{n + 100}", "ipv6": "2001:db8::{n + 100}"'
        host = f'("mx{n}.example.net", {{"debian": 13, {ips}}}),\n]'
        folder.hosts = folder.hosts.rstrip().removesuffix("]") + host
        folder.mail += f'[domains."d{n}.example"]\nhost = "mx{n}.example.net"\n'
        folder.mail += f'[mailboxes."a@d{n}.example"]\npassword = "{HASH}"\n'
        people.append(f'"a@d{n}.example"')
    nine, ten = (f'[aliases]\n"all@example.com" = [{", ".join(people[:n])}]' for n in (9, 10))
    before = folder.mail.replace("[aliases]\n", "").replace(
        '"info@example.com" = "alice@example.com"\n', ""
    )
    folder.mail = f"{before}{nine}"
    assert len(senders(folder.load())["example.com"]) == 10
    folder.mail = f"{before}{ten}"
    assert folder.wrong() == [
        'mail.toml: domains."example.com": is sent from 11 hosts, so its SPF has 11 look-ups; expected 10 at most (RFC 7208 section 4.6.4) (whoever gets the mail of its aliases may send as them)'
    ]


def test_show_says_who_sends(folder: Folder) -> None:
    folder.mail += '"sales@example.com" = "bob@example.org"'
    folder.load()
    make_keys(folder.path)
    inventory = folder.load()
    assert (
        f"  example.com  on {COM}, sent from {ORG} too  dkim mw20260101r  dmarc quarantine"
        in cli._shown(inventory)
    )
