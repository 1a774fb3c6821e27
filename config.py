"""pyinfra's own settings file, run before the inventory is loaded: lets an inventory be a folder.

pyinfra executes the inventory's path as a Python file. The few lines below put our loader in its place, which
reads `hosts.py` and `mail.toml` in that folder and stops the run with every problem in them.
"""

import click
from pyinfra_cli.util import PYTHON_CODES

from mailwright.inventory import SOURCE, folder_of

_options = click.get_current_context().params
_folder = folder_of(_options["inventory"])
if _folder:
    PYTHON_CODES[_options["inventory"]] = compile(SOURCE, str(_folder), "exec")
