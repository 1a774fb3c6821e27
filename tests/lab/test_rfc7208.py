"""The test suite that the authors of SPF publish for RFC 7208, as Debian's source of pyspf has it.

The lab's mirror fetches that with the machine's own apt, and keeps it. What a result explains
(`exp=`) is not evaluated: whoever sends reads it, and nobody judges by it.
"""

import hashlib
import ipaddress
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import dns.name
import yaml

from lab.home import Home
from lab.machine import archive
from lab.packages import Mirror
from mailwright.check.check_host import Evaluation, Unasked

SOURCE = "debian/pool/main/p/pyspf/pyspf_2.0.14.orig.tar.gz"
SHA256 = "57a7ef01bda090173aafb6af0106251686ed73f03db4e911fcd34c57fc347186"
SUITE = "pyspf-2.0.14/test/rfc7208-tests.yml"
CASES = 203


@cache
def suite() -> list[dict[str, Any]]:
    path = Mirror(Home.here().cache, archive().repositories()).file(f"/{SOURCE}")
    assert path, f"{SOURCE} cannot be fetched"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256
    return [each for each in yaml.safe_load_all(_member(path)) if each]


def _member(path: Path) -> bytes:
    with tarfile.open(path) as source:
        file = source.extractfile(SUITE)
        assert file
        return file.read()


class Zone:
    """What a scenario says is in DNS; SPF there is TXT as well, unless TXT is said too."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = {name.lower(): records for name, records in data.items()}

    def __call__(self, name: str, kind: str, before: tuple[str, ...] = ()) -> list[str]:
        plain = _plain(name)
        if plain in before:  # aliases in a circle
            raise Unasked
        records = self._data.get(plain, [])
        pairs = [pair for each in records if isinstance(each, dict) for pair in each.items()]
        if aliases := [value for key, value in pairs if key == "CNAME"]:
            return self(aliases[0], kind, (*before, plain))
        wanted = "SPF" if kind == "TXT" and "TXT" not in dict(pairs) else kind
        texts = [_text(value) for key, value in pairs if key == wanted and value != "NONE"]
        if not texts and "TIMEOUT" in records:
            raise Unasked
        return texts


def _plain(name: str) -> str:
    """As the suite has it: no letter is escaped."""
    return b".".join(dns.name.from_text(name).labels[:-1]).decode().lower()


def _text(value: Any) -> str:
    """Strings of TXT are one, and MX is a number and a name."""
    match value:
        case [int(preference), name]:
            return f"{preference} {name or '.'}"
        case list():
            return "".join(value)
    return str(value)


def evaluated(zone: Zone, case: dict[str, Any]) -> str:
    helo = case["helo"]
    sender = case["mailfrom"] or f"postmaster@{helo}"
    letter = Evaluation(zone, ipaddress.ip_address(case["host"]), sender, helo)
    try:
        return letter.result(sender.rpartition("@")[2])
    except Unasked:
        return "temperror"


def test_every_case_has_a_result_that_is_right() -> None:
    wrong = {}
    for scenario in suite():
        zone = Zone(scenario["zonedata"])
        for name, case in scenario["tests"].items():
            expected = case["result"]
            found = evaluated(zone, case)
            if found not in ([expected] if isinstance(expected, str) else expected):
                wrong[name] = f"{found}, not {expected}"
    assert not wrong
    assert sum(len(scenario["tests"]) for scenario in suite()) == CASES
