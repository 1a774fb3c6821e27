"""`mailwright check` looks at the hosts: names, certificates, TLSA, CAA and MTA-STS policies.

On the lab's own hosts, which are broken for a while, and on the domains of lab/peers.py, which are.
"""

import json
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab.addresses import FOREIGN, OPERATOR
from lab.authority import Authority
from lab.lab import Lab
from lab.peers import DOMAIN, PEERS
from lab.zones import Edit
from mailwright.inventory.load import load
from mailwright.model.policy import OFF
from tests.host.letters import eventually
from tests.inventories import make_keys
from tests.lab.deploys import CHECKDMARC, HOSTS
from tests.lab.test_deploy import ask

CHAIN = "/etc/mailwright/tls/mail.pem"
RELOAD = "postfix reload 2>/dev/null"
PATH = "/.well-known/mta-sts.txt"
RESTART = "systemctl reset-failed nginx; systemctl restart nginx"
SITE = "/etc/nginx/conf.d/mta-sts.conf"
PASSWORD = "{BLF-CRYPT}$2y$08$VvkQ.WbHGHeEprpEvodAfe3OEGDlwlv2xuKKCo8rakkmgK25LBRJy"


def checked(lab: Lab, inventory: Path) -> dict[str, str]:
    """What the command finds of the hosts, as its users run it: ids and sentences."""
    done = lab.run(["mailwright", "check", str(inventory), "--json"], capture_output=True)
    assert done.returncode in (0, 1, 3), done.stderr
    found = json.loads(done.stdout)["findings"]
    return {each["id"]: each["what"] for each in found}


def test_what_is_deployed_fits_what_is_published(servers: Lab, inventory: Path) -> None:
    servers.publish()
    assert checked(servers, inventory) == {}


def test_checkdmarc_agrees(servers: Lab, inventory: Path) -> None:
    """A second opinion on all that a domain with mail publishes."""
    servers.publish()
    mailing = [domain for domain in load(inventory).domains if not domain.parked]
    done = servers.run([str(CHECKDMARC), *(d.name for d in mailing)], capture_output=True)
    for domain, found in zip(mailing, json.loads(done.stdout), strict=True):
        assert found["domain"] == domain.name
        parts = {"spf", "dmarc", "smtp_tls_reporting"} | (
            {"mta_sts"} if domain.policy.mta_sts != OFF else set()
        )
        for part in parts:
            assert (found[part]["valid"], found[part]["warnings"]) == (True, []), (domain, part)
        assert found["dnssec"]
        assert [(each["hostname"], each["dnssec"]) for each in found["mx"]["hosts"]]


@contextmanager
def broken(lab: Lab, how: str, whole: str, *hosts: str) -> Iterator[None]:
    """Something is otherwise for a while on these hosts, or on both of ours."""
    try:
        for host in hosts or HOSTS:
            ask(lab, host, how)
        yield
    finally:
        for host in hosts or HOSTS:
            ask(lab, host, whole)


def test_a_host_with_another_name_is_named(servers: Lab, inventory: Path) -> None:
    banner = "postconf -e smtpd_banner='{} ESMTP' && postfix reload 2>/dev/null"
    with broken(servers, banner.format("localhost"), banner.format("$myhostname")):
        assert checked(servers, inventory) == {
            f"smtp {host}: banner": f"it calls itself 'localhost', not {host}" for host in HOSTS
        }


def test_a_host_that_does_not_answer_is_named(servers: Lab, inventory: Path) -> None:
    with broken(servers, "systemctl stop postfix", "systemctl restart postfix"):
        what = "port 25 refuses connections"
        assert checked(servers, inventory) == {f"smtp {host}: silent": what for host in HOSTS}


def test_a_host_that_answers_over_one_family_only_is_named(servers: Lab, inventory: Path) -> None:
    rule = "meta nfproto ipv6 tcp dport 25 reject with tcp reset"
    closed = f"nft insert rule inet mailwright input {rule}"
    with broken(servers, closed, "nft -f /etc/nftables.conf"):
        found = checked(servers, inventory)
    assert [*found] == [f"smtp {host}: silent" for host in HOSTS]
    assert "port 25 refuses connections (at 2001:db8::10)" in found.values()


@contextmanager
def showing(lab: Lab, chains: dict[str, bytes]) -> Iterator[None]:
    """Other certificates are in Postfix's files for a while."""
    with broken(lab, f"cp -p {CHAIN} {CHAIN}.kept", f"mv {CHAIN}.kept {CHAIN}; {RELOAD}"):
        for host, chain in chains.items():
            lab.ssh(host, f"cat > {CHAIN}; {RELOAD}", input=chain.decode(), stdin=None)
        yield


def test_another_key_than_the_published_one_is_named(servers: Lab, inventory: Path) -> None:
    authority = Authority(servers.home.authority)
    with showing(servers, {host: authority.issue(host) for host in HOSTS}):
        found = checked(servers, inventory)
    assert [*found] == [f"tlsa _25._tcp.{host}: served" for host in HOSTS]


