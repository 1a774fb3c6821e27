"""TLS as another program judges it, and as an old mail server needs it."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lab.lab import Lab
from tests.lab.deploys import ROOT, Deploy

# How testssl.sh greets on each port. It speaks no ManageSieve; tests/host asks for those suites.
PORTS = {
    25: "smtp",
    587: "smtp",
    465: None,
    143: "imap",
    993: None,
    110: "pop3",
    995: None,
}
# A root of one's own, as the lab's is, has no list of what it revoked. Public ones do.
OF_THE_AUTHORITY = "cert_revocation"


def findings(lab: Lab, host: str, port: int, report: Path) -> list[dict[str, Any]]:
    """What testssl.sh finds in protocols, suites, server defaults and known attacks."""
    starttls = ["--starttls", PORTS[port]] if PORTS[port] else []
    words = ["--quiet", "--color", "0", "--nodns", "min", "--add-ca", lab.status()["ca"]]
    what = ["--protocols", "--std", "--server-defaults", "--vulnerable", "--jsonfile", str(report)]
    command = ["testssl", *words, *starttls, *what, f"{host}:{port}"]
    lab.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    return list(json.loads(report.read_text()))


def test_testssl_finds_nothing_of_medium_or_worse(servers: Lab, host: str, tmp_path: Path) -> None:
    def ask(port: int) -> list[dict[str, Any]]:
        return findings(servers, host, port, tmp_path / f"{port}.json")

    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(PORTS, pool.map(ask, PORTS), strict=True))
    for port, each in found.items():
        ids = {one["id"] for one in each}
        assert {"TLS1_2", "TLS1_3", "cert_chain_of_trust", "heartbleed"} <= ids, port
        bad = [
            f"{port} {one['id']}: {one['severity']}, {one['finding']}"
            for one in each
            if one["severity"] in ("MEDIUM", "HIGH", "CRITICAL") and one["id"] != OF_THE_AUTHORITY
        ]
        assert bad == []


@pytest.fixture
def compatible(servers: Lab, inventory: Path, tmp_path: Path) -> Path:
    """The inventory with the other profile; the hosts have it while the test runs."""
    ours = Path(shutil.copytree(inventory, tmp_path / "compatible"))
    table = ours / "mail.toml"
    table.write_text(f'smtpd_tls_profile = "compatible"\n{table.read_text()}')
    return ours


def test_the_compatible_profile_lets_an_old_server_in_on_port_25_alone(
    deployed: Lab, compatible: Path
) -> None:
    """The host tests offer every suite that there is on every port."""
    assert Deploy.run(deployed, compatible).succeeded().acted() == {"Postfix | Postfix"}
    exact = "test_tls_1_2_takes_exactly_the_suites_of_its_profile"
    tests = [sys.executable, "-m", "pytest", "tests/host/test_tls.py", "-q", "-k", exact]
    verified = deployed.run(
        [*tests, "--inventory", str(compatible)],
        cwd=ROOT,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    assert verified.returncode == 0, verified.stdout[-3000:]
