"""Records for Terraform and OpenTofu: a local value for each zone, to use with `for_each`.

Written as configuration and not as variables, since a folder may have many files of locals, one
for each domain, but a variable only one value:

    for_each = local.mail_records_example_com
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailwright.dns.record import Record


def text(origin: str, some: Sequence[Record]) -> str:
    """One zone; the key of a record is its id, so that Terraform knows it again."""
    found = {record.id: _object(origin, record) for record in some}
    name = f"mail_records_{origin.replace('.', '_')}"
    return json.dumps({"locals": {name: found}}, indent=1) + "\n"


def _object(origin: str, record: Record) -> dict[str, object]:
    """`name` is relative to the zone; a TXT value is whole."""
    return {
        "zone": origin,
        "name": record.below(origin),
        "type": record.type,
        "ttl": record.ttl,
        "values": [_literal(value) for value in record.values],
    }


def _literal(value: str) -> str:
    """A string is a template in Terraform's JSON syntax, and an SPF macro would look like one."""
    return value.replace("${", "$${").replace("%{", "%%{")
