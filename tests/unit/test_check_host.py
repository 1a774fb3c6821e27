"""SPF as receivers evaluate it, where implementations go wrong (RFC 7208)."""

import ipaddress

import pytest

from mailwright.check import identity
from mailwright.check.check_host import Evaluation
from mailwright.check.identity import Sender
from mailwright.dns.record import Record

ZONE = {
    ("example.com", "A"): ["192.0.2.1"],
    ("example.com", "AAAA"): ["2001:db8::1"],
    ("example.com", "MX"): ["10 mx.example.com.", "20 mx.example.net."],
    ("null.example", "MX"): ["0 ."],
    ("mx.example.com", "A"): ["192.0.2.10"],
    ("mx.example.net", "AAAA"): ["2001:db8::10"],
    ("other.example", "TXT"): ["v=spf1 ip4:192.0.2.99 -all"],
    ("redirected.example", "TXT"): ["v=spf1 a:example.com ~all"],
    ("loop.example", "TXT"): ["v=spf1 include:loop.example -all"],
    ("2.2.0.192.in-addr.arpa", "PTR"): ["lie.example.com.", "host.Example.org."],
    ("host.example.org", "A"): ["192.0.2.2"],
    ("lie.example.com", "A"): ["192.0.2.3"],
    ("example.com._spf.example.org", "A"): ["127.0.0.2"],
    ("1.2.0.192.alice.helo.example.example.org", "A"): ["127.0.0.2"],
    ("host.example.org.p.example.net", "A"): ["127.0.0.2"],
}
CASES = [
    ("a", "192.0.2.1", "pass"),
    ("a", "2001:db8::1", "pass"),
    ("a", "::ffff:192.0.2.1", "pass"),  # IPv4 in IPv6's clothes
    ("a/24//64", "192.0.2.200", "pass"),
    ("a//64", "192.0.2.200", "fail"),
    ("a//64", "2001:db8::9", "pass"),
    ("mx", "192.0.2.10", "pass"),
    ("mx", "2001:db8::10", "pass"),
    ("mx:null.example", "192.0.2.10", "fail"),
    ("ip4:192.0.2.0/31", "192.0.2.1", "pass"),
    ("ip6:::/0", "192.0.2.1", "fail"),
    ("include:other.example", "192.0.2.99", "pass"),
    ("include:other.example", "192.0.2.98", "fail"),
    ("include:nowhere.example", "192.0.2.1", "permerror"),
    ("include:loop.example", "192.0.2.1", "permerror"),
    ("?include:other.example", "192.0.2.99", "neutral"),
    ("ptr", "192.0.2.2", "fail"),  # lie.example.com does not lead back
    ("ptr:example.org", "192.0.2.2", "pass"),
    ("ptr:ample.org", "192.0.2.2", "fail"),
    ("exists:%{d}._spf.example.org", "192.0.2.7", "pass"),
    ("exists:%{ir}.%{l}.%{h}.example.org", "192.0.2.1", "pass"),
    ("exists:%{p}.p.example.net", "192.0.2.2", "pass"),
    ("a:nowhere.example a:x.example a:y.example", "192.0.2.9", "permerror"),  # in vain, thrice
    *[(word, "192.0.2.1", "permerror") for word in (
        "a:localhost", "a:example.1", "a:example.-x", "a:", "a:%", "a:%{x}.example.org",
        "a:%{d", "exists:%{c}.example.org", "exists:%(i).example.org", "ip4:192.0.2.0/031",
        "a/33", "ip6:2001:db8::/129", "x=%", "redirect=localhost", "exp=localhost", "all.",
        "exp=e.example.org exp=e.example.org",
    )],
]  # fmt: skip


def evaluated(record: str, ip: str) -> str:
    def look_up(name: str, kind: str) -> list[str]:
        return ZONE.get((name.lower().rstrip("."), kind), [])

    message = Evaluation(look_up, ipaddress.ip_address(ip), "alice@example.com", "helo.example")
    return message.result("example.com", record)


@pytest.mark.parametrize(("terms", "ip", "result"), CASES)
def test_a_record_means_what_the_rfc_says(terms: str, ip: str, result: str) -> None:
    assert evaluated(f"v=spf1 {terms} -all", ip) == result


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1", "neutral"),
        ("v=spf1 redirect=redirected.example", "pass"),
        ("v=spf1 redirect=nowhere.example", "permerror"),
        ("v=spf1 -all redirect=redirected.example", "fail"),
        ("v=spf1 redirect=redirected.example ip4:192.0.2.1", "pass"),
        ("v=spf1 -ip4:192.0.2.1 a", "fail"),  # the first that matches
        (f"v=spf1 {'include:other.example ' * 9}a", "pass"),
        (f"v=spf1 {'include:other.example ' * 10}a", "permerror"),  # the eleventh look-up
    ],
)
def test_a_record_ends_as_the_rfc_says(record: str, result: str) -> None:
    assert evaluated(record, "192.0.2.1") == result


OURS = [Sender("192.0.2.10", "mx.example.com"), Sender("2001:db8::10", "mx.example.net")]


@pytest.mark.parametrize(
    ("wanted", "published", "kinds"),
    [
        ("mx", "mx", []),
        ("mx", "a:MX.example.com ip6:2001:db8:0::10", []),
        ("mx", "a mx:example.com. ip4:192.0.2.10/32", []),
        ("mx include:x.example", "mx", ["changed"]),
        ("mx ip4:203.0.113.8/29", "mx ip4:203.0.113.9/29", []),
        ("mx ip4:203.0.113.8", "mx ip4:203.0.113.8/29", ["changed", "more"]),
        ("mx include:x.example", "include:X.example. mx", []),
        ("mx", "mx include:x.example", ["more"]),
        ("mx", "mx exists:%{i}.x.example", ["more"]),
        ("mx", "mx/24", ["more"]),
        ("mx", "mx -ip4:203.0.113.8 ?include:x.example", []),
        ("mx", "mx redirect=x.example", ["more"]),
        ("mx a:shop.example", "mx", ["changed"]),
    ],
)
def test_senders_that_are_no_hosts_of_ours_get_a_word(
    wanted: str, published: str, kinds: list[str]
) -> None:
    record = Record("spf", "example.com.", "TXT", (f"v=spf1 {wanted} -all",), "Why.")
    found = identity.others(record, f"v=spf1 {published} -all", OURS)
    assert [kind for kind, _, _ in found] == kinds
