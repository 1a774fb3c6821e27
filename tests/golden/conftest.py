import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write", action="store_true", help="accept the golden pictures as they are now"
    )
