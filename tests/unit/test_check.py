"""What `mailwright check` makes of what it is told, offline."""

import datetime
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dns.rdata
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from mailwright.check import dane, issuer, tree_walk, world
from mailwright.check.message import Message
from mailwright.check.mta_sts import Text
from mailwright.model.acme import Acme
from mailwright.model.problems import Invalid
from mailwright.net.resolver import Resolver
from mailwright.report.finding import Severity
from tests.unit.conftest import Folder

WALKS = [
    ("a.example.com", {}, "a.example.com", None),
    ("a.example.com", {"example.com": ""}, "example.com", "example.com"),
    ("a.example.com", {"a.example.com": "", "example.com": ""}, "example.com", "a.example.com"),
    ("a.example.com", {"a.example.com": "psd=n", "example.com": ""}, *["a.example.com"] * 2),
    ("a.b.example.com", {"b.example.com": "psd=n", "com": ""}, *["b.example.com"] * 2),
    ("a.example.com", {"com": "psd=y"}, "example.com", "com"),
    ("a.example.com", {"example.com": "", "com": "psd=y"}, "example.com", "example.com"),
    # The domain's own psd=y does not make it somebody else's.
    ("example.com", {"example.com": "psd=y", "com": ""}, "example.com", "example.com"),
    ("a.example.com", {"example.com": "twice"}, "a.example.com", None),
]


@pytest.mark.parametrize(("domain", "published", "organization", "decides"), WALKS)
def test_the_walk_up_the_tree_ends_where_rfc_9989_says(
    domain: str, published: dict[str, str], organization: str, decides: str | None
) -> None:
    def texts(name: str) -> list[str]:
        tag = published.get(name.removeprefix("_dmarc.").rstrip("."))
        if tag is None:
            return ["v=spf1 -all"]
        return [f"v=DMARC1; p=none; {tag.replace('twice', '')}"] * (1 + (tag == "twice"))

    steps = list(tree_walk.walk(domain, texts))
    assert tree_walk.organizational(domain, steps) == organization
    step = tree_walk.deciding(domain, steps)
    assert (step.name if step else None) == decides


def test_a_long_name_is_asked_for_eight_times_at_most() -> None:
    asked: list[str] = []
    domain = "a.b.c.d.e.f.g.h.i.example.com"

    def texts(name: str) -> list[str]:
        asked.append(name)
        return []

    assert not list(tree_walk.walk(domain, texts))
    assert asked[:2] == [f"_dmarc.{domain}.", "_dmarc.e.f.g.h.i.example.com."]
    assert (len(asked), asked[-1]) == (8, "_dmarc.com.")


@pytest.fixture(scope="module")
def leaf() -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Let's Encrypt")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(1))
    return builder.sign(key, hashes.SHA256())


DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "0": bytes,
    "1": lambda data: digest(hashes.SHA256(), data),
    "2": lambda data: digest(hashes.SHA512(), data),
}


def digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    found = hashes.Hash(algorithm)
    found.update(data)
    return found.finalize()


@pytest.mark.parametrize("usage", "0123")
@pytest.mark.parametrize("selector", "01")
@pytest.mark.parametrize("matching", DIGESTS)
def test_only_dane_ee_is_matched_with_the_leaf(
    leaf: x509.Certificate, usage: str, selector: str, matching: str
) -> None:
    key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = DIGESTS[matching](key if selector == "1" else leaf.public_bytes(Encoding.DER))
    text = f"{usage} {selector} {matching} "
    right, wrong = (
        dns.rdata.from_text("IN", "TLSA", text + each.hex())
        for each in (data, data[:-1] + bytes([data[-1] ^ 1]))
    )
    assert dane.allows(right, leaf) == (usage == "3")
    assert not dane.allows(wrong, leaf)
    assert dane.names_authority([wrong, right]) == (usage == "2")


CAA = [
    ({}, True),
    ({"example.com": ['0 issue "letsencrypt.org"']}, True),
    ({"example.com": ['0 issue "LetsEncrypt.org ; accounturi=https://x.example"']}, True),
    ({"example.com": ['0 issue "other.example"']}, False),
    ({"example.com": ['0 issue ";"']}, False),
    ({"example.com": ['0 issuewild ";"', '0 iodef "mailto:a@example.com"']}, True),
    ({"example.com": ['0 issue "other.example"', '0 issue "letsencrypt.org"']}, True),
    ({"mail.example.com": ['0 issue "letsencrypt.org"'], "example.com": ['0 issue ";"']}, True),
    ({"mail.example.com": ['0 issue ";"'], "example.com": ['0 issue "letsencrypt.org"']}, False),
]


@pytest.mark.parametrize(("published", "is_allowed"), CAA)
def test_the_nearest_caa_records_decide(
    leaf: x509.Certificate, published: dict[str, list[str]], is_allowed: bool
) -> None:
    def look_up(name: str) -> Sequence[Any]:
        return [dns.rdata.from_text("IN", "CAA", text) for text in published.get(name, [])]

    order = issuer.of(leaf)
    assert order
    assert (issuer.refusal(order, "mail.example.com", look_up) == "") == is_allowed


