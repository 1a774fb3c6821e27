"""What published data means, and whether that is what was wanted; never compared as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mailwright.dns.fault import CHANGED, MISSING, MORE, Fault, Judge
from mailwright.dns.purposes import dkim, dmarc, mta_sts, mx, spf, srv, tls_rpt
from mailwright.dns.record import Record
from mailwright.model.problems import listed
from mailwright.report.finding import Severity


def faults(record: Record, rdatas: Sequence[Any]) -> list[Fault]:
    """What is wrong with the data at a record's name; nothing where it means the same."""
    judge: Judge = JUDGES.get(record.purpose, _set)
    return list(judge(record, rdatas))


def _set(record: Record, rdatas: Sequence[Any]) -> Iterator[Fault]:
    """Data whose order does not matter; names in DNS have no case (RFC 4343)."""
    wanted = record.rdatas
    right = {item.to_digestable() for item in wanted}
    found = {item.to_digestable(): item for item in rdatas}
    if not found:
        yield MISSING, f"there is no {record.type} record", None
    elif absent := [str(i) for i in wanted if i.to_digestable() not in found]:
        here = listed(map(str, rdatas), "and")
        yield CHANGED, f"{here} is published, without {listed(absent, 'and')}", None
    elif more := [str(item) for key, item in found.items() if key not in right]:
        yield MORE, f"{listed(more, 'and')} is published as well", _more(record)


def _more(record: Record) -> Severity | None:
    """What lies beside a host's address is where mail gets lost; the rest is worth a look."""
    if record.purpose in ("a", "aaaa"):
        return None
    return Severity.NOTE if record.purpose == "tlsa" else Severity.WARNING


JUDGES: dict[str, Judge] = {
    "mx": mx.judge,
    "spf": spf.judge,
    "dkim": dkim.judge,
    "dmarc": dmarc.judge,
    "dmarc-report": dmarc.judge,
    "mta-sts": mta_sts.judge,
    "tls-rpt": tls_rpt.judge,
    "srv": srv.judge,
}
