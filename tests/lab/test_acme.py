"""Certificates by ACME: ordered when the host is found, renewed while mail flows, else kept."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lab.acme import DIRECTORY
from lab.acme import ROOT as PEBBLE
from lab.lab import Lab
from lab.zones import Edit
from mailwright.inventory.load import load
from mailwright.keys.tls_keys import KeyFiles
from mailwright.model.host import ACME
from mailwright.model.state import REGISTER
from tests.host.letters import eventually
from tests.lab.deploys import HOSTS, ROOT, Deploy, edit
from tests.lab.test_check_hosts import checked
from tests.lab.test_deploy import PORTS, ask, assert_delivered, come_too_early, served
from tests.lab.walk import walk

UNIT = "mailwright-acme"
CHAIN = "/etc/mailwright/tls/mail.pem"
STATE = "/var/lib/mailwright/acme/mail"
PROGRAMS = "/etc/mailwright/acme"
WEB = {"mail.example.com": "mta-sts.example.com", "mail.example.org": "mta-sts.example.org"}
ADDRESSES = {"mail.example.com": "198.51.100.10", "mail.example.org": "198.51.100.20"}


@pytest.fixture(scope="module")
def described(servers: Lab, inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with ACME in place of files; pyinfra reaches the hosts without their names."""
    folder = tmp_path_factory.mktemp("acme") / "inventory"
    shutil.copytree(inventory, folder)
    acme = f'[acme]\ndirectory = "{DIRECTORY}"\n\n[aliases]\n'
    edit(folder / "mail.toml", ("[aliases]\n", acme))
    shutil.rmtree(folder / "tls/web")
    known = Path(servers.status()["known_hosts"]).read_text()
    for name, address in ADDRESSES.items():
        (folder / f"tls/{name}.pem").rename(folder / f"tls/{name}.key")
        list(KeyFiles(folder, name).make())
        there = f'"ipv4": "{address}"'
        edit(folder / "hosts.py", (there, f'{there}, "ssh_hostname": "{address}"'))
        known = known.replace(f"{name} ", f"{name},{address} ")
    path = folder / "known_hosts"
    path.write_text(known)
    edit(folder / "hosts.py", ('"/var/lib/mailwright-lab/ssh/known_hosts"', repr(str(path))))
    return folder


@pytest.fixture(scope="module")
def before(servers: Lab, described: Path, inventory: Path) -> Iterator[dict[str, list[str]]]:
    """Deployed before the names are in DNS: the certificate's issuer and what is waited for.

    Then they are published, and each host orders. At the end the hosts are as they were.
    """
    servers.acme.start()
    each(lambda host: ask(servers, host, f"rm {CHAIN} /etc/mailwright/tls/web/*.pem"))
    addresses = [(f"{host}.", kind) for host in HOSTS for kind in ("A", "AAAA")]
    servers.publish(Edit(without=addresses, negative_ttl=5))
    try:
        Deploy.run(servers, described).succeeded()
        servers.publish()
        look = f"openssl x509 -in {CHAIN} -noout -issuer -nameopt RFC2253; cat {STATE}/waits"
        found = checked(servers, described)
        assert {f"smtp {host}: temporary" for host in HOSTS} <= found.keys(), found
        yield {host: ask(servers, host, look).splitlines() for host in HOSTS}
    finally:
        servers.publish()
        servers.acme.stop()
        for who, host in (("alice@example.com", HOSTS[0]), ("bob@example.org", HOSTS[1])):
            ask(servers, host, f"doveadm expunge -u {who} mailbox '*' all")
        Deploy.run(servers, inventory).succeeded()
        assert Deploy.count(servers, inventory) == 0
        for host in HOSTS:
            gone = f"! test -e {PROGRAMS}/renew && ! systemctl is-active -q {UNIT}.timer"
            ask(servers, host, gone)
            assert ask(servers, host, f"systemctl list-units --failed --no-legend '{UNIT}.*'") == ""
            assert serial(servers, host) == file_serial(inventory / f"tls/{host}.pem")
            ask(servers, host, "systemctl start mailwright-expiry")  # it is no longer near its end


@pytest.fixture(scope="module")
def acme(servers: Lab, before: dict[str, list[str]]) -> Lab:
    """Both hosts have ordered their first certificates, once they had forgotten the DNS before."""
    start = f"systemctl start {UNIT}; find {STATE}/.. -name waits -exec cat {{}} +"
    each(lambda host: eventually(lambda: ask(servers, host, start) == "" or None, host, 120))
    return servers