@pytest.mark.parametrize("name", ["sectigo.com", "zerossl.com"])
def test_an_authority_may_issue_by_each_of_its_names_in_caa(name: str) -> None:
    acme = Acme("https://acme.zerossl.com/v2/DV90", "a@example.com")
    found = [dns.rdata.from_text("IN", "CAA", f'0 issue "{name}"')]
    order = issuer.Order(acme.issuers)
    assert issuer.refusal(order, "mail.example.com", lambda _: found) == ""


ACCOUNT = "https://acme-v02.api.letsencrypt.org/acme/acct/1"
OWN_ORDERS = [
    (['0 issuewild ";"'], ""),
    (['0 issuewild "other.example"', '0 contactemail "a@example.com"'], ""),
    (['0 issue "letsencrypt.org; validationmethods=dns-01"'], "validationmethods=dns-01"),
    (['0 issue "letsencrypt.org;validationmethods = dns-01 , HTTP-01"'], ""),
    ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}"'], ""),
    ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}2"'], f"{ACCOUNT}2"),
    ([f'0 issue "letsencrypt.org; accounturi={ACCOUNT}2"', '0 issue "letsencrypt.org"'], ""),
    (['0 issue "letsencrypt.org"', '128 tbs "x"'], "tbs"),
    (['0 issue "letsencrypt.org"', '0 tbs "x"'], ""),
    (['128 ISSUE "letsencrypt.org"', '128 iodef "mailto:a@example.com"'], ""),
    (['0 issue "other.example"'], "only other.example"),
    (['0 issue ";"'], "only nobody"),
    (['0 issue "%%%%"'], "letsencrypt.org"),
]


@pytest.mark.parametrize(("published", "why"), OWN_ORDERS)
def test_caa_is_judged_by_what_the_host_orders_and_how(published: list[str], why: str) -> None:
    found = [dns.rdata.from_text("IN", "CAA", text) for text in published]
    order = issuer.Order(("letsencrypt.org",), "http-01", ACCOUNT)
    said = issuer.refusal(order, "mail.example.com", lambda name: found)
    assert why in said and bool(said) == bool(why)


@pytest.mark.parametrize(
    ("pattern", "allows"),
    [
        ("mail.example.com", True),
        ("MAIL.example.com", True),
        ("*.example.com", True),
        ("*.com", False),
        ("example.com", False),
    ],
)
def test_a_policy_s_pattern_stands_for_one_label(pattern: str, allows: bool) -> None:
    text = f"version: STSv1\nmode:enforce\r\nmx: other.example\nmx: {pattern}\n\nmax_age: 1\n"
    found = Text.read(text)
    assert found.fields["mode"] == "enforce"
    assert found.allows("mail.example.com") == allows


NO_LETTERS = [
    "",
    "hello\n",
    "Subject: x\n\nFrom: a@example.com\n",
    "From: a@b.example, c@d.example\n",
    "From: a@example.com\nno colon here\n\nx",
    "From: a@example.com\nBad Name: x\n\nx",
    "From: a@example.com\n: x\n\nx",
    " \nFrom: a@example.com\n\nx",
    "From: a@example.com\nFrom: b@example.net\n\nx",
    'From: "\n\nx',
    "From: a@[\n\nx",
    "From: (((\n\nx",
    "From: undisclosed:;\n\nx",
    "From: a@[192.0.2.1]\n\nx",
    "From: a@@example.com\n\nx",
    "\0",
]


@pytest.mark.parametrize("text", NO_LETTERS)
def test_what_is_no_letter_is_refused(tmp_path: Path, text: str) -> None:
    letter = tmp_path / "letter"
    letter.write_text(text)
    with pytest.raises(Invalid, match="is no message"):
        Message.read(letter, Resolver("127.0.0.1"))


SIGNATURES = [
    "",
    "v=1; d=\udcff; s=x",
    f"v=1; a=rsa-sha256; d=a.example; s={'x' * 70}",
    "v=1; a=rsa-sha256; d=a..example; s=x",
]


@pytest.mark.parametrize("tags", SIGNATURES)
def test_an_odd_signature_is_one_that_does_not_verify(tmp_path: Path, tags: str) -> None:
    letter = tmp_path / "letter"
    more = f"{tags}; c=relaxed/relaxed; h=from; bh=AAAA; b=AAAA" if tags else ""
    text = f"DKIM-Signature: {more}\nFrom: a@example.com\n\nx"
    letter.write_bytes(text.encode(errors="surrogateescape"))
    (signature,) = Message.read(letter, Resolver("127.0.0.1")).signatures
    assert "does not verify" in signature.fault


def test_a_resolver_that_is_silent_is_one_sentence_and_nothing_else_is_asked(
    folder: Folder,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        resolver = Resolver("127.0.0.1", deaf.getsockname()[1])
        start = time.monotonic()
        (found,) = world.dns_findings(folder.load(), resolver)
        assert time.monotonic() - start < 10
    assert (found.id, found.severity) == ("resolver 127.0.0.1: silent", Severity.UNASKED)
