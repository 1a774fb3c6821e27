"""SPF records as a receiver reads them, and what they make it ask."""

import string
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.model import spf
from mailwright.model.problems import Invalid

LABEL = st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=12)
NAME = st.lists(LABEL, min_size=1, max_size=3).map(lambda labels: f"{'.'.join(labels)}.example")
TERM = st.one_of(
    st.builds(spf.Term, st.just("include"), NAME, qualifier=st.sampled_from("+-~?")),
    st.builds(spf.Term, st.sampled_from(["a", "mx"]), NAME | st.just(""), qualifier=st.just("+")),
    st.builds(spf.Term, st.just("a"), NAME, st.sampled_from(["/24", "//64", "/24//64"])),
    st.builds(
        spf.Term, st.just("ip4"), st.ip_addresses(v=4).map(str), st.sampled_from(["", "/24"])
    ),
    st.builds(
        spf.Term, st.just("ip6"), st.ip_addresses(v=6).map(str), st.sampled_from(["", "/48"])
    ),
    st.builds(spf.Term, st.just("exists"), NAME.map("%{{i}}.{}".format)),
    st.builds(spf.Term, st.just("all"), qualifier=st.sampled_from("-~?+")),
)


class Zone(dict[tuple[str, str], list[str]]):
    """A small DNS: what it does not have is not there."""

    def __call__(self, name: str, kind: str) -> Sequence[str]:
        return self.get((name, kind), [])


def count(zone: Zone, text: str, name: str = "example.com") -> spf.Count:
    return spf.Count(zone).follow(name, spf.parse(text))


@given(st.lists(TERM, max_size=12))
def test_what_is_written_is_read(terms: list[spf.Term]) -> None:
    text = " ".join(["v=spf1", *map(str, terms)])
    assert list(spf.parse(text)) == terms


@given(st.text(max_size=60))
def test_no_text_is_more_than_wrong(text: str) -> None:
    for record in (text, f"v=spf1 {text}"):
        try:
            read = spf.parse(record)
        except Invalid:
            continue
        again = " ".join(["v=spf1", *map(str, read)])
        assert spf.parse(again) == read


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1  MX -all",
        "V=SPF1 include:_spf.Example.net ~all",
        "v=spf1 a/24//64 mx:example.net/32 ip6:2001:db8::/32",
        "v=spf1 exists:%{ir}.%{l1r+-}.example.net exp=why.example.net -all",
        "v=spf1 unknown=thing redirect=example.net",
        "v=spf1",
    ],
)
def test_right_records_are_read(text: str) -> None:
    spf.parse(text)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("v=spf1 include -all", "include"),
        ("v=spf1 a: -all", "a:"),
        ("v=spf1 a/33", "a/33"),
        ("v=spf1 mx//129", "mx//129"),
        ("v=spf1 ip4:1.2.3", "ip4:1.2.3"),
        ("v=spf1 ip4:2001:db8::", "ip4:2001:db8::"),
        ("v=spf1 ipv4:192.0.2.1", "ipv4:192.0.2.1"),
        ("v=spf1 -all:x", "-all:x"),
        ("v=spf1 redirect=", "redirect="),
        ("v=spf1 include:a..b", "include:a..b"),
        ("v=spf10 -all", "v=spf10 -all"),
    ],
)
def test_a_wrong_term_is_named(text: str, term: str) -> None:
    with pytest.raises(Invalid) as caught:
        spf.parse(text)
    assert caught.value.value == term


def test_two_redirects_are_wrong() -> None:
    with pytest.raises(Invalid, match="redirect= twice"):
        spf.parse("v=spf1 redirect=a.example redirect=b.example")


def test_look_ups_are_counted_through_includes() -> None:
    zone = Zone(
        {
            ("_spf.example.net", "TXT"): ["v=spf1 a mx include:_b.example.net ip4:192.0.2.1 ~all"],
            ("_b.example.net", "TXT"): ["other", "v=spf1 exists:%{i}.example.net -all"],
            ("_spf.example.net", "A"): ["192.0.2.1"],
            ("_spf.example.net", "AAAA"): ["2001:db8::1"],
            ("mx.example.net", "A"): ["192.0.2.2"],
            ("mx.example.com", "AAAA"): ["2001:db8::2"],
            ("_spf.example.net", "MX"): ["10 mx.example.net."],
            ("example.com", "MX"): ["10 mx.example.com."],
        }
    )
    found = count(zone, "v=spf1 mx include:_spf.example.net -all")
    assert (found.lookups, found.voids, found.over()) == (6, {"A": 1, "AAAA": 1}, [])


def test_redirect_counts_unless_all_comes_first() -> None:
    zone = Zone({("x.example", "TXT"): ["v=spf1 -all"]})
    assert count(zone, "v=spf1 redirect=x.example").lookups == 1
    assert count(zone, "v=spf1 redirect=x.example -all").lookups == 0


def test_ten_look_ups_are_right_and_eleven_are_not() -> None:
    zone = Zone({(f"{n}.example", kind): ["…"] for n in range(11) for kind in ("A", "AAAA")})
    ten = " ".join(f"a:{n}.example" for n in range(10))
    assert count(zone, f"v=spf1 {ten} -all").over() == []
    assert count(zone, f"v=spf1 {ten} a:10.example -all").over() == [
        "11 look-ups, and receivers stop at 10"
    ]


def test_look_ups_in_vain_are_counted() -> None:
    found = count(Zone(), "v=spf1 a:1.example mx:2.example exists:3.example -all")
    assert found.over() == ["3 look-ups in vain, and receivers stop at 2"]
    zone = Zone({(f"{n}.example", "A"): ["192.0.2.1"] for n in (1, 3)})
    found = count(zone, "v=spf1 a:1.example exists:2.example a:3.example -all")
    assert found.over() == ["3 look-ups in vain for senders with IPv6, and receivers stop at 2"]
    found = count(Zone(), "v=spf1 include:1.example include:2.example include:3.example -all")
    assert found.over()[0] == "3 look-ups in vain, and receivers stop at 2"


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ([], "x.example has no SPF records (include:x.example)"),
        (["v=spf1 -all", "v=spf1 mx -all"], "x.example has 2 SPF records (include:x.example)"),
        (["v=spf1 ipv4:1 -all"], "the SPF record of x.example has 'ipv4:1' (include:x.example)"),
        (["v=spf1 include:example.com -all"], "include:example.com leads back to example.com"),
    ],
)
def test_what_an_include_makes_wrong_is_said(texts: list[str], problem: str) -> None:
    zone = Zone({("x.example", "TXT"): texts})
    assert count(zone, "v=spf1 include:x.example -all").problems == [problem]


def test_records_that_include_each_other_many_times_end() -> None:
    zone = Zone()
    for n in range(30):
        both = f"include:{n + 1}a.example include:{n + 1}b.example"
        for letter in "ab":
            zone[f"{n}{letter}.example", "TXT"] = [f"v=spf1 {both} -all"]
    found = count(zone, "v=spf1 include:0a.example -all")
    assert found.lookups > 50
    assert found.over()