def each(work: Callable[[str], object]) -> None:
    """Both hosts at once."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(work, HOSTS))


def serial(lab: Lab, host: str, *ports: int) -> int:
    """Of the one certificate that these ports show, or all."""
    shown = {port: served(lab, host, port, PORTS[port]) for port in ports or PORTS}
    assert len({*shown.values()}) == 1, shown
    return int(next(iter(shown.values())).removeprefix("serial="), 16)


def file_serial(path: Path) -> int:
    return x509.load_pem_x509_certificates(path.read_bytes())[0].serial_number


def orders(lab: Lab, host: str) -> int:
    """How many the authority has had from a host, as it looks at each name anew."""
    return lab.acme.log.read_text().count(f'Value:"{host}"')


def put(lab: Lab, host: str, text: str, path: str) -> None:
    """Write a file on the host."""
    command = lab.ssh_command(host, (f"umask 077; cat >{path}.new && mv {path}.new {path}",))
    subprocess.run(command, input=text, text=True, check=True)


def aged(lab: Lab, host: str, key: str, left: int) -> int:
    """Have the host serve a certificate with so many percent of its life left."""
    private = serialization.load_pem_private_key(key.encode(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    issuer = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")]))
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100 - left))
        .not_valid_after(now + timedelta(days=left))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(issuer, hashes.SHA256())
    )
    put(lab, host, key + certificate.public_bytes(serialization.Encoding.PEM).decode(), CHAIN)
    ask(lab, host, f"{PROGRAMS}/serve mail; rm -f {STATE}/*")
    return certificate.serial_number


def told(lab: Lab, host: str, unit: str, words: str) -> None:
    """The postmaster gets a mail from this host about the unit, with these words."""
    query = f"mailbox '*' subject '{host}: {unit}.service failed' body '{words}'"
    look = f"doveadm search -u alice@example.com {query}"
    try:
        eventually(lambda: ask(lab, HOSTS[0], look) or None, f"mail on {unit}: {words}", 60)
    finally:  # pytest shows what became of it, should there be none
        print(ask(lab, host, "postqueue -p; journalctl -q -n 80"))


@pytest.fixture(scope="module")
def trusted(acme: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an outside client trusts: the lab's authority and, for now, pebble's."""
    root = acme.run(["curl", "-sSf", PEBBLE], capture_output=True)
    path = tmp_path_factory.mktemp("trusted") / "roots.pem"
    path.write_text(Path(acme.status()["ca"]).read_text() + root.stdout)
    return path


def python(lab: Lab, trusted: Path, *argv: str) -> list[str]:
    """Python outside, whose clients trust these authorities."""
    return lab.command(["env", f"SSL_CERT_FILE={trusted}", sys.executable, "-m", *argv])


def verification(
    lab: Lab, trusted: Path, inventory: Path, *options: str
) -> "subprocess.CompletedProcess[str]":
    """A run of tests/host: what concerns certificates."""
    files = [f"tests/host/test_{name}.py" for name in ("tls", "acme", "alarm", "nginx", "firewall")]
    words = ["-q", "-rN", *files, "--inventory", str(inventory)]
    argv = python(lab, trusted, "pytest", *words, *options)
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_a_host_that_is_not_in_dns_serves_a_temporary_certificate_and_waits(
    before: dict[str, list[str]],
) -> None:
    for host, said in before.items():
        assert said == ["issuer=CN=temporary", f"{host} has no address in DNS"]


def test_the_first_certificate_is_ordered_as_soon_as_the_host_is_found(
    acme: Lab, described: Path, trusted: Path
) -> None:
    done = verification(acme, trusted, described)
    assert done.returncode == 0, done.stdout[-5000:]
    assert Deploy.count(acme, described) == 0


def test_nothing_is_ordered_that_is_not_due(acme: Lab) -> None:
    before = [(orders(acme, host), serial(acme, host)) for host in HOSTS]
    assert all(number > 0 for number, _ in before)
    each(lambda host: ask(acme, host, f"systemctl start {UNIT}"))
    assert [(orders(acme, host), serial(acme, host)) for host in HOSTS] == before


def test_what_orders_leave_on_a_host_is_in_the_register(acme: Lab, described: Path) -> None:
    for host in load(described).hosts:
        walked = walk(acme, host)
        assert walked.unknown == []
        assert {entry for entry in REGISTER if entry.variant == ACME} <= walked.seen


