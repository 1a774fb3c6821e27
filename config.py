"""pyinfra's own settings file, run before the inventory is loaded: lets an inventory be a folder.

pyinfra executes the inventory's path as a Python file. These lines put our loader in its place,
which reads `hosts.py` and `mail.toml` in that folder and stops the run with every problem in them.
"""

import click
from pyinfra_cli.util import PYTHON_CODES

from mailwright.commands.provision import SOURCE, folder_of

_options = click.get_current_context().params
_inventory = _options["inventory"]
if folder_of(_inventory):
    PYTHON_CODES[_inventory] = compile(SOURCE.format(limit=_options["limit"]), _inventory, "exec")
