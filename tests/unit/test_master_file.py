"""Zone files as servers, panels and people write them: read as they are, or told by line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.model.problems import Problems
from mailwright.zones import master_file
from mailwright.zones.present import Zone

BIND = """\
$ORIGIN example.com.
$TTL 1d ; a day
@       IN SOA  ns1 hostmaster (
                2026112901 ; serial
                8h 2h 4w 1h )
        IN NS   ns1
        IN MX   10 mail
ns1     A       192.0.2.53 ; the name server
$TTL 60
mail    A       192.0.2.25
        2h30m IN AAAA 2001:db8::25
        IN 5m TXT   "a" "b c"
$ORIGIN office
www     CNAME   www.example.com.
$GENERATE 1-3 pc$ A 192.0.2.$
"""
PDNSUTIL = """\
$ORIGIN .
example.com\t3600\tIN\tSOA\tns1.example.com hostmaster.example.com 1 10800 3600 604800 3600
example.com\t3600\tIN\tNS\tns1.example.com.
example.com\t300\tIN\tMX\t10 mail.example.com.
www.example.com\t300\tIN\tALIAS\tshop.elsewhere.example.
"""
WINDOWS = """\
;
;  Database file example.com.dns for Default zone scope in zone example.com.
;      Zone version:  42
;

@                       IN  SOA dc1.example.com. hostmaster.example.com. (
                        \t\t42           ; serial number
                        \t\t900          ; refresh
                        \t\t600          ; retry
                        \t\t86400        ; expire
                        \t\t3600       ) ; default TTL

@                       NS\tdc1.example.com.
dc1                     A\t192.0.2.2
@                       TXT\t( "v=spf1 mx -all" )
"""
CPANEL = """\
; cPanel first:11.110.0.15 latest:11.110.0.15 Cpanel::ZoneFile::VERSION:1.3 mtime:1700000000
; Zone file for example.com
$TTL 14400
example.com.\t86400\tIN\tSOA\tns1.host.example.\tops.host.example.\t(
\t\t\t\t\t\t2026010100\t;Serial
\t\t\t\t\t\t3600 1800 1209600 86400\t)
example.com.\t86400\tIN\tNS\tns1.host.example.
example.com.\t14400\tIN\tA\t192.0.2.80
mail\t14400\tIN\tCNAME\texample.com.
default._domainkey\t14400\tIN\tTXT\t"v=DKIM1; k=rsa; p=AAAA" BBBB\\;
"""
ROUTE_53 = """\
$ORIGIN example.com.
@\t172800\tIN\tNS\tns-1.dns.example.
@\t900\tIN\tSOA\tns-1.dns.example. hostmaster.dns.example. 1 7200 900 1209600 86400
@\t86400 AWS ALIAS A lb.region.elb.elsewhere.example. ZONE false
\\052\t300\tIN\tA\t192.0.2.80
"""
FLATTENED = """\
;; SOA Record
example.com\t3600\tIN\tSOA\tada.dns.example. dns.dns.example. 2049 10000 2400 604800 3600

;; NS Records
example.com.\t86400\tIN\tNS\tada.dns.example.