def test_each_host_says_its_account_for_caa(acme: Lab, described: Path, tmp_path: Path) -> None:
    """As RFC 8657 wants it: the authority knows it by this address."""
    accounts = [ask(acme, host, f"{PROGRAMS}/renew --account") for host in HOSTS]
    assert len({*accounts}) == len(HOSTS)
    assert all(each.startswith(DIRECTORY.removesuffix("dir")) for each in accounts), accounts
    bound = Path(shutil.copytree(described, tmp_path / "bound"))
    issuers = [f"lab.example; accounturi={account}" for account in accounts]
    text = (bound / "mail.toml").read_text()
    (bound / "mail.toml").write_text(f"caa = {json.dumps(issuers)}\n{text}")
    argv = ["mailwright", "dns", str(bound), "example.com"]
    printed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    for issuer in issuers:
        assert f'CAA 0 issue "{issuer}"' in printed


def test_a_renewal_is_served_on_every_port_and_no_conversation_fails(
    acme: Lab, described: Path, trusted: Path
) -> None:
    before = {host: (serial(acme, host), served(acme, WEB[host], 443, "")) for host in HOSTS}
    with traffic(acme, trusted, described) as found:
        time.sleep(3)
        each(lambda host: ask(acme, host, f"{PROGRAMS}/renew --now"))
        time.sleep(3)
    assert found["wrong"] == [], found
    assert len(found["well"]) == 8
    for host in HOSTS:
        after = serial(acme, host), served(acme, WEB[host], 443, "")
        assert all(old != new for old, new in zip(before[host], after, strict=True))
        key = load(described).hosts[HOSTS.index(host)].tls_key
        shown = ask(acme, host, f"openssl x509 -in {CHAIN} -noout -pubkey")
        assert shown == public(key)


def test_mail_that_found_dovecot_away_is_delivered_by_the_renewal(acme: Lab) -> None:
    def renewed(host: str) -> None:
        come_too_early(acme, host)
        ask(acme, host, f"{PROGRAMS}/renew --now mail")
        assert_delivered(acme, host)

    each(renewed)


@contextmanager
def traffic(lab: Lab, trusted: Path, inventory: Path) -> Iterator[dict[str, Any]]:
    """Mail flows within; at the end the dictionary holds what traffic.py found."""
    found: dict[str, Any] = {}
    argv = python(lab, trusted, "tests.lab.traffic", str(inventory))
    with Popen(argv, cwd=ROOT, text=True, stdin=PIPE, stdout=PIPE) as run:
        yield found
        found |= json.loads(run.communicate("")[0])


def public(key: str) -> str:
    private = serialization.load_pem_private_key(key.encode(), None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, form).decode().strip()


# Somebody between the authority and the host, who changes what came: $1 is the chain.
_BETWEEN = """#!/bin/sh
/usr/bin/uacme "$@" || exit
case $* in *" issue "*) ;; *) exit 0 ;; esac
for request; do :; done
set -- "${request%.csr}-cert.pem" -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=x
chain=$1
shift
"""
_OTHER_KEY = _BETWEEN + 'openssl req -x509 "$@" -out "$chain" 2>/dev/null'
_OTHER_ISSUER = (
    _BETWEEN
    + """
openssl x509 -in "$chain" -out "$chain.leaf"
openssl req -x509 "$@" 2>/dev/null | cat "$chain.leaf" - >"$chain"
"""
)
_FULL = """
cp -a /etc/mailwright/tls /run/tls; mount -t tmpfs -o size=64k tmpfs /etc/mailwright/tls
cp -a /run/tls/. /etc/mailwright/tls; dd if=/dev/zero of=/etc/mailwright/tls/full 2>/dev/null || :
"""
_NOT_FULL = "umount /etc/mailwright/tls; rm -r /run/tls"
_WITHOUT = "rm -f /usr/local/bin/uacme"

BREAKAGES = {
    "wrong key": (_OTHER_KEY, "", "the certificate that came is for another key"),
    "broken chain": (_OTHER_ISSUER, "", "unable to get local issuer certificate"),
    "dead authority": ("", "ip route add blackhole 198.51.100.70", "no certificate came from"),
    "full disk": ("", _FULL, "No space left on device"),
}
MENDING = {"dead authority": "ip route del blackhole 198.51.100.70", "full disk": _NOT_FULL}


