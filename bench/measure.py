"""What the scripts of this folder share: a run and its cost, the spread of equal runs, curves."""

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen

ROOT = Path(__file__).parents[1]
PYINFRA = str(Path(sys.executable).with_name("pyinfra"))
# A deploy that asks one fact.
NOTHING = """from pyinfra import host
from pyinfra.facts.server import Hostname
host.get_fact(Hostname)
"""
NOISE = 1.5  # the longest of equal runs over the shortest
sys.path.append(str(ROOT))  # `tests` is no package that is installed


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds of wall time and of CPU, MiB at most; and what it printed."""

    wall: float
    cpu: float
    memory: float
    output: str


def cost(command: Sequence[str], settings: Mapping[str, str] | None = None, text: str = "") -> Cost:
    """Run a command in the repository, with this text for it to read.

    A failed run ends the bench with what it said.
    """
    start = time.perf_counter()
    env = {**os.environ, **(settings or {})}
    run = Popen(command, text=True, cwd=ROOT, env=env, stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    assert run.stdin and run.stdout
    with contextlib.suppress(BrokenPipeError), run.stdin:
        run.stdin.write(text)
    output = run.stdout.read()
    _, status, used = os.wait4(run.pid, 0)
    if status:
        sys.exit(f"error: {' '.join(command)[:200]} failed:\n{output[-3000:]}")
    wall = time.perf_counter() - start
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output)


def unchanged(command: Sequence[str]) -> Cost:
    """A run of pyinfra that changes nothing; one that does ends the bench."""
    done = cost(command)
    if "] Success" in done.output:
        sys.exit("error: there were changes, so this was no deploy without change; run it again")
    return done


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median, and the extremes."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The spread of the ratio of runs that took turns."""
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def tell_noise(*sides: Sequence[float]) -> None:
    """Say when equal runs differ too much for any figure to be trusted."""
    worst = max(max(side) / min(side) for side in sides)
    if worst > NOISE:
        print(f"The machine was too noisy to tell: equal runs differ by a factor of {worst:.1f}.")


Curve = Sequence[tuple[float, float]]


def plot(path: Path, across: str, upward: str, curves: Mapping[str, Curve]) -> None:
    """Write curves as SVG, both axes from zero."""
    right = max(x for curve in curves.values() for x, _ in curve)
    top = max(y for curve in curves.values() for _, y in curve)
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 370"'
        ' font-family="sans-serif" font-size="12">',
        '<path d="M60 30V320H600" fill="none" stroke="#888"/>',
        f'<text x="300" y="360">{across}</text><text x="8" y="20">{upward}</text>',
    ]
    for (name, curve), colour in zip(
        curves.items(), ("#06c", "#c60", "#393", "#939"), strict=False
    ):
        at = [(60 + 520 * x / right, 320 - 280 * y / top) for x, y in curve]
        points = " ".join(f"{x:.0f},{y:.0f}" for x, y in at)
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        lines.append(f'<text x="70" y="{at[-1][1] - 6:.0f}" fill="{colour}">{name}</text>')
        for (x, y), (number, value) in zip(at, curve, strict=True):
            if number * 10 >= right:
                lines.append(f'<text x="{x - 10:.0f}" y="338">{number:,.0f}</text>')
                lines.append(f'<text x="{x - 10:.0f}" y="{y - 6:.0f}">{value:.1f}</text>')
    path.write_text("\n".join([*lines, "</svg>", ""]))
