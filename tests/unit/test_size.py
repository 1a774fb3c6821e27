import pytest

from mailwright.model import size
from mailwright.model.problems import Invalid


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), (1000, 1000), ("10K", 10240), ("50M", 52428800), ("2g", 2 << 30), ("1T", 1 << 40)],
)
def test_sizes_are_powers_of_1024(text: object, number: int) -> None:
    assert size.parse(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        0,
        "-1",
        "1.5G",
        "2 apples",
        "10 K",
        "M",
        "1KB",
        True,
        1.5,
        None,
        "9" * 30,
        "99999999T",
    ],
)
def test_anything_else_is_no_size(text: object) -> None:
    with pytest.raises(Invalid, match="is no size"):
        size.parse(text)


@pytest.mark.parametrize("number", [1, 1023, 1024, 1025, 100 << 10, 50 << 20, 1 << 30, 3 << 40])
def test_a_size_is_printed_as_it_is_read(number: int) -> None:
    assert size.parse(size.format(number)) == number
    assert size.format(50 << 20) == "50M"
