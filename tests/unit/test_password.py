import bcrypt
import pytest

from mailwright.inventory import password
from mailwright.model.problems import Invalid

B64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3ODkrL2FiY2Rl"


@pytest.mark.parametrize(
    "hashed",
    [
        "{BLF-CRYPT}$2y$08$VvkQ.WbHGHeEprpEvodAfe3OEGDlwlv2xuKKCo8rakkmgK25LBRJy",
        "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$WOVyTWm6gKXpAA$Qkb4aMV3VwYDP1lPqWiiAnVXxU6Mxs",
        "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$f2gfRSsv5zQ$qKpDyKU0O3Z3CYQXrNvpQ4sKy0w",
        "{SHA512-CRYPT}$6$3IZvTTMt5BE2d1jT$" + "a" * 86,
        "{SHA512-CRYPT}$6$rounds=130000$3IZvTTMt5BE2d1jT$" + "a" * 86,
        "{SHA256-CRYPT}$5$3IZvTTMt5BE2d1jT$" + "a" * 43,
        "{SSHA512}" + B64,
        "{PBKDF2}$1$qVm3lWWFUrQMiAMp$5000$" + "0f" * 20,
    ],
)
def test_hashes_that_both_dovecots_verify(hashed: str) -> None:
    assert password.check(hashed) == hashed


YESCRYPT = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$xK.TYNPZxd2NOjHXzAMNhXrXfCKspvwTX/rlD1mlcg."


@pytest.mark.parametrize(
    ("written", "scheme"),
    [
        ("$2y$08$" + "a" * 53, "BLF-CRYPT"),
        ("$2b$08$" + "a" * 53, "BLF-CRYPT"),
        ("$6$3IZvTTMt5BE2d1jT$" + "a" * 86, "SHA512-CRYPT"),
        ("{CRYPT}$6$rounds=5000$3IZvTTMt5BE2d1jT$" + "a" * 86, "SHA512-CRYPT"),
        ("{crypt}$2a$08$" + "a" * 53, "BLF-CRYPT"),
        ("$5$3IZvTTMt5BE2d1jT$" + "a" * 43, "SHA256-CRYPT"),
        (
            "$argon2id$v=19$m=65536,t=3,p=1$WOVyTWm6gKXpAA$Qkb4aMV3VwYDP1lPqWiiAnVXxU6Mxs",
            "ARGON2ID",
        ),
        (YESCRYPT, "CRYPT"),
        ("{CRYPT}" + YESCRYPT, "CRYPT"),
        ("{ssha512}" + B64, "SSHA512"),
        ("{SSHA512.b64}" + B64, "SSHA512"),
    ],
)
def test_a_hash_tells_its_scheme_itself(written: str, scheme: str) -> None:
    """As other programs write them; both Dovecots verify a yescrypt hash as {CRYPT}."""
    assert password.check(written) == f"{{{scheme}}}{written[written.find('}') + 1 :]}"


@pytest.mark.parametrize(
    ("written", "scheme"),
    [
        ("$1$H2Wehp1j$ODmMASL3G.uA4KBkqGj6Z/", "MD5-CRYPT"),
        ("{MD5-CRYPT}$1$H2Wehp1j$ODmMASL3G.uA4KBkqGj6Z/", "MD5-CRYPT"),
        ("{CRYPT}JBOZ0DgmtucwE", "DES-CRYPT"),
        ("$apr1$H2Wehp1j$ODmMASL3G.uA4KBkqGj6Z/", "APR1"),
        ("{SHA}" + "a" * 27 + "=", "SHA"),
        ("{ssha}" + "a" * 32, "SSHA"),
        ("{PLAIN-MD5}" + "0f" * 16, "PLAIN-MD5"),
        ("0f" * 16, "MD5"),
        ("*" + "0F" * 20, "SHA1"),
        ("0f" * 32, "SHA256"),
    ],
)
def test_a_weak_hash_is_told_with_the_way_out(written: str, scheme: str) -> None:
    with pytest.raises(Invalid, match=f"hashed with {scheme}, which is weak") as caught:
        password.check(written)
    assert "mailwright mailbox password" in caught.value.hint
    assert written not in str(caught.value.at("here"))


ARGON2 = "{ARGON2ID}$argon2id$v=19$%s$WOVyTWm6gKXpAA$Qkb4aMV3VwYDP1lPqWiiAnVXxU6Mxs"


