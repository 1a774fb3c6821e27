"""What published text means: never compared as text, and never read more kindly than by others."""

import base64

import dns.rdata
import pytest

from mailwright.dns import meaning
from mailwright.dns.record import Record

KEY = base64.b64encode(bytes(range(90))).decode()
DMARC = Record(
    "dmarc",
    "_dmarc.example.com.",
    "TXT",
    ("v=DMARC1; p=quarantine; aspf=s; rua=mailto:a%21b@example.com,mailto:c@example.org",),
    "Why.",
)
DKIM = Record("dkim", "s._domainkey.example.com.", "TXT", (f"v=DKIM1; k=rsa; p={KEY}",), "Why.")
STS = Record("mta-sts", "_mta-sts.example.com.", "TXT", ("v=STSv1; id=1",), "Why.")
RPT = Record(
    "tls-rpt",
    "_smtp._tls.example.com.",
    "TXT",
    ("v=TLSRPTv1; rua=mailto:a@example.com,https://r.example",),
    "Why.",
)
BIMI = Record(
    "bimi",
    "default._bimi.example.com.",
    "TXT",
    ("v=BIMI1; l=https://example.com/logo.svg",),
    "Why.",
)
SPF = Record("spf", "example.com.", "TXT", ("v=spf1 mx -all",), "Why.")
REJECT = Record("dmarc", "_dmarc.example.com.", "TXT", ("v=DMARC1; p=reject",), "Why.")

RUA = "rua=mailto:c@example.org , mailto:a%21b@example.com"
SAME = [
    (DMARC, f"v=DMARC1 ;\tp = Quarantine;aspf=s;{RUA}"),
    (DMARC, f"v = DMARC1; p=quarantine; aspf=s; {RUA}!10m; psd=n; t=n; fo=1; pct=100"),
    (DMARC, f"v=DMARC1; p=quarantine; sp=quarantine; np=quarantine; adkim=r; aspf=s; {RUA}!5"),
    (REJECT, "v=DMARC1; p=reject; sp=reject; psd=u"),
    (DKIM, f"v=DKIM1;\t k=rsa; h=sha1 : sha256; s=* : email; p={KEY[:20]} \t{KEY[20:]}"),
    (DKIM, f"k=rsa; p={KEY}; unknown=1;"),
    (STS, "v=STSv1; id=1 ;"),
    (RPT, "v=TLSRPTv1;rua=https://r.example , mailto:a@example.com"),
    (BIMI, "v=BIMI1; l=https://example.com/logo.svg;"),
]  # fmt: skip
OTHER = [
    (REJECT, "v=DMARC 1; p=reject"),
    (REJECT, " v=DMARC1; p=reject"),
    (REJECT, "\xa0v=DMARC1; p=reject"),
    (REJECT, "v=DMARC1\xa0; p=reject"),
    (REJECT, "v=DMARC1;\xa0p=reject"),
    (REJECT, "v=DMARC1; p=re ject"),
    (REJECT, "v=DMARC1; p=reject\u3000"),
    (REJECT, "v=DMARC1; p=reject; sp=none"),
    (REJECT, "v=DMARC1; p=reject; psd=y"),
    (REJECT, '"v=DMARC1; p=reject"'),
    (DKIM, f"v=DKIM1;\xa0k=rsa; p={KEY}"),
    (DKIM, f"v=DKIM 1; k=rsa; p={KEY}"),
    (DKIM, f"v=DKIM1; k=rsa; p={KEY[:9]}\xa0{KEY[9:]}"),
    (DKIM, f"v=DKIM1; k=rsa; h=sha 256; p={KEY}"),
    (STS, "v=STS v1; id=1"),
    (STS, "v=STSv1; id=1\u200b"),
    (RPT, "v=TLSRPTv1;\xa0rua=mailto:a@example.com,https://r.example"),
    (BIMI, "v=BIMI1; l=https://example.com/\xa0logo.svg"),
    (SPF, " v=spf1 mx -all"),
    (SPF, "v=spf1\xa0mx -all"),
    (SPF, "v=spf1mx -all"),
]


def faults(record: Record, text: str) -> list[tuple[str, str]]:
    escaped = "".join(f"\\{byte:03}" for byte in text.encode())
    strings = [escaped[start : start + 800] for start in range(0, len(escaped), 800)]
    data = dns.rdata.from_text("IN", "TXT", " ".join(f'"{each}"' for each in strings))
    return [(kind, what) for kind, what, _ in meaning.faults(record, [data])]


@pytest.mark.parametrize(("record", "text"), SAME)
def test_what_means_the_same_is_right(record: Record, text: str) -> None:
    assert not faults(record, text)


@pytest.mark.parametrize(("record", "text"), OTHER)
def test_what_receivers_do_not_read_so_is_wrong(record: Record, text: str) -> None:
    assert faults(record, text)


@pytest.mark.parametrize("text", ["v=DMARC 1; p=reject", "V=dmarc1;p=reject", "“v=DMARC1; p=none”"])
def test_what_was_meant_as_a_record_is_shown(text: str) -> None:
    ((kind, what),) = faults(REJECT, text)
    assert kind == "missing"
    assert text[1:6] in what
    assert text[1:6] not in faults(REJECT, "hello")[0][1]
