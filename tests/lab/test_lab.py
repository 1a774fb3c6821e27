"""The lab itself: what a host of it is, who can reach whom, and that nothing stays behind."""

import base64
import contextlib
import email
import email.message
import email.policy
import imaplib
import json
import os
import re
import shutil
import signal
import smtplib
import ssl
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from lab.addresses import IPV6_REVERSE
from lab.error import LabError
from lab.lab import Lab
from lab.network import entered
from lab.zones import Edit
from tests.lab.deploys import NAME

EXAMPLE = Path(__file__).parents[2] / "inventory"
COM, ORG, MX = "mail.example.com", "mail.example.org", "mx.elsewhere.example"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and mounts need root")


def on(lab: Lab, host: str, command: str) -> str:
    """What a shell command prints on a host, where it succeeds."""
    done = lab.ssh(host, command, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def client(lab: Lab, *argv: str, **options: object) -> str:
    """What a program of the machine prints as an outside client."""
    return lab.run(argv, capture_output=True, **options).stdout


def traces(lab: Lab) -> list[str]:
    """Whatever exists in the machine because of a lab."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    groups = [
        *Path("/sys/fs/cgroup").glob(f"lab/{lab.name}"),
        *Path("/sys/fs/cgroup").glob(f"*/lab/{lab.name}"),
    ]
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            processes.append((folder / "cmdline").read_text().replace("\0", " "))
    return [
        *lab.network.namespaces(),
        *map(str, groups),
        *(line for line in mounts if f"/labs/{lab.name}/" in line),
        *(line for line in processes if f"/labs/{lab.name}/" in line),
        *map(str, lab.home.labs.glob(lab.name)),
    ]


# -- hosts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "release"), [(COM, "12"), (ORG, "13")])
def test_a_host_is_a_fresh_debian_server(lab: Lab, host: str, release: str) -> None:
    lab.reset(host)
    assert on(lab, host, "systemctl is-system-running; systemctl --failed --quiet") == "running\n"
    assert on(lab, host, ". /etc/os-release; echo $VERSION_ID").strip() == release
    assert on(lab, host, "hostname --fqdn").strip() == host
    assert on(lab, host, "stat -f -c %T /sys/fs/cgroup").strip() == "cgroup2fs"
    absent = ["postfix", "dovecot", "rspamd", "unbound", "nft", "python3"]
    assert on(lab, host, f"command -v {' '.join(absent)} || true") == ""


def test_the_operator_is_admitted_as_root_and_as_an_administrator(lab: Lab) -> None:
    argv = lab.ssh_command(ORG, ["sudo", "-n", "id", "-u"], user="admin")
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "0\n"
    assert lab.ssh(ORG, "exit 3").returncode == 3


def test_hosts_reach_one_another_by_name_and_by_both_protocols(lab: Lab) -> None:
    for here, there in ((COM, ORG), (ORG, COM), (ORG, MX)):
        for protocol in ("-4", "-6"):
            on(lab, here, f"ping {protocol} -c 1 -W 2 {there}")


def test_a_package_installs(lab: Lab) -> None:
    for host in (COM, ORG):
        on(lab, host, "apt-get -qq update && apt-get -qq install nftables >/dev/null 2>&1")
        on(lab, host, "nft add table inet a && nft list ruleset | grep -q 'table inet a'")


def test_folders_can_be_exchanged_even_those_of_the_image(lab: Lab) -> None:
    exchange = "exit(syscall(316, -100, $ARGV[0], -100, $ARGV[1], 2) ? 1 : 0)"
    on(
        lab,
        COM,
        "mkdir /etc/one /etc/two; echo 1 >/etc/one/f; echo 2 >/etc/two/f;"
        f"perl -e '{exchange}' /etc/one /etc/two && test $(cat /etc/one/f) = 2 &&"
        f"perl -e '{exchange}' /etc/one /etc/pam.d && test -f /etc/one/sshd &&"
        f"perl -e '{exchange}' /etc/one /etc/pam.d && test -f /etc/pam.d/sshd",
    )


def test_a_snapshot_is_returned_to_in_seconds(lab: Lab) -> None:
    start = time.monotonic()
    on(lab, ORG, "echo kept >/root/file")
    lab.snapshot(ORG, "kept")
    on(lab, ORG, "echo lost >/root/file; rm -r /etc/apt; apt-get --version >/dev/null")
    lab.reset(ORG, "kept")
    assert on(lab, ORG, "cat /root/file; ls -d /etc/apt") == "kept\n/etc/apt\n"
    lab.reset(ORG)
    assert on(lab, ORG, "ls /root; systemctl is-system-running") == "running\n"
    lab.reset(ORG, "kept")
    assert on(lab, ORG, "cat /root/file") == "kept\n"
    lab.reset(ORG)
    assert time.monotonic() - start < 30
    with pytest.raises(LabError, match="no snapshot is called 'never'"):
        lab.reset(ORG, "never")


@pytest.mark.parametrize("debian", (12, 13))
def test_a_host_starts_from_what_another_one_kept(
    inventory: Path, tmp_path: Path, debian: int
) -> None:
    """As itself: only its name, addresses and keys are its own."""
    folder = Path(shutil.copytree(inventory, tmp_path / "inventory"))
    hosts = (folder / "hosts.py").read_text()
    (folder / "hosts.py").write_text(re.sub('"debian": ..', f'"debian": {debian}', hosts))
    other = Lab(f"{NAME}-d")
    other.down()
    other.up(folder, has_foreign=False)
    try:
        on(other, ORG, "echo kept >/root/file; mv /etc/skel /etc/moved; sed -i p /etc/hostname")
        other.snapshot(ORG, "kept")
        other.copy(ORG, "kept", COM)
        assert on(other, COM, "cat /root/file; hostname --fqdn") == f"kept\n{COM}\n"
        assert on(other, COM, "ls -d /etc/skel /etc/moved 2>/dev/null || :") == "/etc/moved\n"
        on(other, COM, f"echo own >/root/file; ping -c 1 -W 2 {ORG}")
        assert on(other, ORG, "cat /root/file") == "kept\n"
        other.copy(ORG, "kept", COM)
        assert on(other, COM, "cat /root/file") == "kept\n"
        other.reset(COM)
        assert on(other, COM, "ls /root") == ""
    finally:
        other.down()
    assert traces(other) == []


def test_a_host_survives_a_power_failure(lab: Lab) -> None:
    on(lab, ORG, "echo here >/root/file")
    lab.stop(ORG)
    assert [h["state"] for h in lab.status()["hosts"]] == ["running", "stopped"]
    lab.start(ORG)
    assert on(lab, ORG, "cat /root/file") == "here\n"


# -- network and names -----------------------------------------------------------------------------


def test_a_program_of_the_machine_runs_as_an_outside_client(lab: Lab) -> None:
    before = Path("/etc/resolv.conf").read_text()
    done = lab.run(["sh", "-c", "cat; exit 7"], input="hello", capture_output=True)
    assert (done.stdout, done.returncode) == ("hello", 7)
    assert "198.51.100.54" in client(lab, "cat", "/etc/resolv.conf")
    assert Path("/etc/resolv.conf").read_text() == before
    assert "198.51.100.200/24" in client(lab, "ip", "-brief", "address")
    variable = client(lab, "printenv", "SSL_CERT_FILE").strip()
    assert Path(variable).read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_nothing_leaves_the_lab(lab: Lab) -> None:
    for address in ("9.9.9.9", "192.0.2.1", "2620:fe::fe"):
        assert lab.run(["ping", "-c1", "-W1", address], capture_output=True).returncode
    on(lab, COM, "! ping -c1 -W1 9.9.9.9")


def test_names_are_signed_and_those_that_are_not_right_do_not_resolve(lab: Lab) -> None:
    reverse = f"0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.{IPV6_REVERSE}"
    for question in ((COM, "AAAA"), ("example.org", "MX"), (reverse, "PTR"), ("nowhere", "A")):
        assert " ad;" in client(lab, "dig", "+dnssec", *question), question
    lab.publish(Edit(bogus=["example.com."]))
    assert "SERVFAIL" in client(lab, "dig", COM)
    assert client(lab, "dig", "+short", "+cd", COM).startswith("198.51.100.10\n")
    lab.publish()
    assert client(lab, "dig", "+short", COM) == "198.51.100.10\n"


def test_the_zones_are_what_mailwright_prints_and_a_test_may_differ(lab: Lab) -> None:
    assert "v=spf1" in client(lab, "dig", "+short", "example.com", "TXT")
    extra = 'example.com. IN TXT "v=spf1 -all"\nnew.example. IN A 192.0.2.1'
    lab.publish(Edit(without=[("example.com.", "TXT"), ("example.com.", "MX")], extra=extra))
    assert client(lab, "dig", "+short", "example.com", "TXT") == '"v=spf1 -all"\n'
    assert client(lab, "dig", "+short", "example.com", "MX") == ""
    assert client(lab, "dig", "+short", "new.example") == "192.0.2.1\n"
    lab.publish()
    assert client(lab, "dig", "+short", "example.com", "MX") == "10 mail.example.com.\n"


def test_a_resolver_with_the_internets_root_hints_finds_the_labs_root(lab: Lab) -> None:
    answer = client(lab, "dig", "+norecurse", "@198.41.0.4", ".", "NS")
    assert "ns.lab.example." in answer
    assert "flags: qr aa" in answer


# -- the foreign server ----------------------------------------------------------------------------


def test_the_judge_tells_a_good_message_from_a_forged_one(lab: Lab) -> None:
    keys = Keys(rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate())
    lab.publish(Edit(without=[("_dmarc.example.com.", "TXT")], extra=_policy(keys)))
    good, forged = _signed(_message("good"), keys), _message("forged").as_bytes()
    with _address_of(lab, COM):
        _deliver(good)
    with _address_of(lab, "operator"):
        _deliver(forged)
    lab.publish()
    judged = {m["Subject"]: m.get_all("Authentication-Results", []) for m in _judged(lab, 2)}
    verdict = " ".join(judged["good"])
    assert "spf=pass" in verdict
    assert "dmarc=pass" in verdict
    assert verdict.count("dkim=pass") == 2, verdict
    verdict = " ".join(judged["forged"])
    assert "spf=fail" in verdict
    assert "dmarc=fail" in verdict
    assert "dkim=none" in verdict


def test_the_foreign_server_sends_signed_mail(lab: Lab) -> None:
    account = lab.status()["foreign"]["account"]
    message = _message("submitted")
    message.replace_header("From", account["address"])
    with _address_of(lab, "operator"):
        to = smtplib.SMTP_SSL("2001:db8::90", 465, context=_tls(lab))
    with to:
        to.login(account["address"], account["password"])
        to.send_message(message)
    (received,) = [m for m in _judged(lab, 1) if m["Subject"] == "submitted"]
    assert "d=elsewhere.example" in received["DKIM-Signature"]


def _message(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "alice@example.com"
    message["To"] = "judge@elsewhere.example"
    message["Subject"] = subject
    message["Message-ID"] = f"<{subject}.{time.time_ns()}@example.com>"
    message.set_content("Hello.\n")
    return message


class Keys(NamedTuple):
    """What a domain signs with, by their selectors."""

    r: rsa.RSAPrivateKey
    e: ed25519.Ed25519PrivateKey


def _policy(keys: Keys) -> str:
    """The records of a domain that signs with both keys, and rejects what fails."""
    spki = keys.r.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    raw = keys.e.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    text = base64.b64encode(spki).decode()
    return (
        '_dmarc.example.com. IN TXT "v=DMARC1; p=reject"\n'
        f'r._domainkey.example.com. IN TXT "v=DKIM1; p=" "{text[:250]}" "{text[250:]}"\n'
        f'e._domainkey.example.com. IN TXT "v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"'
    )


def _signed(message: EmailMessage, keys: Keys) -> bytes:
    text = message.as_bytes(policy=email.policy.SMTP)
    pem = keys.r.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    seed = base64.b64encode(keys.e.private_bytes_raw())
    rsa_signature = dkim.sign(text, b"r", b"example.com", pem)
    ed_signature = dkim.sign(
        text, b"e", b"example.com", seed, signature_algorithm=b"ed25519-sha256"
    )
    return bytes(ed_signature + rsa_signature + text)


def _address_of(lab: Lab, role: str) -> contextlib.AbstractContextManager[None]:
    return entered(lab.network.namespace(role))


def _deliver(message: bytes) -> None:
    with smtplib.SMTP("198.51.100.90", local_hostname=COM) as to:
        to.sendmail("alice@example.com", ["judge@elsewhere.example"], message)


def _tls(lab: Lab) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=lab.status()["ca"])
    context.check_hostname = False  # this process does not use the lab's resolver
    return context


def _judged(lab: Lab, count: int) -> list[email.message.EmailMessage]:
    """Take the judge's mail, once there are `count` messages."""
    account = lab.status()["foreign"]["account"]
    with _address_of(lab, "operator"):
        box = imaplib.IMAP4_SSL("2001:db8::90", ssl_context=_tls(lab))
    with box:
        box.login(account["address"], account["password"])
        end = time.monotonic() + 10
        while int(box.select()[1][0] or 0) < count and time.monotonic() < end:
            time.sleep(0.1)
        _, parts = box.fetch("1:*", "(BODY[])")
        box.store("1:*", "+FLAGS", r"\Deleted")
        box.expunge()
    texts = [part[1] for part in parts if isinstance(part, tuple)]
    return [email.message_from_bytes(text, policy=email.policy.default) for text in texts]


# -- the lab as a whole ----------------------------------------------------------------------------


def test_a_second_up_changes_nothing(lab: Lab, inventory: Path) -> None:
    def state() -> object:
        command = "systemctl show --value --property UserspaceTimestampMonotonic"
        boots = [on(lab, host, command) for host in (COM, ORG, MX)]
        tls = {path: path.read_bytes() for path in (inventory / "tls").rglob("*.pem")}
        namespaces = [Path("/run/netns", n).stat().st_ino for n in lab.network.namespaces()]
        return boots, tls, namespaces, lab.status()

    before = state()
    lab.up(inventory)
    assert state() == before


def test_the_authority_vouches_for_the_inventorys_certificates(lab: Lab, inventory: Path) -> None:
    for host in (COM, ORG):
        path = inventory / "tls" / f"{host}.pem"
        assert path.stat().st_mode & 0o777 == 0o600
        proof = ["openssl", "verify", "-CAfile", lab.status()["ca"], "-untrusted", str(path)]
        subprocess.run([*proof, "-verify_hostname", host, str(path)], check=True)
    connect = f"openssl s_client -brief -verify_return_error -connect {MX}:993 </dev/null"
    on(lab, COM, connect)


def test_labs_stand_side_by_side_and_leave_nothing_behind(
    lab: Lab, inventory: Path, tmp_path: Path
) -> None:
    other = Lab(f"{NAME}-b")
    other.down()
    other.up(inventory, has_foreign=False)
    try:
        on(other, COM, "touch /root/other")
        assert on(lab, COM, "ls /root") == ""
        assert "0" not in on(lab, COM, "systemctl is-system-running")
        assert other.status()["foreign"] is None
    finally:
        other.down()
    assert traces(other) == []
    assert on(lab, COM, "systemctl is-system-running") == "running\n"


def test_an_interrupted_up_is_finished_by_the_next(inventory: Path) -> None:
    other = Lab(f"{NAME}-c")
    command = [sys.executable, "-m", "lab", "up", "--name", other.name]
    command += ["--inventory", str(inventory)]
    other.down()
    try:
        for seconds in (0.6, 1.2):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=EXAMPLE.parent)
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
            process.wait()
        subprocess.run(command, check=True, cwd=EXAMPLE.parent)
        on(other, COM, "until systemctl is-system-running; do sleep 0.1; done")
        on(other, COM, f"ping -c1 {ORG}")
    finally:
        other.down()
    assert traces(other) == []


def test_status_is_for_programs_and_for_people(lab: Lab) -> None:
    command = [sys.executable, "-m", "lab", "status", "--name", lab.name]
    people = subprocess.run(command, capture_output=True, text=True, cwd=EXAMPLE.parent, check=True)
    assert [line.split()[0] for line in people.stdout.splitlines()] == [COM, ORG, MX]
    facts = json.loads(subprocess.check_output([*command, "--json"], cwd=EXAMPLE.parent))
    assert [(h["name"], h["debian"], h["ipv4"]) for h in facts["hosts"]] == [
        (COM, 12, "198.51.100.10"),
        (ORG, 13, "198.51.100.20"),
    ]
    assert facts["operator_namespace"] == f"lab-{NAME}.operator"


def test_a_mistake_is_one_line_and_a_hint() -> None:
    command = [sys.executable, "-m", "lab", "ssh", "--name", "never", "host"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=EXAMPLE.parent)
    assert done.returncode == 1
    assert done.stderr == "error: lab 'never' is not up\nhint: mailwright lab up --name never\n"