def test_an_authority_that_caa_refuses_is_named(servers: Lab, inventory: Path) -> None:
    """Nobody trusts it either; the key is the published one, which is enough for DANE."""
    untrusted = [f"smtp {host}: certificate" for host in HOSTS]
    keys = {host: inventory / "tls" / f"{host}.pem" for host in HOSTS}
    records = 'example.com. IN CAA 0 issue "other.example"\n'
    records += 'example.org. IN CAA 0 issue "letsencrypt.org; accounturi=x"\n'
    try:
        with showing(servers, {host: signed(keys[host], host, "Let's Encrypt") for host in HOSTS}):
            assert [*checked(servers, inventory)] == untrusted
            servers.publish(Edit(extra=records))
            found = checked(servers, inventory)
    finally:
        servers.publish()
    assert {*found} == {*untrusted, f"caa {HOSTS[0]}: issuer"}
    assert "only other.example may" in found[f"caa {HOSTS[0]}: issuer"]


def signed(path: Path, name: str, organization: str) -> bytes:
    """The key in a chain file with a new certificate, by an authority that nobody knows."""
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    old = x509.load_pem_x509_certificates(path.read_bytes())[0]
    builder = x509.CertificateBuilder().subject_name(old.subject).public_key(key.public_key())
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)])
    builder = builder.issuer_name(issuer).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(old.not_valid_before_utc)
    builder = builder.not_valid_after(old.not_valid_after_utc)
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    leaf = builder.add_extension(names, critical=False).sign(
        ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, private, serialization.NoEncryption()) + leaf.public_bytes(pem)


# What is wrong with each domain of lab/peers.py besides its DNS: no host there has its own name.
FAULTS: dict[str, set[str]] = {
    "dane": {"certificate"},  # its key is the published one
    "wrong-dane": {"served"},
    "stripped-dane": {"starttls"},
    "sts": set(),
    "wrong-sts": {"certificate"},
    "stripped-sts": {"starttls"},
    "both": {"certificate"},
    "wrong-both": {"served"},
    "neither": {"certificate"},
}
PEER = {peer.name: peer for peer in PEERS}


def described(folder: Path, *names: str, mta_sts: bool = False) -> Path:
    """An inventory as the peers' operator would write it; with `mta_sts` all show a policy."""
    folder.mkdir(parents=True)
    hosts = [(PEER[n].mx, {"debian": 13, "ipv4": PEER[n].server.ipv4}) for n in names]
    (folder / "hosts.py").write_text(f"mail = {hosts!r}\n")
    text = f'postmaster = "alice@{names[0]}.{DOMAIN}"\n'
    for name in names:
        mode = "enforce" if PEER[name].sts or mta_sts else "off"
        text += f'[domains."{name}.{DOMAIN}"]\nhost = "{PEER[name].mx}"\nmta_sts = "{mode}"\n'
    text += f'[mailboxes."alice@{names[0]}.{DOMAIN}"]\npassword = "{PASSWORD}"\n'
    (folder / "mail.toml").write_text(text)
    make_keys(folder)
    return folder


def outside(lab: Lab, inventory: Path) -> dict[str, str]:
    """The same without what is only in DNS, and without the names that no peer has for itself."""
    beyond = ("smtp", "caa", "tlsa", "mta-sts-policy")
    found = checked(lab, inventory)
    found = {id_: what for id_, what in found.items() if id_.split()[0] in beyond}
    assert [id_ for id_ in found if id_.endswith(": banner")]
    return {id_: what for id_, what in found.items() if not id_.endswith(": banner")}


@pytest.mark.parametrize(
    "names",
    [  # one at each server
        ("sts", "dane", "stripped-dane"),
        ("wrong-dane", "wrong-sts", "stripped-sts"),
        ("wrong-both", "both"),
    ],
)
def test_strange_servers_faults_are_named(lab: Lab, tmp_path: Path, names: tuple[str, ...]) -> None:
    found = outside(lab, described(tmp_path / "x", *names))
    for name in names:
        hosts = (PEER[name].mx, f"_25._tcp.{PEER[name].mx}")
        parts = [re.split(" |: ", id_) for id_ in found]
        assert {kind for _, host, kind in parts if host in hosts} == FAULTS[name]
    assert not [id_ for id_ in found if id_.startswith("mta-sts")]


POLICIES = [
    (
        "s/enforce/testing/; s/mx: .peer/mx: x.$peer/; s/86400/soon/",
        {
            "mode": "the policy has mode 'testing', not 'enforce'",
            "mx": f"the policy has x.{PEER['sts'].mx}, without {PEER['sts'].mx}",
            "max_age": "the policy has max_age 'soon', no number",
        },
    ),
    (r"s/max_age/mx: b.example\nmax_age/", {"more": "the policy has b.example as well"}),
    (
        "s#return 200.*#return 302 https://$host/x;#",
        {"status": f"https://mta-sts.sts.{DOMAIN}{PATH} answers 302"},
    ),
    (
        "s#default_type.*#types { } default_type text/html;#",
        {"type": f"https://mta-sts.sts.{DOMAIN}{PATH} is text/html, not text/plain"},
    ),
]


