"""Deploying to real hosts: the first time, again, with mistakes, and dying in the middle."""

import hashlib
import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomlkit
from cryptography import x509

from lab.lab import Lab
from mailwright.inventory.load import load
from mailwright.model.address import domain
from tests.host.letters import MARK, eventually
from tests.inventories import self_signed
from tests.lab.deploys import (
    HOSTS,
    PYINFRA,
    ROOT,
    STEPS,
    Deploy,
    checkout,
    edit,
    halted,
    kill,
    resume,
)
from tests.lab.walk import dead, walk

OWNERS = {HOSTS[0]: "alice@example.com", HOSTS[1]: "bob@example.org"}


def tree(lab: Lab, host: str, folder: str) -> str:
    """One digest of every file below a folder of the host, with owners and modes."""
    shell = f"find {folder} -type f -printf '%p %m %u %g ' -exec sha256sum {{}} ';' | sort"
    return hashlib.sha256(ask(lab, host, shell).encode()).hexdigest()


def ask(lab: Lab, host: str, shell: str) -> str:
    done = lab.ssh(host, shell, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout).strip()


def greeting(lab: Lab, host: str, port: int = 25) -> str:
    """What the port says to an outside client."""
    program = f"import socket; print(socket.create_connection(({host!r}, {port}), 10).recv(99))"
    return str(lab.run([sys.executable, "-c", program], capture_output=True).stdout)


@pytest.fixture
def other(inventory: Path, tmp_path: Path) -> Path:
    """A copy of the inventory that a test may change."""
    return Path(shutil.copytree(inventory, tmp_path / "other"))


def test_a_fresh_host_becomes_a_mail_server(
    first: tuple[Deploy, dict[str, Counter[str]], int],
) -> None:
    first[0].succeeded()


def test_a_second_deploy_changes_nothing(
    first: tuple[Deploy, dict[str, Counter[str]], int],
) -> None:
    first[0].succeeded()
    assert first[2] == 0


@pytest.mark.parametrize(("host", "postfix"), [*zip(HOSTS, ("postfix@-", "postfix"), strict=True)])
def test_each_daemon_starts_once_in_the_first_deploy(
    first: tuple[Deploy, dict[str, Counter[str]], int], host: str, postfix: str
) -> None:
    """With our configuration and no other."""
    counts = {name: first[1][host][f"{name}.service"] for name in (*DAEMONS, postfix)}
    assert counts == dict.fromkeys(counts, 1)


DAEMONS = (
    *("unbound", "dovecot", "redis-server", "rspamd", "nginx", "nftables"),
    *("postfix-mta-sts-resolver", "mailwright-srs", "mailwright-tls-policy"),
)


def test_a_deploy_without_change_is_one_round_trip_for_each_host(
    deployed: Lab, inventory: Path
) -> None:
    words = Deploy.run(deployed, inventory, "--debug").succeeded().output
    for host in HOSTS:
        assert words.count(f"Running command on {host}") == 1, words[-5000:]


# Paramiko leaves Nagle's algorithm on: each remote command would wait for an acknowledgement.
TELL = """
from socket import IPPROTO_TCP, TCP_NODELAY
from pyinfra.context import host
from pyinfra.operations import python
def tell():
    sock = host.connector.client.get_transport().sock
    print(host.name, "TCP_NODELAY", sock.getsockopt(IPPROTO_TCP, TCP_NODELAY))
python.call(function=tell)
"""


