"""A deploy of 0 changes promises that all is well: what is broken is said, and healed."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.lab import Lab
from tests.lab.deploys import HOSTS, Deploy, checkout, edit
from tests.lab.test_deploy import ask, greeting

POSTFIX = dict(zip(HOSTS, ("postfix@-", "postfix"), strict=True))
MAPS = "/etc/postfix/maps"


def load_another(unit: str) -> str:
    """Have this unit load another certificate than the one that is there."""
    make = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -keyout /tmp/k -out /tmp/c"
    look = "openssl s_client -connect localhost:465 </dev/null >/dev/null 2>&1"
    load = f"cat /tmp/k /tmp/c >mail.pem; systemctl reload {unit}; sleep 2; timeout 5 {look}"
    back = "cp -p /tmp/p mail.pem; rm /tmp/[pkc]"
    return f"cd /etc/mailwright/tls; cp -p mail.pem /tmp/p; {make} 2>/dev/null; {load}; {back}"


# What somebody does on both hosts, and what the next deploy says of it.
BROKEN = {
    "another certificate was loaded and is gone again": (
        load_another("dovecot"),
        "dovecot: port 993 shows another certificate than mail.pem",
        "dovecot: port 143 shows another certificate than mail.pem",
    ),
    "the firewall has a rule more": (
        "nft insert rule inet mailwright input tcp dport 9 drop",
        "firewall: the table mailwright is not as /etc/nftables.conf has it",
    ),
    "maps are not what they were built as": (
        f"cd {MAPS}; rm virtual_alias_maps.lmdb; echo rubbish >virtual_mailbox_maps.lmdb;"
        " cp virtual_mailbox_domains.lmdb sender_login_maps.lmdb;"
        " rm virtual_mailbox_domains.lmdb; mkdir virtual_mailbox_domains.lmdb",
        f"postfix: {MAPS}/virtual_alias_maps.lmdb is missing",
        f"postfix: {MAPS}/virtual_mailbox_maps.lmdb is not as it was built",
        f"postfix: {MAPS}/sender_login_maps.lmdb is not as it was built",
        f"postfix: {MAPS}/virtual_mailbox_domains.lmdb is a folder",
    ),
    "sockets are gone": (
        "rm /run/mailwright/rspamd/controller.sock /run/redis/redis-server.sock",
        "rspamd: /run/mailwright/rspamd/controller.sock: No such file",
        "redis: /run/redis/redis-server.sock: No such file",
    ),
    "a daemon hangs, and does not start with the host": (
        "systemctl disable -q mailwright-srs;"
        " kill -STOP $(systemctl show -p MainPID --value mailwright-srs)",
        "srs: mailwright-srs is disabled",
        "srs: port 10001 says 'timed out'",
    ),
    "a timer has ended": (
        "systemctl stop mailwright-purge.timer",
        "purge: mailwright-purge.timer is inactive",
    ),
    "other things are where files belong": (
        "cd /etc/rspamd/local.d; rm actions.conf greylist.conf; mkdir -p actions.conf/x;"
        " ln -s /etc/passwd greylist.conf; ln -sf /nowhere /etc/mailname",
    ),
    "a signed profile is cut off": (
        "cd /etc/nginx/sites; for f in */imap.mobileconfig; do truncate -s 1000 $f; done",
        "imap.mobileconfig is not imap.plist, signed",
    ),
    "a setting was loaded and is gone again": (
        "cd /etc/postfix; cp -p main.cf /tmp/p; postconf -e inet_interfaces=loopback-only;"
        " systemctl restart POSTFIX; cp -p /tmp/p main.cf; rm /tmp/p",
        "postfix: /etc/postfix/main.cf was touched since it was loaded",
        "postfix: port 465 is closed to other hosts over IPv4",
    ),
}
# What would hide some of these.
HIDING = {
    "the account of the mailboxes is gone, and a folder is closed": (
        "sed -i /^vmail:/d /etc/passwd; chmod 700 /etc/dovecot/users",
        "dovecot: the account vmail is missing",
        "dovecot: /etc/dovecot/users is no folder of root's with mode 755",
    ),
    "sockets of Dovecot are gone": (
        "cd /var/spool/postfix/private; rm dovecot-lmtp quota-status",
        "dovecot: /var/spool/postfix/private/dovecot-lmtp: No such file",
        "dovecot: /var/spool/postfix/private/quota-status: No such file",
    ),
    "the firewall is gone": (
        "nft delete table inet mailwright",
        "firewall: the table mailwright is not loaded",
    ),
    "a daemon is masked": (
        "systemctl mask -q --now nginx",
        "nginx: nginx is inactive",
        "nginx: nginx is masked",
    ),
    "Postfix has loaded another certificate, which is gone again": (
        load_another("POSTFIX"),
        "postfix: port 465 shows another certificate than mail.pem",
    ),
}


def test_what_is_broken_is_said_and_healed(deployed: Lab, inventory: Path) -> None:
    missing = []
    for table in (BROKEN, HIDING):
        for host in HOSTS:
            shell = "; ".join(f"({each[0]})" for each in table.values())
            ask(deployed, host, shell.replace("POSTFIX", POSTFIX[host]))
        said = Deploy.run(deployed, inventory).succeeded().output
        for name, (_, *words) in table.items():
            for host in HOSTS:
                told = [line for line in said.splitlines() if f"[{host}]" in line]
                missing += [(host, name, w) for w in words if not any(w in line for line in told)]
        again = Deploy.run(deployed, inventory).succeeded()
        assert again.acted() == set(), again.output
    assert missing == [], missing


DAEMONS = (
    *("dovecot", "rspamd", "redis-server", "nginx", "mailwright-srs", "unbound"),
    *("postfix-mta-sts-resolver", "mailwright-tls-policy"),
)


def test_a_daemon_that_dies_comes_back_or_the_postmaster_is_told(
    deployed: Lab, inventory: Path
) -> None:
    """Each is killed, and finds its configuration; but Redis has a broken one, and gives up."""
    for host in HOSTS:
        masters = " ".join(f"$(systemctl show -p MainPID --value {unit})" for unit in DAEMONS)
        ask(deployed, host, "sed -i 's/^port 0/prot 0/' /etc/redis/redis.conf")
        ask(deployed, host, f"kill -9 {masters} $(cat /var/spool/postfix/pid/master.pid)")
    for host in HOSTS:
        alive = " ".join(name for name in (*DAEMONS, POSTFIX[host]) if name != "redis-server")
        states = f"systemctl is-active {alive}"
        wait = f"for n in $(seq 30); do ! {states} | grep -v ^active || sleep 1; done"
        ask(deployed, host, f"sleep 3; {wait}; {states}")
        assert f"220 {host}" in greeting(deployed, host)
    for host in HOSTS:
        query = f"-u alice@example.com mailbox INBOX subject '{host}: redis-server.service failed'"
        come = f"for n in $(seq 90); do doveadm search {query} | grep . && break; sleep 1; done"
        assert ask(deployed, HOSTS[0], come) != "", f"nobody is told of {host}"
        ask(deployed, HOSTS[0], f"doveadm expunge {query}")
    acted = Deploy.run(deployed, inventory).succeeded().acted()
    assert acted == {"Redis | Redis"}
    assert Deploy.count(deployed, inventory) == 0


def test_what_stops_a_deploy_is_named(deployed: Lab, inventory: Path, tmp_path: Path) -> None:
    """A port that another program has, and a lock that another holds; then it is gone."""
    thief = (
        "perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET,"
        " SO_REUSEADDR, 1); bind(S, sockaddr_in(143, INADDR_ANY)) or die; listen(S, 9); sleep 900'"
    )
    for host in HOSTS:
        steal = f"systemctl stop dovecot; systemd-run -q --unit thief {thief}; sleep 1"
        ask(deployed, host, f"{steal}; systemctl is-active thief")
    said = Deploy.run(deployed, inventory).refused()
    for host in HOSTS:
        process = ask(deployed, host, "systemctl show -p MainPID --value thief")
        assert f"port 143 is held by perl (process {process})" in said
        ask(deployed, host, "systemctl stop thief")
    assert "dovecot does not serve" in said
    assert "the old one is back" not in said
    lock = "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w')"
    lock = f"{lock}; fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(900)"
    hurried = checkout(tmp_path / "hurried")
    edit(hurried / "rollout/packages.sh", ("PATIENCE=120", "PATIENCE=4"))
    for host in HOSTS:
        hold = f'systemd-run -q --unit holder python3 -c "{lock}"; sleep 1'
        ask(deployed, host, f"apt-get -qq purge unbound-host >/dev/null 2>&1; {hold}")
    said = Deploy.run(deployed, inventory, checkout=hurried).refused()
    for host in HOSTS:
        process = ask(deployed, host, "systemctl show -p MainPID --value holder")
        assert f"python3 (process {process}) is at work on the packages of this host" in said
        ask(deployed, host, "systemd-run -q sh -c 'sleep 5; systemctl stop holder'")
    assert "a package on this host is broken" not in said
    Deploy.run(deployed, inventory).succeeded()


def test_a_host_that_vanishes_is_named_and_the_others_go_on(
    deployed: Lab, inventory: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(inventory, tmp_path / "other"))
    edit(other / "mail.toml", ('message_size_limit = "50M"', 'message_size_limit = "60M"'))
    slow = checkout(tmp_path / "slow")
    edit(slow / "roles/postfix.py", ('probe="""', 'probe="""\n            sleep 8'))
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(Deploy.run, deployed, other, checkout=slow)
        swapped = "until grep -q 62914560 /etc/postfix/main.cf; do sleep 0.1; done"
        ask(deployed, HOSTS[0], f"timeout 60 sh -c '{swapped}'")
        deployed.stop(HOSTS[0])
        said = run.result().refused()
        deployed.start(HOSTS[0])
    assert f"the connection to {HOSTS[0]} is lost: deploy again" in said
    assert "Traceback" not in said
    assert "bug report" not in said
    assert ask(deployed, HOSTS[1], "postconf -h message_size_limit") == str(60 << 20)
