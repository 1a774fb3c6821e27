"""The foreign mail server: somebody else's, which judges what mailwright's hosts send to it.

Debian's Postfix, opendkim, opendmarc and Dovecot, configured by the files in `elsewhere/`. Its
Authentication-Results (RFC 8601) say what it thinks of a message's SPF, DKIM and DMARC. At port
25 everybody is a stranger; its own user may submit at ports 465 and 587 as any sender.
"""

import base64
import shutil
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab import peers
from lab.addresses import FOREIGN
from lab.authority import Authority
from lab.home import Home, write
from lab.image import Image

ZONE = "elsewhere.example."
ACCOUNT = {
    "address": "judge@elsewhere.example",
    "password": "toy-of-the-lab",
    "imap_host": FOREIGN.name,
    "imap_port": 993,
    "submission_port": 465,
}
IMAGE = Image(
    13,
    (
        *("postfix", "opendkim", "opendmarc", "publicsuffix", "dovecot-imapd", "dovecot-lmtpd"),
        *("nginx-light", "postfix-mta-sts-resolver"),
    ),
)

_FILES = Path(__file__).with_name("elsewhere")


def records(home: Home) -> str:
    """Return what the server publishes besides its addresses, as a master file."""
    public = _dkim_key(home).public_key()
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = base64.b64encode(der).decode()
    dkim = f'"v=DKIM1; k=rsa; p=" "{key[:200]}" "{key[200:]}"'
    return (
        f"{ZONE} IN MX 10 {FOREIGN.name}.\n"
        f'{ZONE} IN TXT "v=spf1 mx -all"\n'
        f'{FOREIGN.name}. IN TXT "v=spf1 a -all"\n'
        f'_dmarc.{ZONE} IN TXT "v=DMARC1; p=reject"\n'
        f"lab._domainkey.{ZONE} IN TXT {dkim}\n"
    ) + peers.records(home)


def furnish(home: Home, root: Path) -> None:
    """Write the server's settings, keys and account below `root`."""
    shutil.copytree(_FILES, root, dirs_exist_ok=True)
    certificate = Authority(home.authority).issue(FOREIGN.name)
    write(root / f"etc/ssl/private/{FOREIGN.name}.pem", certificate, mode=0o600)
    (root / "etc/ssl/private").chmod(0o710)
    write(root / "etc/dkimkeys/lab.pem", _pem(_dkim_key(home)), mode=0o600)
    (root / "etc/dkimkeys").chmod(0o700)
    write(root / "etc/dovecot/users", f"{ACCOUNT['address']}:{{PLAIN}}{ACCOUNT['password']}\n")
    write(root / "etc/mailname", f"{FOREIGN.name}\n")
    peers.furnish(home, root)


def _dkim_key(home: Home) -> rsa.RSAPrivateKey:
    """The server's key, which stays the same as long as the lab home."""
    path = home.dnssec / "dkim.pem"
    if not path.exists():
        write(path, _pem(rsa.generate_private_key(65537, 2048)), mode=0o600)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
