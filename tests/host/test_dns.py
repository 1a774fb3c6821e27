"""The world sees the records that `mailwright dns` prints."""

import dns.resolver
import pytest

from mailwright.dns import Record, records
from mailwright.inventory import Inventory


def answers(record: Record) -> set[str]:
    found = dns.resolver.resolve(record.name, record.type)
    return {rdata.to_text() for rdata in found}


def test_every_record_is_published(inventory: Inventory) -> None:
    missing = []
    for record in records(inventory):
        try:
            found = dns.resolver.resolve(record.name, record.type).rrset
        except dns.resolver.NXDOMAIN:
            missing.append(f"{record.name} {record.type}: no such name")
            continue
        except dns.resolver.NoAnswer:
            missing.append(f"{record.name} {record.type}: no such record")
            continue
        if found is None or set(record.rdataset()) - set(found):
            missing.append(f"{record.name} {record.type}: other content: {found}")
    if missing:
        pytest.fail("\n".join(missing))
