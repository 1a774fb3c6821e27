"""A small inventory that is right, for tests to spoil."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import settings

from mailwright.inventory.load import Inventory, load
from mailwright.model.problems import Problems
from tests.inventories import certify_web

settings.register_profile("mailwright", deadline=None)  # how fast it is stands in bench/
settings.load_profile("mailwright")

HASH = "{BLF-CRYPT}$2y$08$VvkQ.WbHGHeEprpEvodAfe3OEGDlwlv2xuKKCo8rakkmgK25LBRJy"

HOSTS = """\
mail = [
    ("mail.example.com", {"debian": 12, "ipv4": "198.51.100.10", "ipv6": "2001:db8::10"}),
    ("mail.example.org", {"debian": 13, "ipv4": "198.51.100.20"}),
]
"""

MAIL = f"""\
postmaster = "alice@example.com"

[domains."example.com"]
host = "mail.example.com"
[domains."example.org"]
host = "mail.example.org"

[mailboxes."alice@example.com"]
password = "{HASH}"
[mailboxes."bob@example.org"]
password = "{HASH}"
quota = "2G"

[aliases]
"info@example.com" = "alice@example.com"
"""


class Folder:
    """An inventory folder that tests write to."""

    hash = HASH

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hosts, self.mail = HOSTS, MAIL

    def load(self, *, keys: bool = False, tls: bool = False) -> Inventory:
        (self.path / "hosts.py").write_text(self.hosts)
        (self.path / "mail.toml").write_text(self.mail)
        return load(self.path, require_keys=keys, require_tls=tls)

    def certify(self) -> None:
        """Give each domain a certificate for its web names."""
        self.load()
        certify_web(self.path)

    def wrong(self, *, keys: bool = False, tls: bool = False) -> list[str]:
        """The lines of everything that is wrong."""
        with pytest.raises(Problems) as caught:
            self.load(keys=keys, tls=tls)
        return str(caught.value).splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "inventory"
    path.mkdir()
    return Folder(path)


@pytest.fixture
def chain() -> Callable[..., str]:
    """Makes the text of a chain file: private key and certificate."""

    def make(name: str = "mail.example.com", days: int = 30, start: int = -1) -> str:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "whoever")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(subject, subject, key.public_key(), serial_number=1)
        builder = builder.not_valid_before(now + timedelta(days=start))
        builder = builder.not_valid_after(now + timedelta(days=days))
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return (private + certificate.public_bytes(serialization.Encoding.PEM)).decode()

    return make


@pytest.fixture
def hangs_up() -> Iterator[None]:
    """A closed terminal ends what is started here, though nohup(1) has started the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
