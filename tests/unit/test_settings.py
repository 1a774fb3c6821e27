"""docs/settings.md has every setting, as the schema has it."""

import tomllib

import pytest

from mailwright.inventory.machine import HostTable
from tests.settings import PAGE, Setting, lines, page, settings

ALL = [pytest.param(each, id=f"{each.table.__name__}.{each.name}") for each in settings()]


def test_the_page_is_what_the_schema_says() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.settings"


@pytest.mark.parametrize("setting", ALL)
def test_each_setting_has_a_sentence_and_a_default(setting: Setting) -> None:
    assert setting.sentence[:1].isupper() and setting.sentence.endswith(".")
    assert setting.default.strip("`")


@pytest.mark.parametrize("setting", ALL)
def test_each_setting_has_an_example_that_is_right(setting: Setting) -> None:
    assert setting.examples
    for example in setting.examples:
        assert setting.accepts(example)
        if setting.table is not HostTable:
            written = "\n".join(lines(setting.name, example))
            assert tomllib.loads(written) == {setting.name: example}


def test_a_setting_without_words_is_not_overlooked() -> None:
    class Table(HostTable):
        bare: int | None = None

    bare = Setting(Table, "bare")
    assert (bare.sentence, bare.default, bare.examples) == ("", "", [])
