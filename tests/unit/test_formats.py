"""Every format says what the records say: what reads it finds the same data again."""

import ast
import json
import shutil
import string
import subprocess
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dns.rdata
import dns.rdatatype
import dns.zone
import pytest
from dns.rdtypes.ANY.TXT import TXT
from hypothesis import given
from hypothesis import strategies as st
from octodns.provider.yaml import YamlProvider
from octodns.zone import Zone

import mailwright.dns
from mailwright.cli import main
from mailwright.commands.terminal import published
from mailwright.dns.formats import FORMATS, bind, dnscontrol, nsupdate, octodns, terraform, values
from mailwright.dns.record import Record, strings
from mailwright.dns.records import each_zone, records
from mailwright.inventory.load import Inventory
from mailwright.model.address import zone_of
from mailwright.rotation import birth
from tests.unit.conftest import Folder

SOA = "@ 3600 IN SOA ns.elsewhere.example. hostmaster.elsewhere.example. 1 7200 900 1209600 300\n"
Data = set[tuple[str, str, int, str]]

MORE = """
caa = ["letsencrypt.org; accounturi=https://acme.example/1"]
"""
DOMAINS = """
[domains."münchen.example"]
host = "mail.example.com"
dkim = ["rsa", "ed25519"]
mta_sts = "testing"
bimi = "https://example.com/logo.svg"
dmarc_rua = ["reports@elsewhere.example", "a!b@example.com"]
spf_mechanisms = ["include:_spf.example.net", "exists:%{i}._x.example.net"]
no_mail = ["www.münchen.example"]
[domains."sub.example.com"]
host = "mail.example.com"
no_mail = ["www.deep.sub.example.com"]
[domains."deep.sub.example.com"]
host = "mail.example.com"
[domains."customer.example"]
host = "mail.example.com"
dkim_delegated = "example.com"
[domains."old.example"]
parked = true
"""


@pytest.fixture
def inventory(folder: Folder, chain: Callable[..., str]) -> Inventory:
    folder.hosts = folder.hosts.replace(
        '"ipv4": "198.51.100.10"', '"ipv4": "198.51.100.10", "dane": True'
    )
    folder.hosts = folder.hosts.replace("mail.example.org", "mail.outside.example")
    folder.mail = MORE + folder.mail.replace("mail.example.org", "mail.outside.example") + DOMAINS
    (folder.path / "tls").mkdir()
    file = folder.path / "tls" / "mail.example.com.pem"
    file.write_text(chain("mail.example.com"))
    file.chmod(0o600)
    folder.certify()
    described = folder.load()
    wanted = [(domain, name) for domain in described.domains for name in birth.lacking(domain)]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    list(birth.make(folder.path, wanted, birth.lacking, now, None))
    return folder.load(keys=True, tls=False)


def datum(name: str, kind: str, ttl: int, text: str) -> tuple[str, str, int, str]:
    """A record in one form, however its TXT was split."""
    data = dns.rdata.from_text("IN", kind, text)
    whole = repr(b"".join(data.strings)) if isinstance(data, TXT) else data.to_text().lower()
    return name, kind, ttl, whole


def meant(some: Iterable[Record]) -> Data:
    return {datum(r.name, r.type, r.ttl, text) for r in some for text in r.data}


def full(name: str, origin: str) -> str:
    return f"{origin}." if name == "@" else f"{name}.{origin}."


def quoted(text: str) -> str:
    return " ".join(strings(text))


def of_bind(origin: str, text: str, tmp: Path) -> Data:
    zone = dns.zone.from_text(SOA + text, f"{origin}.", relativize=False, check_origin=False)
    return {
        datum(name.to_text(), dns.rdatatype.to_text(data.rdtype), ttl, data.to_text())
        for name, ttl, data in zone.iterate_rdatas()
        if data.rdtype != dns.rdatatype.SOA
    }


def of_values(origin: str, text: str, tmp: Path) -> Data:
    """As a person reads the form, who types every field."""
    found = set()
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        form = {line[:10].strip(" :"): line[10:] for line in lines}
        if not form:
            continue
        kind, name, ttl = form.pop("Type"), form.pop("Name"), int(form.pop("TTL"))
        if "Target" in form:
            form["Target"] = f"{form['Target'].rstrip('.')}."
        if kind in ("TXT", "CAA"):
            form["Value"] = quoted(form["Value"])
        found.add(datum(full(name, origin), kind, ttl, " ".join(form.values())))
    return found


def of_json(origin: str, text: str, tmp: Path) -> Data:
    found = json.loads(text)
    assert found["zone"] == origin
    return {
        datum(r["name"], r["type"], r["ttl"], quoted(v) if r["type"] == "TXT" else v)
        for r in found["records"]
        for v in r["values"]
    }