@pytest.mark.parametrize(("edit", "faults"), POLICIES, ids=["fields", "more", "moved", "type"])
def test_a_policy_that_is_another_is_named(
    lab: Lab, tmp_path: Path, edit: str, faults: dict[str, str]
) -> None:
    ours = described(tmp_path / "x", "sts")
    changed = f"sed -i.kept '{edit}' {SITE}; {RESTART}"
    with broken(lab, changed, f"mv {SITE}.kept {SITE}; {RESTART}", FOREIGN.name):
        found = outside(lab, ours)
    assert found == {f"mta-sts-policy sts.{DOMAIN}: {kind}": what for kind, what in faults.items()}


def test_a_policy_s_server_must_be_the_right_one(lab: Lab, tmp_path: Path) -> None:
    """Nobody is there, or somebody with a certificate for other names."""
    there = (
        f"mta-sts.sts.{DOMAIN}. IN A {OPERATOR.ipv4}\nmta-sts.dane.{DOMAIN}. IN A {FOREIGN.ipv4}\n"
    )
    try:
        lab.publish(Edit([(f"mta-sts.sts.{DOMAIN}.", "A")], there))
        found = outside(lab, described(tmp_path / "x", "sts", "dane", mta_sts=True))
    finally:
        lab.publish()
    assert [*found][1:] == [
        f"mta-sts-policy dane.{DOMAIN}: certificate",
        f"mta-sts-policy sts.{DOMAIN}: silent",
    ]


INBOX = "/var/mail/judge/Maildir"
SENDERS = {"mail.example.com": "alice@example.com", "mail.example.org": "bob@example.org"}


def delivered(lab: Lab, host: str, sender: str) -> str:
    """A letter as the foreign server has stored it."""
    subject = uuid.uuid4().hex
    head = f"From: {sender}\\nTo: judge@{DOMAIN}\\nSubject: {subject}"
    ask(lab, host, f"printf '{head}\\n\\nHi.\\n' | sendmail -f {sender} judge@{DOMAIN}")
    found = f"grep -rls {subject} {INBOX}/new {INBOX}/cur | head -n 1"
    path = eventually(lambda: ask(lab, FOREIGN.name, found) or None, f"a letter from {sender}")
    return ask(lab, FOREIGN.name, f"cat {path}; rm {path}") + "\n"


def judged(lab: Lab, inventory: Path, letter: Path, text: str) -> tuple[dict[str, Any], list[str]]:
    """What the command says of a message with this text, and the kinds of what it finds."""
    letter.write_text(text)
    argv = ["mailwright", "check", str(inventory), "--message", str(letter), "--json"]
    done = lab.run(argv, capture_output=True)
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert done.returncode == bool(told["findings"])
    return told["message"], [each["kind"].split()[0] for each in told["findings"]]


def test_a_delivered_message_is_verified_with_the_published_key(
    servers: Lab, inventory: Path, tmp_path: Path, host: str
) -> None:
    text, letter = delivered(servers, host, SENDERS[host]), tmp_path / "letter"
    told, kinds = judged(servers, inventory, letter, text)
    domain = host.partition(".")[2]
    keys = next(d.signing for d in load(inventory).domains if d.name == domain)
    assert kinds == []
    assert told["domain"] == domain
    assert {each["selector"] for each in told["signatures"]} == {key.selector for key in keys}
    results = " ".join(told["authentication_results"])
    assert all(f"{method}=pass" in results for method in ("dkim", "spf", "dmarc"))

    changed = text.replace("Hi.", "Ho.")
    assert judged(servers, inventory, letter, changed)[1] == ["invalid"] * len(keys)
    unsigned = re.sub(r"^DKIM-Signature:.*\n(?:[ \t].*\n)*", "", text, flags=re.M)
    assert judged(servers, inventory, letter, unsigned)[1] == ["unsigned"]


def test_a_key_that_is_not_the_one_on_the_disk_is_named(
    servers: Lab, inventory: Path, tmp_path: Path
) -> None:
    """Another under the same name, and none."""
    text = delivered(servers, HOSTS[0], SENDERS[HOSTS[0]])
    for name in ("hosts.py", "mail.toml"):
        shutil.copy(inventory / name, tmp_path / name)
    for folder in ("sieve", "tls"):
        shutil.copytree(inventory / folder, tmp_path / folder)
    make_keys(tmp_path)
    assert judged(servers, tmp_path, tmp_path / "letter", text)[1] == ["changed"]
    mine = tmp_path / "keys" / "example.com"
    for path in mine.iterdir():
        path.rename(path.with_name(path.name.replace("mw20260101", "mw20250101")))
    assert judged(servers, tmp_path, tmp_path / "letter", text)[1] == ["stranger"]
