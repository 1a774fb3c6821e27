"""What tests/drill.py does and how it counts; what mail survives is for a lab."""

import subprocess

import pytest

from tests.drill import SHELL, SHORT, WELL, Harm, Letter, Writer, harms

EVERY = harms()
END = ("alice@example.com", "mail.example.com")
WRITER = Writer(END[1], 25, "", "", "someone@sender.invalid", END[0], [END])


def test_there_are_many_harms_and_each_has_a_name() -> None:
    assert len({harm.name for harm in EVERY}) == len(EVERY) > 40
    assert {*SHORT} <= {harm.name for harm in EVERY}


@pytest.mark.parametrize("harm", EVERY, ids=lambda harm: harm.name)
def test_the_shell_of_a_harm_is_shell(harm: Harm) -> None:
    shell = f"{SHELL}\n{harm.do}\n{harm.undo}\n{WELL.format(units='nginx')}"
    subprocess.run(["sh", "-n"], input=shell, text=True, check=True)
    assert "{" not in harm.do.replace("{domain}", "").replace("{local}", "").replace("{ 25", "")


@pytest.mark.parametrize(
    "found, waits, bounced, lost, doubled",
    [
        (1, 0, 0, 0, 0),
        (2, 0, 0, 0, 1),
        (0, 1, 0, 0, 0),
        (0, 0, 1, 0, 0),
        (0, 0, 0, 1, 0),
        (1, 1, 0, 0, 0),
    ],
)
def test_every_copy_is_accounted_for(
    found: int, waits: int, bounced: int, lost: int, doubled: int
) -> None:
    letter = Letter(0, WRITER, waits=waits, bounced=bounced)
    letter.found[END] = found
    assert (letter.lost, letter.doubled) == (lost, doubled)