def of_octodns(origin: str, text: str, tmp: Path) -> Data:
    """As octoDNS reads it, with all its checks."""
    (tmp / f"{origin}.yaml").write_text(text)
    zone = Zone(f"{origin}.", [])
    YamlProvider("ours", str(tmp)).populate(zone)
    return {
        datum(record.fqdn, record._type, record.ttl, value)
        for record in zone.records
        for value in record.to_rrset().rdatas
    }


_NODE = """
const record = (type) => (...words) => [type, ...words];
const [A, AAAA, CNAME, PTR] = ["A", "AAAA", "CNAME", "PTR"].map(record);
const [MX, SRV, TLSA, CAA, TXT] = ["MX", "SRV", "TLSA", "CAA", "TXT"].map(record);
const TTL = (ttl) => ({ttl});
const D_EXTEND = (name, ...all) => console.log(JSON.stringify([name, all]));
"""


def of_dnscontrol(origin: str, text: str, tmp: Path) -> Data:
    """As JavaScript calls the functions that DNSControl documents."""
    command = ["node", "-e", _NODE + text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    zone, calls = json.loads(done.stdout)
    assert zone == origin
    found = set()
    for kind, name, *words, ttl in calls:
        if kind in ("TXT", "CAA"):
            words[-1] = quoted(words[-1])
        data = " ".join(map(str, ([0] if kind == "CAA" else []) + words))
        found.add(datum(full(name, origin), kind, ttl["ttl"], data))
    return found


def of_terraform(origin: str, text: str, tmp: Path) -> Data:
    """As JSON, with the two escapes of Terraform's templates undone."""
    [(_, found)] = json.loads(text)["locals"].items()
    plain = (
        (r, v.replace("$${", "${").replace("%%{", "%{"))
        for r in found.values()
        for v in r["values"]
    )
    assert all(key.endswith(full(r["name"], origin)[:-1]) for key, r in found.items())
    return {
        datum(full(r["name"], origin), r["type"], r["ttl"], quoted(v) if r["type"] == "TXT" else v)
        for r, v in plain
    }


def of_nsupdate(origin: str, text: str, tmp: Path) -> Data:
    lines = [line for line in text.splitlines() if not line.startswith(";")]
    assert (lines[0], lines[-1]) == (f"zone {origin}.", "send")
    found = set()
    for line in lines[1:-1]:
        update, add, name, ttl, kind, data = line.split(" ", 5)
        assert (update, add) == ("update", "add")
        found.add(datum(name, kind, int(ttl), data))
    return found


READ: dict[str, Callable[[str, str, Path], Data]] = {
    name.removeprefix("of_"): read for name, read in globals().items() if name.startswith("of_")
}


def test_the_inventory_of_these_tests_has_every_record_that_there_is(inventory: Inventory) -> None:
    written = set()
    for path in Path(mailwright.dns.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Record":
                assert isinstance(node.args[0], ast.Constant), "a purpose stands in the code"
                written.add(node.args[0].value)
    assert written == {record.purpose for record in records(inventory)}


def test_every_format_is_read_by_a_test() -> None:
    assert set(READ) == set(FORMATS)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_what_reads_a_format_finds_every_record(
    inventory: Inventory, name: str, tmp_path: Path
) -> None:
    for origin, some in each_zone(inventory):
        if origin:
            found = READ[name](origin, FORMATS[name].text(origin, some), tmp_path)
            assert found == meant(some), origin


def test_zones_in_a_stream_are_all_records(inventory: Inventory) -> None:
    found = [record.id for _, some in each_zone(inventory) for record in some]
    assert sorted(found) == sorted(record.id for record in records(inventory))


def test_each_record_is_in_the_nearest_zone(inventory: Inventory) -> None:
    """Whichever domain it is of; not every domain is looked through for such records."""
    known = {domain.name for domain in inventory.domains}
    wanted: dict[str, set[Record]] = {}
    for record in records(inventory):
        wanted.setdefault(zone_of(record.name, known), set()).add(record)
    assert {origin: {*some} for origin, some in each_zone(inventory)} == wanted


def test_some_zones_have_the_same_records_as_among_all(inventory: Inventory) -> None:
    """Though only those keys are read that they need."""
    for origin, some in each_zone(inventory):
        if origin:
            fewer = published(inventory.folder, [origin])
            assert dict(each_zone(fewer, [origin])) == {origin: some}


@pytest.mark.skipif(not shutil.which("terraform"), reason="Debian has no package of Terraform")
def test_terraform_itself_reads_a_stream(inventory: Inventory, tmp_path: Path) -> None:
    zones = [(origin, some) for origin, some in each_zone(inventory) if origin]
    (tmp_path / "mail.tf.json").write_text("".join(FORMATS["terraform"].stream(zones)))
    names = [f"mail_records_{origin.replace('.', '_')}" for origin, _ in zones]
    values = {name: {"value": f"${{local.{name}}}"} for name in names}
    (tmp_path / "outputs.tf.json").write_text(json.dumps({"output": values}))
    for words in (["init"], ["apply", "-auto-approve"], ["output", "-json"]):
        command = ["terraform", words[0], "-no-color", *words[1:]]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    found = {name: each["value"] for name, each in json.loads(done.stdout).items()}
    for name, (_, some) in zip(names, zones, strict=True):
        said = {key: each["values"] for key, each in found[name].items()}
        assert said == {record.id: list(record.values) for record in some}


# -- any record, not only those of the model ------------------------------------------------------

LABEL = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=10)
NAMES = st.lists(LABEL, max_size=3).map(lambda some: ".".join([*some, "example.com."]))
HOST = LABEL.map("{}.example.net.".format)
NUMBER = st.integers(0, 65535)
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
TEXT = st.text(PRINTABLE, min_size=1, max_size=600)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
DATA = {
    "A": st.ip_addresses(v=4).map(str),
    "AAAA": st.ip_addresses(v=6).map(str),
    "CNAME": HOST,
    "PTR": HOST,
    "MX": st.builds("{} {}".format, NUMBER, HOST),
    "SRV": st.builds("{} {} {} {}".format, NUMBER, NUMBER, NUMBER, HOST),
    "CAA": st.builds('0 {} "{}"'.format, st.sampled_from(["issue", "iodef"]), LABEL),
    "TLSA": st.builds("3 {} 1 {}".format, st.integers(0, 1), HEX),
    "TXT": TEXT,
}


def test_the_types_are_those_that_there_are(inventory: Inventory) -> None:
    assert {record.type for record in records(inventory)} <= set(DATA)
    tables = (values._PARTS, dnscontrol._ARGUMENTS)
    assert all(set(table) == set(DATA) for table in tables)
    assert set(octodns.VALUES) >= {*DATA, "NS"}, "a whole zone has delegations"


@st.composite
def any_records(draw: st.DrawFn) -> list[Record]:
    keys = draw(st.lists(st.tuples(NAMES, st.sampled_from(sorted(DATA))), max_size=6, unique=True))
    return [
        Record(
            f"p{n}", name, kind, tuple(draw(st.sets(DATA[kind], min_size=1, max_size=3))), "Why."
        )
        for n, (name, kind) in enumerate(keys)
    ]


@pytest.mark.parametrize("name", ["bind", "json", "nsupdate", "values"])
@given(some=any_records())
def test_any_record_is_read_back(name: str, some: list[Record]) -> None:
    some = _without_cname_clashes(some)
    if name == "bind":  # which notes PTR for whoever assigns the addresses
        some = [record for record in some if record.type != "PTR"]
    if some:
        text = FORMATS[name].text("example.com", some)
        assert READ[name]("example.com", text, Path()) == meant(some)


def _without_cname_clashes(some: Sequence[Record]) -> list[Record]:
    """dnspython, rightly, keeps nothing beside a CNAME."""
    aliases = {record.name for record in some if record.type == "CNAME"}
    return [r for r in some if r.name not in aliases]


# -- the command ----------------------------------------------------------------------------------


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(str(ended.value.code or 0)), *capsys.readouterr()


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_one_file_for_each_domain(
    inventory: Inventory, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "dns"
    code, out, _ = ran(
        capsys, "dns", str(inventory.folder), "--format", name, "--output", str(there)
    )
    assert (code, out) == (0, "")
    for origin, some in each_zone(inventory):
        file = there / f"{origin or 'outside'}{FORMATS[name].suffix}"
        if origin:
            assert READ[name](origin, file.read_text(), there) == meant(some)
        else:
            assert file.exists() == FORMATS[name].everywhere


def test_what_a_format_has_no_place_for_is_said(
    inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ran(capsys, "dns", str(inventory.folder), "--format", "nsupdate")
    assert code == 0
    assert "mail.outside.example" not in out.replace("MX 10 mail.outside.example.", "").replace(
        " mail.outside.example.\n", "\n"
    )
    assert err.startswith("note: outside the zones of our domains, so not written: ")
    assert "mail.outside.example. A" in err


def test_a_stream_of_json_is_one_list(
    inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = ran(capsys, "dns", str(inventory.folder), "--format", "json")
    zones = json.loads(out)
    assert [zone["zone"] or "" for zone in zones] == [origin for origin, _ in each_zone(inventory)]
    _, out, _ = ran(capsys, "dns", str(inventory.folder), "example.com", "--format", "json")
    assert [zone["zone"] for zone in json.loads(out)] == ["example.com"]


def test_the_default_is_a_zone_file(
    inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = ran(capsys, "dns", str(inventory.folder))
    assert out == "\n".join(bind.text(origin, some) for origin, some in each_zone(inventory))


def test_scripts_and_locals_have_the_names_that_their_programs_demand() -> None:
    record = Record("mx", "example.com.", "MX", ("10 mail.example.com.",), "Why.")
    assert nsupdate.text("example.com", [record]).splitlines()[1] == "zone example.com."
    assert "mail_records_my-mail_example" in terraform.text("my-mail.example", [record])