def test_whatever_fails_the_old_certificate_serves_and_the_postmaster_is_told(
    acme: Lab, described: Path
) -> None:
    """All of it on both hosts, whose certificate is due; once it can be renewed, it is."""
    keys = {host.name: host.tls_key for host in load(described).hosts}

    def broken(host: str) -> None:
        old = aged(acme, host, keys[host], 34)
        for what, (uacme, shell, words) in BREAKAGES.items():
            if uacme:
                put(acme, host, uacme, "/usr/local/bin/uacme")
                ask(acme, host, "chmod 755 /usr/local/bin/uacme")
            try:
                ask(acme, host, f"rm -f {STATE}/failure; {shell}")
                assert acme.ssh(host, f"systemctl start {UNIT}").returncode != 0, what
                assert {serial(acme, host, port) for port in (25, 993)} == {old}
            finally:
                ask(acme, host, f"{_WITHOUT}; {MENDING.get(what, ':')}")
            told(acme, host, UNIT, words)
        before = orders(acme, host)
        assert acme.ssh(host, f"systemctl start {UNIT}").returncode != 0
        assert orders(acme, host) == before  # an hour must go by
        ask(acme, host, f"{PROGRAMS}/renew --now mail")
        assert serial(acme, host) != old
        assert acme.ssh(host, f"systemctl is-failed -q {UNIT}").returncode != 0
        assert ask(acme, host, f"find {STATE}/.. -name failure") == ""

    each(broken)


_NO_HAIRPIN = """
table inet hairpin {{
    chain output {{
        type filter hook output priority 0
        ip daddr {0.ipv4} tcp dport 80 drop
        ip6 daddr {0.ipv6} tcp dport 80 drop
    }}
}}
"""


def test_a_host_that_cannot_reach_its_own_address_orders(acme: Lab, described: Path) -> None:
    """Where a router leads nobody back in who is behind it (no hairpin NAT)."""
    hosts = {host.name: host for host in load(described).hosts}

    def ordered(host: str) -> None:
        old = serial(acme, host, 25)
        ask(acme, host, f"nft -f - <<'END'\n{_NO_HAIRPIN.format(hosts[host])}\nEND")
        try:
            ask(acme, host, f"{PROGRAMS}/renew --now mail")
        finally:
            ask(acme, host, "nft delete table inet hairpin")
        assert serial(acme, host, 25) != old

    each(ordered)


_MANY = """
cd /etc/mailwright/tls/web
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=temporary -keyout key -out certificate
cat key certificate >/run/temporary.pem
rm key certificate
for number in $(seq 100 199); do
    echo mta-sts.n$number.lost.example >n$number.lost.example.names
    cp /run/temporary.pem n$number.lost.example.pem
done
"""


def test_of_many_names_that_lead_nowhere_one_line_says_so_and_they_are_asked_for_rarely(
    acme: Lab,
) -> None:
    state = f"{STATE}/../web"
    looked = f"stat -c %Y {state}/n*/waits | sort -n"
    start = f"systemctl start {UNIT}; systemctl show -P InvocationID {UNIT}"

    def quiet(host: str) -> None:
        ask(acme, host, _MANY)
        try:
            run = ask(acme, host, start)
            said = ask(acme, host, f"journalctl -q -o cat _SYSTEMD_INVOCATION_ID={run}")
            assert said.count("lost.example has no address in DNS") == 3, said
            assert said.count("\n") == 0
            assert "; and 97 more" in said
            ask(acme, host, f"touch -d '1 hour ago' {state}/n*/asked; {start}")
            times = ask(acme, host, looked).splitlines()
            assert len(times) == 100
            ask(acme, host, f"sleep 2; {start}")
            assert ask(acme, host, looked).splitlines() == times
            ask(acme, host, f"{PROGRAMS}/renew web/n150.lost.example")
            assert ask(acme, host, looked).splitlines()[:-1] == times[1:]
        finally:
            ask(acme, host, "rm /etc/mailwright/tls/web/n*.lost.example.*; " + start)
        assert ask(acme, host, f"ls {state} | grep -c lost || :") == "0"

    each(quiet)


