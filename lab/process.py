"""Programs of this machine that the lab runs to their end, or in a network namespace."""

import subprocess
from collections.abc import Sequence

from lab.error import LabError


def run(*argv: str, text: str | None = None) -> str:
    """Run `argv`, with `text` on its standard input, and return what it wrote.

    Raises LabError with the program's own words when it fails.
    """
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-8:]
        raise LabError(f"{argv[0]} {argv[1]} ended with {done.returncode}: " + " | ".join(said))
    return done.stdout


def succeeds(*argv: str) -> bool:
    """Run `argv` in silence and tell whether it succeeded."""
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def inside(namespace: str, argv: Sequence[str]) -> list[str]:
    """Return `argv` as a command that runs in the network namespace (nsenter(1))."""
    return ["nsenter", f"--net=/run/netns/{namespace}", *argv]
