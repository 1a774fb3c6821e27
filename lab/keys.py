"""SSH keys: the operator's, and one for each host name that stays the same for ever.

A host that is reset or made again keeps its key, so known_hosts never goes stale.
"""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from lab.home import Home, locked, write


def operator_key(home: Home) -> Path:
    """Return the operator's private key file; the public one lies beside it."""
    return _key(home.ssh / "id_ed25519", "operator@lab")


def host_key(home: Home, name: str) -> Path:
    """Return the private key file of the host `name`, which known_hosts knows from then on."""
    known = home.ssh / "known_hosts"
    with locked(home.ssh / "known_hosts.lock"):
        path = _key(home.ssh / "hosts" / name, name)
        line = f"{name} {' '.join(public(path).split()[:2])}\n"
        lines = known.read_text() if known.exists() else ""
        if line not in lines:
            write(known, lines + line)
    return path


def public(path: Path) -> str:
    """Return the public key that lies beside a private one, as one line."""
    return path.with_name(path.name + ".pub").read_text()


def _key(path: Path, comment: str) -> Path:
    if not path.exists():
        key = ed25519.Ed25519PrivateKey.generate()
        line = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        write(path.with_name(path.name + ".pub"), f"{line.decode()} {comment}\n")
        write(path, _private(key), mode=0o600)
    return path


def _private(key: ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