def test_a_certificate_that_a_port_does_not_show_is_put_back(acme: Lab) -> None:
    """Dovecot reads another file, as after a change by hand."""
    conf, other = "/etc/dovecot/dovecot.conf", "/etc/dovecot/other.pem"
    astray = f"cp {CHAIN} {other}; cp {conf} /root/kept; sed -i 's#{CHAIN}#{other}#' {conf}"
    back = f"cat /root/kept >{conf}; rm {other}"

    def broken(host: str) -> None:
        old = serial(acme, host)
        ask(acme, host, f"{astray}; doveadm reload")
        try:
            done = acme.ssh(host, f"{PROGRAMS}/renew --now mail", capture_output=True)
            assert "port 993 does not show serial number" in done.stdout
            assert serial(acme, host) == old
        finally:
            ask(acme, host, f"{back}; doveadm reload")
        ask(acme, host, f"rm {STATE}/failure; systemctl start {UNIT}")

    each(broken)


def test_a_certificate_near_its_end_is_a_failing_verification_and_a_mail(
    acme: Lab, described: Path, trusted: Path
) -> None:
    """Who tells it could not at first: Postfix took no letter."""
    keys = {host.name: host.tls_key for host in load(described).hosts}
    soon = "/run/systemd/system/mailwright-alarm@.service.d"
    chosen = "third or told_of or has_been_told"
    kept = "/var/lib/mailwright/alarm/unsent/mailwright-expiry.service"

    def failing(host: str) -> None:
        aged(acme, host, keys[host], 30)
        ask(acme, host, "mv /usr/sbin/postdrop /usr/sbin/postdrop.away")
        ask(acme, host, f"mkdir {soon}; printf '[Service]\\nRestartSec=5\\n' >{soon}/soon.conf")
        ask(acme, host, "systemctl daemon-reload")
        assert acme.ssh(host, "systemctl start mailwright-expiry").returncode != 0
        eventually(lambda: ask(acme, host, f"ls {kept}* || :") or None, "a letter that is kept", 30)

    def mended(host: str) -> None:
        ask(acme, host, "mv /usr/sbin/postdrop.away /usr/sbin/postdrop")
        told(acme, host, "mailwright-expiry", f"{CHAIN} ends on")
        ask(acme, host, f"rm -r {soon}; systemctl daemon-reload; systemctl start {UNIT}")

    try:
        each(failing)
        done = verification(acme, trusted, described, "-k", chosen)
    finally:
        each(mended)
    assert done.stdout.count(f"error: {CHAIN} ends on") == 2, done.stdout
    for host in HOSTS:
        assert f"Subject: {host}: mailwright-expiry.service failed" in done.stdout
    assert verification(acme, trusted, described, "-k", chosen).returncode == 0


# An authority that answers two minutes later, that it does not want.
_SLOW = """#!/bin/sh
for second in $(seq 120); do [ ! -e /run/slow ] || sleep 1; done
echo no such directory
exit 1
"""


def test_a_deploy_does_not_wait_for_an_authority_and_orders_anew_from_a_corrected_one(
    acme: Lab, described: Path
) -> None:
    """The last test: nobody is told of these keys in DNS."""
    wrong = DIRECTORY.replace("/dir", "/directory")
    for host in HOSTS:
        KeyFiles(described, host).roll()
        put(acme, host, _SLOW, "/usr/local/bin/uacme")
        ask(acme, host, "chmod 755 /usr/local/bin/uacme; touch /run/slow")
    edit(described / "mail.toml", (DIRECTORY, wrong))
    try:
        Deploy.run(acme, described).succeeded()
        for host in HOSTS:
            assert (
                acme.ssh(host, f"systemctl is-active {UNIT} | grep -x activating").returncode == 0
            )
    finally:
        each(
            lambda host: ask(
                acme, host, f"rm -f /run/slow; systemctl start {UNIT} || :; {_WITHOUT}"
            )
        )
        edit(described / "mail.toml", (wrong, DIRECTORY))
    for host in HOSTS:
        ask(acme, host, f"systemctl is-failed {UNIT} && grep 'no such directory' {STATE}/failure")
    Deploy.run(acme, described).succeeded()
    for mail in load(described).hosts:
        assert acme.ssh(mail.name, f"systemctl is-failed -q {UNIT}").returncode != 0
        shown = ask(acme, mail.name, f"openssl x509 -in {CHAIN} -noout -pubkey -issuer")
        assert public(mail.tls_key) in shown
        assert "Pebble" in shown
        serial(acme, mail.name)
    assert Deploy.count(acme, described) == 0
