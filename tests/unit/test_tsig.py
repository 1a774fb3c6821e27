"""The key of a name server is read from a file of its owner's, and never shown."""

import base64
from pathlib import Path

import pytest

from mailwright.model.problems import Problems
from mailwright.net import tsig

SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
BIND = f"""\
// made by tsig-keygen
key "mailwright.example" {{
\talgorithm hmac-sha512;
\tsecret "{SECRET}"; # a comment
}};
"""
KNOT = f"""\
# hmac-sha512:mailwright.example:{SECRET}
key:
  - id: mailwright.example.
    algorithm: hmac-sha512
    secret: {SECRET}
"""


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "dns.key"
    path.touch(mode)
    path.chmod(mode)
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", [BIND, KNOT, BIND.replace("\n", " ").replace("//", "/**/"[:0])])
def test_bind_s_and_knot_s_files_are_read(tmp_path: Path, text: str) -> None:
    text = text.replace(" made by tsig-keygen key", "key").replace("# a comment", "")
    key = tsig.read(written(tmp_path, text))
    assert str(key.name) == "mailwright.example."
    assert str(key.algorithm) == "hmac-sha512."
    assert base64.b64encode(key.secret).decode() == SECRET


@pytest.mark.parametrize(
    ("text", "mode", "line"),
    [
        (BIND, 0o644, "is open to other users (mode 644); expected mode 600"),
        (BIND, 0o640, "is open to other users (mode 640); expected mode 600"),
        ("", 0o600, "is no TSIG key"),
        (SECRET, 0o600, "is no TSIG key"),
        (BIND.replace("secret", "sekret"), 0o600, "is no TSIG key"),
        (BIND.replace("hmac-sha512", "hmac-md5"), 0o600, "has an unknown algorithm"),
        (BIND.replace(SECRET, "!" + SECRET), 0o600, "has a secret or a name that is none"),
        (BIND.replace(SECRET, SECRET[1:]), 0o600, "has a secret or a name that is none"),
        (BIND.replace(".example", "..example"), 0o600, "has a secret or a name that is none"),
        (BIND + BIND, 0o600, "has several keys; expected one"),
    ],
)
def test_what_is_no_key_is_named_and_not_shown(
    tmp_path: Path, text: str, mode: int, line: str
) -> None:
    path = written(tmp_path, text, mode)
    with pytest.raises(Problems) as caught:
        tsig.read(path)
    assert str(caught.value).startswith(f"{path}: {line}")
    assert SECRET[1:20] not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Problems, match="is missing"):
        tsig.read(tmp_path / "no.key")