;; CNAME Records
example.com.\t1\tIN\tCNAME\tpages.elsewhere.example. ; cf_tags=cf-proxied:true
www.example.com.\t1\tIN\tCNAME\texample.com. ; cf_tags=cf-proxied:true
"""


def read(path: Path, text: str | bytes) -> Zone:
    file = path / "example.com.zone"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return master_file.read(file, "example.com")


def lines(zone: Zone) -> set[str]:
    return {line for rrset in zone.rrsets() for line in str(rrset).splitlines()}


def odd(zone: Zone) -> list[tuple[str, str]]:
    """The lines of what is odd, and its type."""
    return [(each.where.rpartition(":")[2], each.kind) for each in zone.odd]


def test_directives_units_parentheses_and_blank_owners(tmp_path: Path) -> None:
    zone = read(tmp_path, BIND)
    assert not zone.odd
    assert lines(zone) == {
        "example.com. 86400 IN SOA ns1.example.com. hostmaster.example.com. 2026112901 28800 7200"
        " 2419200 3600",
        "example.com. 86400 IN NS ns1.example.com.",
        "example.com. 86400 IN MX 10 mail.example.com.",
        "ns1.example.com. 86400 IN A 192.0.2.53",
        "mail.example.com. 60 IN A 192.0.2.25",
        "mail.example.com. 9000 IN AAAA 2001:db8::25",
        'mail.example.com. 300 IN TXT "a" "b c"',
        "www.office.example.com. 60 IN CNAME www.example.com.",
        *(f"pc{n}.office.example.com. 60 IN A 192.0.2.{n}" for n in (1, 2, 3)),
    }


EXPORTS = {
    "pdnsutil": (PDNSUTIL, 3, [("5", "ALIAS")]),
    "windows": (WINDOWS, 4, []),
    "cpanel": (CPANEL, 5, []),
    "route 53": (ROUTE_53, 3, [("4", "AWS")]),
    "flattened": (FLATTENED, 3, [("8", "CNAME")]),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_what_panels_and_servers_export(name: str, tmp_path: Path) -> None:
    text, sets, strange = EXPORTS[name]
    zone = read(tmp_path, text)
    assert (len(zone.rrsets()), odd(zone)) == (sets, strange)
    assert zone.rdatas(zone.origin, "SOA"), "also where its name lacks the final dot"


@pytest.mark.parametrize(
    ("text", "ttl"),
    [
        ("@ 60 SOA a b 1 2 3 4 300\nx A 192.0.2.1\n", 60),  # RFC 1035 section 5.1
        ("@ SOA a b 1 2 3 4 300\nx A 192.0.2.1\n", 300),  # RFC 2308 section 4: of old
        ("$TTL 2h\n@ 60 SOA a b 1 2 3 4 300\nx A 192.0.2.1\n", 7200),
        ("@ SOA a b 1 2 3 4 300\ny 90 A 192.0.2.1\nx A 192.0.2.1\n", 90),
        ("x A 192.0.2.1\n", 3600),  # as ours, where nothing is said
        ("x A 192.0.2.1\ny 90 A 192.0.2.1\n", 3600),
        ("z A 192.0.2.1\ny 90 A 192.0.2.1\nx A 192.0.2.1\n", 90),
        ("$TTL 5\n$TTL 1w2d\nx IN A 192.0.2.1\n", 9 * 86400),
    ],
)
def test_a_ttl_that_is_not_said(text: str, ttl: int, tmp_path: Path) -> None:
    zone = read(tmp_path, text)
    assert not zone.odd
    assert [r.ttl for r in zone.rrsets() if str(r.name) == "x.example.com."] == [ttl]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_whatever_it_is_written_in(coding: str, end: str, tmp_path: Path) -> None:
    text = "@ 60 A 192.0.2.1 ; für Größe\nx 60 TXT zwei\n".replace("\n", end)
    zone = read(tmp_path, text.encode(coding))
    assert lines(zone) == {"example.com. 60 IN A 192.0.2.1", 'x.example.com. 60 IN TXT "zwei"'}


@given(st.lists(st.binary(max_size=255), min_size=1, max_size=4))
def test_a_txt_is_what_it_is_octet_for_octet(
    tmp_path_factory: pytest.TempPathFactory, strings: list[bytes]
) -> None:
    quoted = (b'"%s"' % s.replace(b"\\", b"\\\\").replace(b'"', b'\\"') for s in strings)
    text = b" ".join(quoted).replace(b"\n", b"\\010").replace(b"\r", b"\\013")
    zone = read(tmp_path_factory.getbasetemp(), b"x 60 TXT " + text + b"\n")
    (data,) = zone.rdatas(zone.rrsets()[0].name, "TXT")
    assert list(data.strings) == strings  # type: ignore[attr-defined]


# -- other files ----------------------------------------------------------------------------------


def test_included_files_are_beside_it(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "soa").write_text("$TTL 2h\n@ SOA a b 1 2 3 4 5\n")
    (tmp_path / "hosts").write_text("www A 192.0.2.80\n$ORIGIN nowhere\n$INCLUDE parts/more\n")
    (tmp_path / "parts" / "more").write_text("x FOO y\nx A 192.0.2.1\n")
    zone = read(tmp_path, '$INCLUDE "parts/soa"\n@ NS ns\n$INCLUDE hosts office ; ours\n MX 5 mx\n')
    assert lines(zone) == {
        "example.com. 7200 IN SOA a.example.com. b.example.com. 1 2 3 4 5",
        "example.com. 7200 IN NS ns.example.com.",
        "www.office.example.com. 7200 IN A 192.0.2.80",
        "x.nowhere.office.example.com. 7200 IN A 192.0.2.1",
        "example.com. 7200 IN MX 5 mx.example.com.",
    }
    assert [each.where for each in zone.odd] == [f"{tmp_path / 'parts' / 'more'}:1"]


@pytest.mark.parametrize("name", ["missing", "/etc/passwd", "../passwd", "parts", ".", ""])
def test_a_file_that_is_not_beside_it_is_named_with_what_to_do(name: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    (inner / "parts").mkdir(parents=True)
    (tmp_path / "passwd").write_text("x A 192.0.2.1\n")
    with pytest.raises(Problems, match=r"zone:2: includes .*copy it to"):
        read(inner, f"@ 60 A 192.0.2.1\n$INCLUDE {name}\n")


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    with pytest.raises(Problems, match="for ever"):
        read(tmp_path, "$INCLUDE example.com.zone\n")


# -- what is odd ----------------------------------------------------------------------------------

STRANGE = {
    "ALIAS": "x 60 IN ALIAS target.example.net.",
    "ANAME": "x ANAME target.example.net.",
    "REDIRECT": "x 60 REDIRECT https://www.example.net/",
    "A": "x 60 A 192.0.2.300",
    "MX": "x IN MX mail",
    "TXT": 'x 60 TXT "not closed',
    "AAAA": "x 60 AAAA ::1 )",
}


@pytest.mark.parametrize("kind", STRANGE)
def test_one_odd_record_is_told_and_the_rest_is_read(kind: str, tmp_path: Path) -> None:
    text = f"@ 60 MX 10 mail\n{STRANGE[kind]}\n 60 CAA 0 issue a\ny 60 A 192.0.2.1\n"
    zone = read(tmp_path, text)
    assert odd(zone) == [("2", kind)]
    assert str(zone.odd[0].name) == "x.example.com."
    assert len(zone.rrsets()) == 3


def test_what_follows_an_owner_that_cannot_be_read_is_nobody_s(tmp_path: Path) -> None:
    text = f"@ 60 A 192.0.2.1\n{'x' * 64} 60 A 192.0.2.2\n 60 TXT lost\ny 60 A 192.0.2.3\n"
    zone = read(tmp_path, text)
    assert [where for where, _ in odd(zone)] == ["2", "3"]
    assert len(zone.rrsets()) == 2


def test_aliases_that_are_not_alone_are_odd(tmp_path: Path) -> None:
    two = "x 60 CNAME a\nx 60 CNAME b\ny 60 CNAME a\ny 60 CNAME a\nz 60 TXT t\nz 60 CNAME a\n"
    zone = read(tmp_path, two)
    assert odd(zone) == [("1", "CNAME"), ("2", "CNAME"), ("6", "CNAME")]
    assert lines(zone) == {
        "y.example.com. 60 IN CNAME a.example.com.",
        'z.example.com. 60 IN TXT "t"',
    }


def test_a_transfer_that_was_saved_ends_as_it_begins(tmp_path: Path) -> None:
    soa = "example.com. 60 IN SOA a. b. 1 2 3 4 5\n"
    assert not read(tmp_path, f"{soa}x.example.com. 60 IN A 192.0.2.1\n{soa}").odd
    assert odd(read(tmp_path, f"{soa}{soa.replace('1 2 3', '2 2 3')}")) == [("2", "SOA")]


def test_the_zone_of_somebody_else_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(Problems, match=r"1: is no zone file of example.com: .* is not in the zone"):
        read(tmp_path, "example.org. 60 IN A 192.0.2.1\n")
    assert odd(read(tmp_path, "@ 60 A 192.0.2.1\nexample.org. 60 IN A 192.0.2.1\n"))[0][0] == "2"


@pytest.mark.parametrize("text", ["x 60 TXT ( a\ny 60 TXT b\n", 'x 60 TXT "a'])
def test_what_has_no_end_is_told_where_it_begins(text: str, tmp_path: Path) -> None:
    with pytest.raises(Problems, match=r"zone:2: .*not closed"):
        read(tmp_path, f"; first\n{text}")


def test_a_line_makes_so_many_records_and_no_more(tmp_path: Path) -> None:
    zone = read(tmp_path, "@ 60 A 192.0.2.1\n$GENERATE 1-4000000000 h$ 60 A 192.0.2.1\n")
    assert "more than" in zone.odd[0].why and len(zone.rrsets()) == 1


@given(st.text('abc.@ \t\n"();\\$0123*ä\x00') | st.binary())
def test_nothing_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes
) -> None:
    try:
        zone = read(tmp_path_factory.getbasetemp(), text)
    except Problems:
        return
    assert all(each.why for each in zone.odd)


def test_eighteen_thousand_records_take_twice_as_long_as_nine(tmp_path: Path) -> None:
    """Steps are counted, which do not depend on the machine."""
    assert steps(tmp_path, 400) < 2.2 * steps(tmp_path, 200)
    assert steps(tmp_path, 400, one_name=True) < 2.2 * steps(tmp_path, 200, one_name=True)


def steps(path: Path, records: int, one_name: bool = False) -> int:
    import cProfile
    import pstats

    names = ("" if one_name else str(n) for n in range(records))
    text = "".join(f'h{name} 60 TXT "{n}"\n' for n, name in enumerate(names))
    with cProfile.Profile() as profile:
        read(path, text)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]
