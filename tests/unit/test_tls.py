"""Chain files that a mail host cannot serve."""

from collections.abc import Callable

import pytest

from tests.unit.conftest import Folder

WHERE = "tls/mail.example.com.pem"
EXPECTED = "expected private key, leaf and intermediates in one PEM file"


@pytest.fixture
def put(folder: Folder) -> Callable[..., None]:
    folder.hosts = 'mail = [("mail.example.com", {"debian": 12, "ipv4": "198.51.100.10"})]'
    folder.mail = 'postmaster = "me@elsewhere.example"\n[domains."example.com"]\n'
    (folder.path / "tls").mkdir()

    def write(text: str, mode: int = 0o600) -> None:
        path = folder.path / WHERE
        path.write_text(text)
        path.chmod(mode)

    return write


def cut(text: str) -> tuple[str, str]:
    key, begin, leaf = text.partition("-----BEGIN CERTIFICATE-----")
    return key, begin + leaf


def test_a_chain_that_fits(
    folder: Folder, put: Callable[..., None], chain: Callable[..., str]
) -> None:
    put(chain())
    assert folder.load(tls=True).hosts[0].tls_chain == (folder.path / WHERE).read_text()
    put(chain("*.example.com"))
    folder.load(tls=True)


def test_no_chain(folder: Folder) -> None:
    folder.mail = 'postmaster = "me@elsewhere.example"\n[domains."example.com"]\n'
    folder.hosts = 'mail = [("mail.example.com", {"debian": 12, "ipv4": "198.51.100.10", "tls_chain_file": "/nowhere/chain.pem"})]'  # noqa: E501
    assert folder.wrong(tls=True) == [f"/nowhere/chain.pem: is missing; {EXPECTED}"]


def test_chains_that_do_not_fit(
    folder: Folder, put: Callable[..., None], chain: Callable[..., str]
) -> None:
    key, leaf = cut(chain())
    for text, line in {
        "": f"has no private key; {EXPECTED}",
        key: f"has no certificate; {EXPECTED}",
        leaf: f"has no private key; {EXPECTED}",
        leaf + key: "has the certificate before the key; expected private key, leaf, intermediates",
        cut(chain())[0] + leaf: "has a private key and a certificate that do not match",
        chain("mail.example.org"): (
            "has a certificate for mail.example.org; expected one for mail.example.com"
        ),
        chain("*.com"): "has a certificate for *.com; expected one for mail.example.com",
    }.items():
        put(text)
        assert folder.wrong(tls=True) == [f"{WHERE}: {line}"]


def test_time(folder: Folder, put: Callable[..., None], chain: Callable[..., str]) -> None:
    put(chain(days=-1, start=-2))
    assert folder.wrong(tls=True)[0].startswith(f"{WHERE}: has a certificate that expired on 20")
    put(chain(start=1))
    assert folder.wrong(tls=True)[0].startswith(f"{WHERE}: has a certificate for the time after 20")


def test_others_can_read_it(
    folder: Folder, put: Callable[..., None], chain: Callable[..., str]
) -> None:
    put(chain(), 0o640)
    line = "is open to other users (mode 640); expected mode 600"
    assert folder.wrong(tls=True) == [f"{WHERE}: {line}"]
