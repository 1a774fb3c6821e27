"""A run of `pyinfra INVENTORY deploy.py`, as a user starts it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

from lab.lab import Lab

ROOT = Path(__file__).parents[2]
# Several test runs stand side by side, and so do the workers of one (pytest-xdist).
NAME = os.environ.get("MAILWRIGHT_TEST_LAB", "test") + os.environ.get("PYTEST_XDIST_WORKER", "")
HOSTS = ["mail.example.com", "mail.example.org"]  # Debian 12, Debian 13
PYINFRA = str(Path(sys.executable).with_name("pyinfra"))
# Where a rollout stops, before or after these steps of rollout/rollout.sh.
STEPS = ("lock", "rehearse", "claim", "swap", "activate", "record")
_HALTED = "grep -ls ^State:.T /proc/[0-9]*/status | cut -d/ -f3"
CHECKDMARC = ROOT / ".venv/checkdmarc/bin/checkdmarc"  # as script/setup installs it


@dataclass
class Deploy:
    """What a run said and did."""

    code: int
    output: str
    results: dict[str, Any]

    @classmethod
    def run(
        cls, lab: Lab, inventory: Path, *options: str, checkout: Path = ROOT, stop: str = ""
    ) -> "Deploy":
        """Deploy with these options of pyinfra's, from the repository or a changed copy of it.

        `stop` is a service, a step of its rollout (STEPS) and the signal that it gets there.
        """
        command = [PYINFRA, str(inventory), "deploy.py", "-y", *options]
        done = lab.run(
            command,
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout), "MAILWRIGHT_STOP": stop},
            stdin=DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
        return cls(done.returncode, done.stdout, {})

    @classmethod
    def count(cls, lab: Lab, inventory: Path) -> int:
        """Deploy and return the number of changes that pyinfra counts."""
        command = [PYINFRA, str(inventory), "deploy.py", "-y", "--json"]
        options: dict[str, Any] = {"stdin": DEVNULL, "capture_output": True}
        done = lab.run(command, cwd=ROOT, timeout=600, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        totals = json.loads(done.stdout)["results"]["totals"]
        assert totals["error"] == 0
        return int(totals["success"])

    def succeeded(self) -> "Deploy":
        """Fail the test with pyinfra's own words unless the run went well."""
        assert self.code == 0, self.output
        return self

    def refused(self) -> str:
        """The words of a run that must have failed."""
        assert self.code != 0, self.output
        return self.output

    def acted(self) -> set[str]:
        """The operations that changed something."""
        found, name = set(), ""
        for line in self.output.splitlines():
            if line.startswith("--> Starting operation: "):
                name = line.removeprefix("--> Starting operation: ").strip()
            elif line.endswith("] Success"):
                found.add(name)
        return found


@contextmanager
def started(
    lab: Lab, inventory: Path, checkout: Path = ROOT, stop: str = ""
) -> Iterator["Popen[bytes]"]:
    """A deploy under way, in a process group of its own; it is killed at the end at the latest.

    `stop` is that of `Deploy.run`.
    """
    command = lab.command([PYINFRA, str(inventory), "deploy.py", "-y"])
    env = {**os.environ, "PYTHONPATH": str(checkout), "MAILWRIGHT_STOP": stop}
    with Popen(
        command,
        cwd=checkout,
        env=env,
        start_new_session=True,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
    ) as run:
        try:
            yield run
        finally:
            kill(run)


@contextmanager
def halted(
    lab: Lab, inventory: Path, service: str, step: str, checkout: Path = ROOT
) -> Iterator["Popen[bytes]"]:
    """One that halts on each host at a step of a rollout."""
    with started(lab, inventory, checkout, f"{service} {step} STOP") as run:
        for host in HOSTS:
            wait_halted(lab, host)
        yield run


def wait_halted(lab: Lab, host: str) -> None:
    """Wait until the host's rollout has halted."""
    halts = f'until [ -n "$({_HALTED})" ]; do sleep 0.1; done'
    lab.ssh(host, f"timeout 120 sh -c '{halts}'", check=True)


def resume(lab: Lab, host: str) -> None:
    """Let the host's rollout go on."""
    lab.ssh(host, f"kill -CONT $({_HALTED})", check=True)


def kill(run: "Popen[bytes]") -> None:
    """Kill pyinfra with all its connections."""
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def verification(lab: Lab, inventory: Path, expression: str, *files: str) -> str:
    """What those of tests/host say that the expression selects; at least one must fail.

    Each failure is told once: how much pytest's summary repeats differs where CI is set.
    """
    command = [sys.executable, "-m", "pytest", *files, "-q", "-rN", "--inventory", str(inventory)]
    silent: dict[str, Any] = {"stdin": DEVNULL, "capture_output": True}
    done = lab.run([*command, "-k", expression], cwd=ROOT, timeout=300, **silent)
    assert done.returncode == 1, done.stdout
    return str(done.stdout)


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Replace text in a file; each piece must be there."""
    text = path.read_text()
    for old, new in changes:
        assert old in text, f"{path} has no {old!r}"
        text = text.replace(old, new)
    path.write_text(text)


def checkout(target: Path) -> Path:
    """A copy of the repository's working files, to break."""
    for name in ("config.py", "deploy.py"):
        target.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    for name in ("mailwright", "programs", "roles", "rollout", "templates"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    return target
