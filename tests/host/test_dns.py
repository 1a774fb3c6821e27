"""The world sees the records that `mailwright dns` prints."""

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import pytest

from mailwright.dns import records
from mailwright.inventory import Inventory


def plain(rdata: dns.rdata.Rdata) -> str:
    """An rdata by its meaning: TXT strings joined, names in lower case."""
    if rdata.rdtype == dns.rdatatype.TXT:
        return b"".join(rdata.strings).decode()
    return rdata.to_text().lower()


def test_every_record_is_published(inventory: Inventory) -> None:
    wrong = []
    for record in records(inventory):
        try:
            found = set(dns.resolver.resolve(record.name, record.type))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
            wrong.append(f"{record.name} {record.type}: {type(error).__name__}")
            continue
        missing = set(map(plain, record.rdatas)) - set(map(plain, found))
        if missing:
            wrong.append(f"{record.name} {record.type}: {missing} is missing among {found}")
    if wrong:
        pytest.fail("\n".join(wrong))
