import pytest

from mailwright.model import address
from mailwright.model.problems import Invalid


@pytest.mark.parametrize(
    ("written", "name", "people"),
    [
        ("example.com", "example.com", "example.com"),
        ("EXAMPLE.Com", "example.com", "example.com"),
        ("münchen.example", "xn--mnchen-3ya.example", "münchen.example (xn--mnchen-3ya.example)"),
        ("MÜNCHEN.example", "xn--mnchen-3ya.example", "münchen.example (xn--mnchen-3ya.example)"),
        ("XN--fa-hia.example", "xn--fa-hia.example", "faß.example (xn--fa-hia.example)"),
        ("faß.example", "xn--fa-hia.example", "faß.example (xn--fa-hia.example)"),
        ("1and1.example", "1and1.example", "1and1.example"),
    ],
)  # fmt: skip
def test_a_domain_has_one_form_and_people_see_both(written: str, name: str, people: str) -> None:
    assert address.domain(written) == name
    assert address.both(name) == people


@pytest.mark.parametrize(
    "text",
    [
        "", "com", "example..com", ".example.com", "example.com.", "-a.example", "a-.example",
        "a_b.example", "a b.example", "198.51.100.10", "xn--0.example", "☃.example", "a/b.example",
        f"{'a' * 64}.example", ".".join(["a" * 49] * 6),
    ],
)  # fmt: skip
def test_no_domain_names(text: str) -> None:
    with pytest.raises(Invalid, match="is no domain name"):
        address.domain(text)


def test_an_address_has_one_form() -> None:
    assert address.parse("Alice@MÜNCHEN.example") == "alice@xn--mnchen-3ya.example"
    assert address.parse("o'neil/x=y@example.com") == "o'neil/x=y@example.com"


@pytest.mark.parametrize("text", ["alice", "", 5, None, ["a@example.com"]])
def test_what_has_no_at_sign_is_no_address(text: object) -> None:
    with pytest.raises(Invalid, match="is no mail address"):
        address.parse(text)


@pytest.mark.parametrize(
    "local",
    ["", ".a", "a.", "a..b", "a b", '"a b"', "a@b", "jürgen", "a\nb", "a,b", "a:b", "a" * 65],
)
def test_a_local_part_is_a_dot_atom(local: str) -> None:
    with pytest.raises(Invalid, match="has no valid local part"):
        address.parse(f"{local}@example.com")


@pytest.mark.parametrize("local", ["-a", "a/b", "a%b", "a!b", "#a", "a|b", "a=b"])
def test_an_address_of_ours_is_what_dovecot_lets_in_and_postfix_delivers(local: str) -> None:
    with pytest.raises(Invalid, match="has no valid local part"):
        address.own(f"{local}@example.com")


def test_an_extension_belongs_to_what_stands_before_it() -> None:
    assert address.without_extension("alice+a+b@example.com") == "alice@example.com"