def test_no_remote_command_waits_for_an_acknowledgement(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    telling = checkout(tmp_path / "telling")
    with (telling / "deploy.py").open("a") as deploy:
        deploy.write(TELL)
    words = Deploy.run(deployed, inventory, checkout=telling).succeeded().output
    for host in HOSTS:
        assert f"{host} TCP_NODELAY 1" in words


def test_the_deployed_servers_pass_verification(deployed: Lab, inventory: Path) -> None:
    """All of tests/host, as a user runs it; nothing may be skipped here."""
    for host in HOSTS:
        leave_behind(deployed, host)
    done = deployed.run(
        [sys.executable, "-m", "pytest", "tests/host", "-q", "--inventory", str(inventory)],
        cwd=ROOT,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "skipped" not in done.stdout.splitlines()[-1]


def leave_behind(lab: Lab, host: str) -> None:
    """What a verification that was red and then killed has left: letters, warnings, held mail."""
    domain = host.removeprefix("mail.")
    letter = f"Message-ID: <1.{MARK}@{domain}>\\n\\n"
    warning = f"Message-ID: <quota-warning.1@{domain}>\\n\\n"
    big = "head -c 60000 /dev/zero | tr '\\0' x | fold"
    ask(lab, host, f"(printf '{letter}'; {big}) | doveadm save -u tiny@{domain}")
    ask(lab, host, f"printf '{warning}' | doveadm save -u tiny@{domain}")
    send = f"printf '{letter}' | sendmail devices@{domain}; sleep 1; postsuper -h ALL"
    ask(lab, host, f"systemctl stop dovecot; {send}; systemctl start dovecot")
    assert ask(lab, host, "postqueue -j")


@pytest.mark.parametrize("host", HOSTS)
def test_verification_leaves_nothing_behind(deployed: Lab, host: str) -> None:
    letters = r"find /var/vmail -type f -regex '.*/Maildir/\(.*/\)?\(new\|cur\)/.*'"
    assert ask(deployed, host, letters) == ""
    assert "Mail queue is empty" in ask(deployed, host, "postqueue -p")


def test_what_a_used_host_has_written_is_in_the_register(deployed: Lab, inventory: Path) -> None:
    """A path that it does not know is state that no backup takes; what nothing is of has gone."""
    for host in HOSTS:
        leave_behind(deployed, host)
        use(deployed, host)
    walks = [walk(deployed, host) for host in load(inventory).hosts]
    for host in HOSTS:
        clean(deployed, host)
    assert [each.unknown for each in walks] == [[], []]
    assert dead(*walks) == set()


def use(lab: Lab, host: str) -> None:
    """What verification takes away again: a filter, what members have read, what is learned."""
    owner, shared = OWNERS[host], f"shared@{host.removeprefix('mail.')}"
    ask(lab, host, f"echo 'keep;' | doveadm sieve put -u {owner} -a filter")
    ask(lab, host, f"echo | doveadm save -u {shared}")
    ask(lab, host, f"doveadm flags add -u {owner} '\\Seen' mailbox Shared/{shared} all")
    ask(lab, host, "redis-cli -s /run/redis/redis-server.sock save")
    ask(lab, host, "systemctl start mailwright-alarm@mailwright-expiry.service")


def clean(lab: Lab, host: str) -> None:
    domain = host.removeprefix("mail.")
    ask(lab, host, f"postsuper -d ALL; doveadm sieve delete -u {OWNERS[host]} -a filter")
    for user in (f"tiny@{domain}", f"shared@{domain}"):
        ask(lab, host, f"doveadm expunge -u {user} mailbox '*' all")


def test_a_changed_setting_moves_only_its_role(deployed: Lab, other: Path) -> None:
    edit(other / "mail.toml", ('message_size_limit = "50M"', 'message_size_limit = "60M"'))
    done = Deploy.run(deployed, other, "--debug").succeeded()
    assert done.acted() == {"Postfix | Postfix"}
    for host in HOSTS:
        # One to look, and one to roll out.
        assert done.output.count(f"Running command on {host}") == 2
        assert ask(deployed, host, "postconf -h message_size_limit") == str(60 << 20)


def test_a_file_that_another_role_takes_over_stays(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    """Whichever of the two comes first in a deploy."""
    for owner in ("alarm", "purge", "alarm"):
        moved = checkout(tmp_path / owner)
        (moved / "templates/etc/moved.j2").write_text("moved\n")
        edit(moved / f"roles/{owner}.py", ("    owns=(", '    owns=("/etc/moved", '))
        Deploy.run(deployed, inventory, checkout=moved).succeeded()
        for host in HOSTS:
            assert ask(deployed, host, "cat /etc/moved") == "moved"
        shutil.rmtree(moved)
    Deploy.run(deployed, inventory).succeeded()
    for host in HOSTS:
        assert ask(deployed, host, "ls /etc/moved 2>/dev/null || echo gone") == "gone"


def test_mail_that_found_dovecot_away_is_delivered_by_the_deploy(
    deployed: Lab, other: Path
) -> None:
    """In place of minutes later, when Postfix would try again."""
    for host in HOSTS:
        come_too_early(deployed, host)
    mail = other / "mail.toml"
    mail.write_text(f'quota_warnings = ["90%"]\n{mail.read_text()}')
    assert Deploy.run(deployed, other).succeeded().acted() == {"Dovecot | Dovecot"}
    for host in HOSTS:
        assert_delivered(deployed, host)


READERS = dict(zip(HOSTS, ("alice@example.com", "bob@example.org"), strict=True))
EARLY = "mailbox INBOX subject early"


def come_too_early(lab: Lab, host: str) -> None:
    """A message comes to the host while Dovecot is down, and waits."""
    write = f"printf 'Subject: early\\n\\n' | sendmail -f '' {READERS[host]}"
    ask(lab, host, f"systemctl stop dovecot; {write}")
    waits = "postqueue -p | grep 'private/dovecot-lmtp' || :"
    eventually(lambda: ask(lab, host, waits) or None, f"message that waits on {host}")
    ask(lab, host, "systemctl start dovecot")


def assert_delivered(lab: Lab, host: str) -> None:
    """That message is in its mailbox, and is taken from it."""
    query = f"-u {READERS[host]} {EARLY}"
    eventually(lambda: ask(lab, host, f"doveadm search {query}") or None, f"message on {host}")
    ask(lab, host, f"doveadm expunge {query}")


def test_a_new_certificate_is_served_on_every_port(deployed: Lab, other: Path) -> None:
    for host in HOSTS:
        (other / "tls" / f"{host}.pem").unlink()
        self_signed(other / "tls" / f"{host}.pem", host)
    acted = Deploy.run(deployed, other).succeeded().acted()
    assert acted == {"TLS | Certificate", "Dovecot | Dovecot", "Postfix | Postfix"}
    for host in HOSTS:
        chain = (other / "tls" / f"{host}.pem").read_bytes()
        serial = f"serial={x509.load_pem_x509_certificates(chain)[0].serial_number:X}"
        for port, words in PORTS.items():
            assert serial in served(deployed, host, port, words).replace("=0", "=")


PORTS = {
    25: "-starttls smtp",
    587: "-starttls smtp",
    465: "",
    143: "-starttls imap",
    993: "",
    110: "-starttls pop3",
    995: "",
    4190: "-starttls sieve",
}


def served(lab: Lab, host: str, port: int, words: str) -> str:
    """The serial number of the certificate that a port shows."""
    client = f"openssl s_client -connect {host}:{port} {words} </dev/null 2>/dev/null"
    shell = ["sh", "-c", f"{client} | openssl x509 -noout -serial"]
    return str(lab.run(shell, capture_output=True).stdout)


def test_a_dry_run_shows_the_change_and_makes_none(deployed: Lab, other: Path) -> None:
    before = [tree(deployed, host, "/etc") for host in HOSTS]
    old, new = "$2y$08$Umn.qf56Hc3oEJKUd7fmGOX", "$2y$08$Umn.qf56Hc3oEJKUd7fmGOY"
    limits = ('message_size_limit = "50M"', 'message_size_limit = "60M"')
    edit(other / "mail.toml", limits, (old, new))
    words = dry(deployed, other)
    assert "- message_size_limit = 52428800" in words
    assert "+ message_size_limit = 62914560" in words
    assert "/etc/dovecot/users/example.com differs (secret)" in words
    assert "$2y$" not in words
    assert [tree(deployed, host, "/etc") for host in HOSTS] == before


def dry(lab: Lab, inventory: Path, checkout: Path = ROOT) -> str:
    """What `pyinfra INVENTORY deploy.py --dry --diff` prints."""
    command = [PYINFRA, str(inventory), "deploy.py", "--dry", "--diff"]
    env = {**os.environ, "PYTHONPATH": str(checkout)}
    done = lab.run(command, cwd=checkout, env=env, stdout=-1, stderr=-2, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


def test_what_leaves_the_inventory_leaves_the_host(deployed: Lab, other: Path) -> None:
    without(other, "example.net")
    files = "ls /etc/dovecot/users /etc/rspamd/dkim"
    assert "example.net" in ask(deployed, HOSTS[0], files)
    Deploy.run(deployed, other).succeeded()
    assert "example.net" not in ask(deployed, HOSTS[0], files)
    assert "example.net" not in ask(deployed, HOSTS[0], "cat /etc/postfix/maps/virtual_*_maps")
    # Its mail stays, and whoever gets one of its addresses later must not find it.
    ask(deployed, HOSTS[0], "rm -r /var/vmail/example.net")


@pytest.mark.parametrize("host", HOSTS)
def test_drift_is_put_right(deployed: Lab, inventory: Path, host: str) -> None:
    """A file edited by hand, one with a wrong mode, two that are gone, and a dead daemon."""
    before = tree(deployed, host, "/etc/postfix/main.cf /etc/mailwright/tls /etc/hosts")
    ask(deployed, host, "postconf -e smtpd_banner=hello; chmod 644 /etc/mailwright/tls/mail.pem")
    ask(deployed, host, "rm /etc/hosts /etc/dovecot/sieve/spam.svbin; systemctl stop rspamd")
    acted = Deploy.run(deployed, inventory).succeeded().acted()
    assert acted >= {
        "Postfix | Postfix",
        "TLS | Certificate",
        "Base | Host name and clock",
        "Rspamd | Rspamd",
        "Dovecot | Dovecot",
    }
    assert tree(deployed, host, "/etc/postfix/main.cf /etc/mailwright/tls /etc/hosts") == before
    assert Deploy.count(deployed, inventory) == 0


BROKEN = {
    "unknown parameter": (
        "templates/etc/postfix/main.cf.j2",
        "biff = no\n",
        "biff = no\nsmtpd_hello_required = yes\n",
        "unused parameter: smtpd_hello_required=yes",
    ),
    "fields missing in master.cf": (
        "templates/etc/postfix/master.cf.j2",
        "{{ ports.smtp }}        inet  n       -       y       -       -       smtpd",
        "{{ ports.smtp }}        inet  n       -",
        "bad field count",
    ),
    "map that nobody builds": (
        "templates/etc/postfix/main.cf.j2",
        "lmdb:/etc/postfix/maps/virtual_alias_maps",
        "lmdb:/etc/postfix/maps/virtual_alias_map",
        "no map lmdb:/etc/postfix/maps/virtual_alias_map",
    ),
    "restriction that does not exist": (
        "templates/etc/postfix/main.cf.j2",
        "    reject_unlisted_recipient,",
        "    reject_unlisted_recipients,",
        "reject_unlisted_recipients",
    ),
    "unknown setting of Dovecot 2.3": (
        "templates/etc/dovecot/dovecot.conf@2.3.j2",
        "mail_uid = vmail",
        "mail_user = vmail",
        "mail_user",
    ),
    "unknown setting of Dovecot 2.4": (
        "templates/etc/dovecot/dovecot.conf@2.4.j2",
        "mail_uid = vmail",
        "mail_user = vmail",
        "mail_user",
    ),
    "Sieve that does not compile": (
        "templates/etc/dovecot/sieve/spam.sieve.j2",
        "fileinto :create",
        "file-into :create",
        "spam",
    ),
    "syntax of Rspamd": (
        "templates/etc/rspamd/local.d/actions.conf.j2",
        "add_header = 6;",
        "add_header = { 6;",
        "actions.conf",
    ),
    "syntax of nftables": (
        "templates/etc/nftables.conf.j2",
        "policy drop;",
        "policy dorp;",
        "dorp",
    ),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_what_a_daemon_refuses_never_goes_live(
    deployed: Lab, inventory: Path, tmp_path: Path, mistake: str
) -> None:
    template, old, new, words = BROKEN[mistake]
    broken = checkout(tmp_path / "checkout")
    edit(broken / template, (old, new))
    hosts = HOSTS[:1] if "@2.3" in template else HOSTS[1:] if "@2.4" in template else HOSTS
    before = [tree(deployed, host, "/etc/postfix /etc/dovecot /etc/rspamd") for host in hosts]
    said = Deploy.run(deployed, inventory, checkout=broken).refused()
    assert words in said
    assert template in said
    after = [tree(deployed, host, "/etc/postfix /etc/dovecot /etc/rspamd") for host in hosts]
    assert after == before
    assert all(f"220 {host}" in greeting(deployed, host) for host in hosts)


def test_a_mistake_in_a_template_stops_before_any_host_is_touched(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    broken = checkout(tmp_path / "checkout")
    edit(broken / "templates/etc/postfix/main.cf.j2", ("{{ host.name }}", "{{ host.nmae }}"))
    said = Deploy.run(deployed, inventory, checkout=broken).refused()
    assert "templates/etc/postfix/main.cf.j2:7: 'host' has no attribute 'nmae'" in said
    assert "Connecting to hosts" not in said


def test_a_configuration_that_does_not_serve_is_taken_back(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    """Postfix's own checks let this pass; only a client finds out."""
    broken = checkout(tmp_path / "checkout")
    template = "templates/etc/postfix/main.cf.j2"
    edit(broken / template, ("smtpd_sasl_path = private/auth", "smtpd_sasl_path = private/oauth"))
    before = [tree(deployed, host, "/etc/postfix") for host in HOSTS]
    said = Deploy.run(deployed, inventory, checkout=broken).refused()
    assert "the old one is back" in said
    assert template in said
    assert [tree(deployed, host, "/etc/postfix") for host in HOSTS] == before
    assert all(f"220 {host}" in greeting(deployed, host) for host in HOSTS)


def test_a_full_disk_leaves_the_old_server_serving(deployed: Lab, other: Path) -> None:
    edit(other / "mail.toml", ('message_size_limit = "50M"', 'message_size_limit = "60M"'))
    before = [tree(deployed, host, "/etc/postfix") for host in HOSTS]
    for host in HOSTS:
        ask(deployed, host, "mount -t tmpfs -o size=4k tmpfs /etc/mailwright/rollout")
    said = Deploy.run(deployed, other).refused()
    for host in HOSTS:
        ask(deployed, host, "umount /etc/mailwright/rollout")
    assert "No space left on device" in said
    assert [tree(deployed, host, "/etc/postfix") for host in HOSTS] == before
    assert all(f"220 {host}" in greeting(deployed, host) for host in HOSTS)


def test_the_wrong_release_is_refused_before_anything_is_touched(
    deployed: Lab, other: Path
) -> None:
    edit(other / "hosts.py", ('"debian": 12', '"debian": 13'))
    before = tree(deployed, HOSTS[0], "/etc")
    said = Deploy.run(deployed, other).refused()
    assert "runs Debian 12, but hosts.py says debian = 13" in said
    assert tree(deployed, HOSTS[0], "/etc") == before


@pytest.fixture
def running(deployed: Lab, other: Path, step: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A deploy that changes both a setting and a map of Postfix, and halts at a step of that."""
    edit(other / "mail.toml", ('"50M"', '"60M"'), ('postmaster = "alice', 'postmaster = "carol'))
    edit(other / "mail.toml", ('"carol@example.com"', '"carol@example.net"'))
    with halted(deployed, other, "postfix", step) as run:
        yield run


@pytest.mark.parametrize("step", STEPS)
def test_a_deploy_that_is_killed_is_finished_by_the_next(
    deployed: Lab, other: Path, running: "subprocess.Popen[bytes]"
) -> None:
    """pyinfra is killed with all its connections; each host has the old set or the new one."""
    kill(running)
    for host in HOSTS:
        resume(deployed, host)
        assert_whole(deployed, host)
    Deploy.run(deployed, other).succeeded()
    assert Deploy.count(deployed, other) == 0
    assert ask(deployed, HOSTS[0], "postconf -h message_size_limit") == str(60 << 20)


@pytest.mark.parametrize("step", STEPS[2:])  # the first two touch nothing that is served
def test_a_host_that_loses_power_in_a_deploy_is_finished_by_the_next(
    deployed: Lab, other: Path, running: "subprocess.Popen[bytes]"
) -> None:
    for host in HOSTS:
        deployed.stop(host)
    kill(running)
    for host in HOSTS:
        deployed.start(host)
        assert_whole(deployed, host)
    Deploy.run(deployed, other).succeeded()
    assert Deploy.count(deployed, other) == 0


def test_a_set_that_nobody_saw_serve_is_taken_back_after_a_power_cut(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    """The power goes between swap and probe, twice; what comes back is what last served."""
    broken = checkout(tmp_path / "checkout")
    template = "templates/etc/postfix/main.cf.j2"
    edit(broken / template, ("smtpd_sasl_path = private/auth", "smtpd_sasl_path = private/oauth"))
    dying = checkout(tmp_path / "dying")
    shutil.copy(broken / template, dying / template)
    before = [tree(deployed, host, "/etc/postfix") for host in HOSTS]
    greeted = "smtpd_banner = $myhostname ESMTP"
    for words in ("first-try", "second-try"):
        edit(dying / template, (f"{greeted}\n", f"{greeted} {words}\n"))
        with halted(deployed, inventory, "postfix", "activate", dying):
            for host in HOSTS:
                ask(deployed, host, f"grep -q {words} /etc/postfix/main.cf")
                deployed.stop(host)
        for host in HOSTS:
            deployed.start(host)
        edit(dying / template, (f"{greeted} {words}\n", f"{greeted}\n"))
    assert "the old one is back" in Deploy.run(deployed, inventory, checkout=broken).refused()
    assert [tree(deployed, host, "/etc/postfix") for host in HOSTS] == before
    assert all(f"220 {host}" in greeting(deployed, host) for host in HOSTS)


def assert_whole(lab: Lab, host: str) -> None:
    """main.cf and the maps are of one set, and Postfix serves it."""
    maps = "lmdb:/etc/postfix/maps/virtual_alias_maps"
    both = f"postconf -h message_size_limit; postmap -q postmaster@{host} {maps}"
    # The host ends its rollout although the operator is gone, so it may swap while we look.
    twice = [ask(lab, host, both) for _ in range(2)]
    while twice[-1] != twice[-2]:
        twice.append(ask(lab, host, both))
    assert twice[-1] in ("52428800\nalice@example.com", "62914560\ncarol@example.net")
    for _ in range(60):
        if f"220 {host}" in greeting(lab, host):
            return
        time.sleep(0.5)
    pytest.fail(f"{host} does not serve")


def test_a_user_with_sudo_deploys_as_root_does(deployed: Lab, other: Path) -> None:
    edit(other / "hosts.py", ('"ssh_user": "root"', '"ssh_user": "admin", "_sudo": True'))
    assert Deploy.count(deployed, other) == 0
    edit(other / "mail.toml", ('message_size_limit = "50M"', 'message_size_limit = "60M"'))
    assert Deploy.run(deployed, other).succeeded().acted() == {"Postfix | Postfix"}
    for host in HOSTS:
        assert ask(deployed, host, "find /tmp -type f") == ""


def test_a_role_that_has_left_takes_its_timer_its_port_and_its_files_along(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    less = checkout(tmp_path / "checkout")
    edit(less / "deploy.py", *((f"\n{role}()", "") for role in ("purge", "waiting", "srs", "base")))
    told = dry(deployed, inventory, less)
    for service in ("purge", "waiting", "srs", "base"):
        assert told.count(f"{service} has left deploy.py") == len(HOSTS)
    acted = Deploy.run(deployed, inventory, checkout=less).succeeded().acted()
    assert acted == {"What has left"}
    for host in HOSTS:
        units = "systemctl list-units --all --plain --no-legend 'mailwright-*' | cut -d ' ' -f 1"
        left = {unit.partition(".")[0] for unit in ask(deployed, host, units).split()}
        assert not left & {f"mailwright-{each}" for each in ("purge", "waiting", "srs")}, left
        assert "mailwright-expiry" in left
        assert ask(deployed, host, "ss -Hltn sport = :10001") == ""
        assert ask(deployed, host, "find /etc -path '*mailwright*purge*'") == ""
        assert ask(deployed, host, "cat /etc/hostname")  # it was there before
    assert Deploy.run(deployed, inventory, checkout=less).succeeded().acted() == set()


def test_a_host_deploys_itself(deployed: Lab, other: Path, tmp_path: Path) -> None:
    """`@local`: nothing is reached by SSH, and Python is the host's own."""
    host, other_host = HOSTS if sys.version_info < (3, 13) else reversed(HOSTS)  # as ours here
    data = dict(runpy.run_path(str(other / "hosts.py"))["mail"])[host]
    data = {name: data[name] for name in ("debian", "ipv4", "ipv6")} | {"myhostname": host}
    (other / "hosts.py").write_text(f"mail = [('@local', {data!r})]\n")
    table = tomlkit.parse((other / "mail.toml").read_text())
    without(other, *(name for name, e in table["domains"].items() if e.get("host") == other_host))
    ask(deployed, host, "apt-get -q -y install --no-install-recommends python3 >/dev/null 2>&1")
    packages = Path(sysconfig.get_path("purelib"))
    copy(deployed, host, packages, "/opt/site-packages")
    tools = checkout(tmp_path / "checkout")
    shutil.copytree(ROOT / "tests/host", tools / "tests/host")
    copy(deployed, host, tools, "/opt/mailwright")
    copy(deployed, host, other, "/opt/our-mail")
    run = "cd /opt/mailwright && PYTHONPATH=/opt/mailwright:/opt/site-packages python3 -m"
    said = ask(deployed, host, f"{run} pyinfra /opt/our-mail deploy.py -y 2>&1")
    assert "[@local] Success" in said
    again = ask(deployed, host, f"{run} pyinfra /opt/our-mail deploy.py -y 2>&1")
    assert "[@local] Success" not in again
    seen = " ".join(f"tests/host/test_{name}.py" for name in ("firewall", "redis", "rollout"))
    ask(deployed, host, f"{run} pytest {seen} --inventory /opt/our-mail 2>&1")
    ask(deployed, host, "rm -rf /opt/site-packages /opt/mailwright /opt/our-mail")


def without(inventory: Path, *domains: str) -> None:
    """Take domains, their alias domains and all that names them out of an inventory."""
    table = tomlkit.parse((inventory / "mail.toml").read_text())
    twins = {name for name, entry in table["domains"].items() if entry.get("alias_of") in domains}
    gone = tuple(f"@{name}" for name in {*domains, *twins})
    for name in {*domains, *twins}:
        del table["domains"][name]
        ascii_name = domain(name)
        shutil.rmtree(inventory / "keys" / ascii_name, ignore_errors=True)
        (inventory / "tls" / "web" / f"{ascii_name}.pem").unlink(missing_ok=True)
    for script in (inventory / "sieve").rglob("*.sieve"):
        if script.stem.rpartition("@")[2] in {*domains, *twins}:
            script.unlink()
    for section in ("mailboxes", "aliases"):
        for address in [each for each in table[section] if each.endswith(gone)]:
            del table[section][address]
    for alias, targets in list(table["aliases"].items()):
        some = [targets] if isinstance(targets, str) else targets
        table["aliases"][alias] = [each for each in some if not each.endswith(gone)]
        if not table["aliases"][alias]:
            del table["aliases"][alias]
    (inventory / "mail.toml").write_text(tomlkit.dumps(table))


def copy(lab: Lab, host: str, folder: Path, target: str) -> None:
    """Copy a folder to the host, where only root reads it."""
    tar = subprocess.Popen(["tar", "-C", folder, "-cf", "-", "."], stdout=subprocess.PIPE)
    shell = f"umask 077; mkdir -p {target} && tar -C {target} -xf -"
    assert lab.ssh(host, shell, stdin=tar.stdout).returncode == 0
    assert tar.wait() == 0
