"""`python -m lab` is `mailwright lab`."""

from lab.command import lab

lab(prog_name="lab")