@pytest.mark.parametrize(
    ("hashed", "expected"),
    [
        ("{BLF-CRYPT}$2y$13$" + "a" * 53, "a cost of 12 at most"),
        ("{BLF-CRYPT}$2y$31$" + "a" * 53, "a cost of 12 at most"),
        ("{SHA512-CRYPT}$6$rounds=130001$salt$" + "a" * 86, "rounds=130000 at most"),
        ("{SHA512-CRYPT}$6$rounds=999999999$salt$" + "a" * 86, "rounds=130000 at most"),
        ("{SHA256-CRYPT}$5$rounds=80001$salt$" + "a" * 43, "rounds=80000 at most"),
        ("{PBKDF2}$1$qVm3lWWFUrQMiAMp$4294967295$" + "0f" * 20, "rounds=350000 at most"),
        (YESCRYPT.replace("j9T", "jCT"), "jBT at most"),
        (ARGON2 % "m=65537,t=1,p=1", "m=65536 at most, and t*m=524288"),
        (ARGON2 % "m=65536,t=9,p=1", "m=65536 at most, and t*m=524288"),
        (ARGON2 % "m=8,t=4294967295,p=1", "m=65536 at most, and t*m=524288"),
    ],
)
def test_a_hash_that_would_keep_others_waiting_is_refused(hashed: str, expected: str) -> None:
    """Dovecot's auth verifies one password after the other."""
    with pytest.raises(Invalid, match="takes too long") as caught:
        password.check(hashed)
    assert caught.value.expected == expected


@pytest.mark.parametrize(
    ("hashed", "what"),
    [
        ("secret", "is not hashed"),
        ("$2y$08$tooshort", "is no hash of scheme BLF-CRYPT"),
        ("!$6$salt$" + "a" * 86, "is not hashed"),
        ("{CRYPT}$2x$08$" + "a" * 53, "is no hash of scheme CRYPT"),
        ("", "is not hashed"),
        (12345, "is not hashed"),
        ("{PLAIN}secret", "is not hashed"),
        ("{SSHA512.hex}secret", "is hashed with an unknown scheme"),
        ("{secret}", "is hashed with an unknown scheme"),
        ("{BLF-CRYPT}secret", "is no hash of scheme BLF-CRYPT"),
        ("{BLF-CRYPT}$2y$08$tooshort", "is no hash of scheme BLF-CRYPT"),
        ("{SHA512-CRYPT}$5$3IZvTTMt5BE2d1jT$" + "a" * 43, "is no hash of scheme SHA512-CRYPT"),
        ("{SSHA512}secret:x", "is no hash of scheme SSHA512"),
        ("{SSHA512}" + "a" * 10000, "is no hash of scheme SSHA512"),
        ("{PBKDF2}$1$" + "a" * 10000 + "$5000$" + "0f" * 20, "is no hash of scheme PBKDF2"),
        (ARGON2 % "m=1024,t=1,p=1" + "a" * 10000, "is no hash of scheme ARGON2ID"),
        (ARGON2 % "m=1024,t=1,p=99", "is no hash of scheme ARGON2ID"),
        (
            "{SHA512-CRYPT}$6$rounds=9999999999$salt$" + "a" * 86,
            "is no hash of scheme SHA512-CRYPT",
        ),
        ("{BLF-CRYPT}$2y$08$" + "a" * 53 + "\n", "is no hash of scheme BLF-CRYPT"),
    ],
)
def test_what_is_no_hash_is_refused_and_not_shown(hashed: object, what: str) -> None:
    with pytest.raises(Invalid, match=what) as caught:
        password.check(hashed)
    assert "secret" not in str(caught.value.at("here"))
    assert caught.value.value is None


def test_a_hash_verifies_its_password_and_no_other() -> None:
    hashed = password.hash("pässword")
    assert password.check(hashed) == hashed
    raw = hashed.removeprefix("{BLF-CRYPT}").encode()
    assert bcrypt.checkpw("pässword".encode(), raw)
    assert not bcrypt.checkpw(b"password", raw)


@pytest.mark.parametrize("text", ["", "a" * 73, "ä" * 37, "a\0b"])
def test_bcrypt_would_cut_these_passwords(text: str) -> None:
    with pytest.raises(Invalid, match="the password cannot be hashed"):
        password.hash(text)


def test_a_short_password_is_told() -> None:
    assert password.shortness("a" * 11).startswith("the password has 11 characters")
    assert not password.shortness("a" * 12)
    assert not password.shortness(password.generate())


def test_generated_passwords_are_long_and_differ() -> None:
    assert len(password.generate()) == 20
    assert password.generate() != password.generate()


def test_what_nobody_guesses_needs_no_slow_hash() -> None:
    assert "}$2y$10$" in password.hash("chosen")
    assert "}$2y$05$" in password.hash(password.generate(), generated=True)
