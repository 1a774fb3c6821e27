"""README's path for somebody with a server of his own: init, dns, deploy, verify."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.lab import Lab
from tests.lab.deploys import NAME, ROOT, Deploy, edit, started
from tests.lab.test_deploy import ask, dry

MAILWRIGHT = str(Path(sys.executable).with_name("mailwright"))
ACME = "[acme]  # certificates from Let's Encrypt, unless there is a file of yours in tls/\n"
CORRESPONDENT = """
[correspondent]
address = "judge@elsewhere.example"
imap_host = "mx.elsewhere.example"
password = "toy-of-the-lab"
"""


@pytest.fixture(params=["12", "13"])
def ours(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What `mailwright init` writes for a server that is reached as a user with sudo."""
    options = {
        "--host": "mail.example.net",
        "--ipv4": "198.51.100.30",
        "--ipv6": "2001:db8::30",
        "--debian": request.param,
        "--domain": "example.net",
        "--mailbox": "carol@example.net",
        "--ssh-user": "admin",
    }
    folder = tmp_path / "our-mail"
    words = [word for pair in options.items() for word in pair]
    done = subprocess.run(
        [MAILWRIGHT, "init", str(folder), *words],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert "shown this once" in done.stdout
    return folder


@pytest.fixture
def own(ours: Path) -> Iterator[Lab]:
    """A lab with that server in it, as fresh as it comes, and a certificate that is a file."""
    edit(ours / "mail.toml", (ACME, ""))
    shutil.rmtree(ours / "tls")
    lab = Lab(f"{NAME}-own")
    lab.down()
    lab.up(ours)
    yield lab
    lab.down()


def test_a_user_gets_from_init_to_a_verified_server(own: Lab, ours: Path) -> None:
    status = own.status()
    keys = f'"ssh_key": "{status["ssh_key"]}", "ssh_known_hosts_file": "{status["known_hosts"]}",'
    edit(ours / "hosts.py", ('"ssh_user": "admin",', f'"ssh_user": "admin", {keys}'))
    with (ours / "verify.toml").open("a") as verify:
        verify.write(CORRESPONDENT)
    mail_that_waits_in_exim_stops_the_deploy(own, ours)
    a_broken_package_of_the_operators_is_not_removed(own, ours)
    lack_what_a_package_depends_on(own)
    lose_power_in_the_first_deploy(own, ours)
    Deploy.run(own, ours).succeeded()
    assert Deploy.count(own, ours) == 0
    tests = [sys.executable, "-m", "pytest", "tests/host", "-q", "--inventory", str(ours)]
    done = own.run(tests, cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-5000:]


def mail_that_waits_in_exim_stops_the_deploy(lab: Lab, inventory: Path) -> None:
    """Exim came with the server, as it often does; nothing is changed before its queue is empty."""
    host = "mail.example.net"
    install = "apt-get -q -y install --no-install-recommends exim4-daemon-light >/dev/null 2>&1"
    ask(lab, host, f"apt-get -q update && DEBIAN_FRONTEND=noninteractive {install}")
    ask(lab, host, "for each in 1 2; do echo | exim4 -odq -f root root; done")
    before = ask(lab, host, "dpkg -l; ls -R /etc | sha256sum")
    words = "2 messages wait in the queue of exim4 (/var/spool/exim4)"
    told = dry(lab, inventory)
    assert words in told
    assert "exim4-daemon-light" in told
    assert words in Deploy.run(lab, inventory).refused()
    assert ask(lab, host, "dpkg -l; ls -R /etc | sha256sum") == before
    assert ask(lab, host, "systemctl is-active exim4") == "active"
    ask(lab, host, "exim4 -Mrm $(exim4 -bpr | awk 'NF > 3 { print $3 }')")


def a_broken_package_of_the_operators_is_not_removed(lab: Lab, inventory: Path) -> None:
    control = "Package: theirs\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.example>\n"
    control += "Description: t\nDepends: what-nobody-has\n"
    build = f"install -d theirs/DEBIAN; printf '{control}' >theirs/DEBIAN/control"
    shell = f"cd /var/tmp; {build}; dpkg-deb -b theirs; dpkg --unpack theirs.deb"
    ask(lab, "mail.example.net", shell)
    told = Deploy.run(lab, inventory).refused()
    assert "theirs depends on what-nobody-has" in told
    assert "mend it or remove it there" in told
    ask(lab, "mail.example.net", "dpkg -s theirs; dpkg --purge theirs")


def lack_what_a_package_depends_on(lab: Lab) -> None:
    """As the end of the power leaves it now and then: dpkg unpacks in an order of its own."""
    unpack = "apt-get -q download dovecot-sieve && dpkg --unpack dovecot-sieve_*.deb"
    ask(lab, "mail.example.net", f"cd /var/tmp && {unpack} && rm dovecot-sieve_*.deb")


def lose_power_in_the_first_deploy(lab: Lab, inventory: Path) -> None:
    """While packages are being installed; what is half done is for the next deploy to finish."""
    with started(lab, inventory) as run:
        time.sleep(12)
        assert run.poll() is None
        lab.stop("mail.example.net")
    lab.start("mail.example.net")
