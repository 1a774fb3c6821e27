"""The one connection of a verification: shared, replaced when it dies, gone at the end."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from testinfra.host import Host

from lab.lab import Lab
from lab.network import entered
from tests.host.letters import eventually
from tests.host.ssh import connected
from tests.lab.deploys import HOSTS, ROOT, edit, verification

NOBODY = "198.51.100.99"


@contextmanager
def reached(lab: Lab, host: str, folder: Path) -> Iterator[Host]:
    """The host, with a key that lies in a folder with a space."""
    status = lab.status()
    settings = {"HostKeyAlias": host, "User": "root"}
    for name, file in (("IdentityFile", "ssh_key"), ("UserKnownHostsFile", "known_hosts")):
        settings[name] = str(shutil.copy(status[file], folder / f"{file} of mine"))
    (address,) = (each["ipv6"] for each in status["hosts"] if each["name"] == host)
    with (
        entered(lab.network.namespace("operator")),
        connected(address, settings, sudo=False) as found,
    ):
        yield found


def processes(words: str) -> list[int]:
    """The programs that are called with these words."""
    found = subprocess.run(["pgrep", "-f", words], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def test_commands_share_a_connection_and_make_another_when_it_dies(
    lab: Lab, host: str, tmp_path: Path
) -> None:
    with reached(lab, host, tmp_path) as there:
        first, again = (there.check_output("echo $SSH_CONNECTION") for _ in range(2))
        (master,) = processes(f"ControlMaster=yes.*{tmp_path}")
        os.kill(master, signal.SIGKILL)
        second = there.check_output("echo $SSH_CONNECTION")
    assert first == again != second


WAITING = """
def test_that_waits(host):
    host.run("sleep 60")
"""


def test_nothing_is_left_of_an_interrupted_verification(
    lab: Lab, inventory: Path, tmp_path: Path
) -> None:
    (tmp_path / "conftest.py").write_text("from tests.host.conftest import *\n")
    (tmp_path / "test_waiting.py").write_text(WAITING)
    words = [str(tmp_path), "--inventory", str(inventory)]
    with TemporaryDirectory() as folder:  # a short name, as a socket must have
        # Who runs the tests may have them ignore the signal.
        env = ["env", "--default-signal=INT", f"TMPDIR={folder}"]
        argv = lab.command([*env, sys.executable, "-m", "pytest", *words])
        with Popen(argv, cwd=ROOT, stdin=DEVNULL, stdout=DEVNULL) as run:
            sleeping = f"ControlPath.*{folder}.*sleep 60"
            eventually(lambda: processes(sleeping) or None, "connection that is used")
            run.send_signal(signal.SIGINT)
            assert run.wait(timeout=45) == pytest.ExitCode.INTERRUPTED  # before the sleeper ends
        assert [*Path(folder).glob("mailwright-*")] == []
        eventually(lambda: not processes(folder) or None, "end of every process")


def test_a_host_that_is_not_reached_and_one_with_another_key_are_named(
    lab: Lab, inventory: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(inventory, tmp_path / "other"))
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    (tmp_path / "known_hosts").write_text(f"{HOSTS[1]} {public.public_bytes(*form).decode()}\n")
    edit(
        other / "hosts.py",
        ('"ipv4": "198.51.100.10"', f'"ipv4": "198.51.100.10", "ssh_hostname": "{NOBODY}"'),
        (lab.status()["known_hosts"], str(tmp_path / "known_hosts")),
    )
    said = verification(lab, other, "bears", "tests/host/test_base.py")
    assert f"{HOSTS[0]} is not reached over SSH: ssh: connect to host {NOBODY} port 22" in said
    assert f"{HOSTS[1]} is not reached over SSH: " in said
    assert "Host key verification failed." in said
