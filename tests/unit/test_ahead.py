"""Several questions at once, and their answers in order."""

import threading
from collections.abc import Iterator

import pytest

from mailwright.zones.ahead import ahead

WIDTH = 3


def test_the_next_few_are_asked_while_the_first_is_answered_and_the_order_stays() -> None:
    """Nobody answers before so many have been asked, and the first answers last."""
    asked, later = threading.Barrier(WIDTH, timeout=10), threading.Event()

    def ask(number: int) -> int:
        if number < WIDTH:
            asked.wait()
            later.wait(10) if number == 0 else later.set()
        return number * 10

    found = [(item, told.result()) for item, told in ahead(ask, range(9), WIDTH)]
    assert found == [(number, number * 10) for number in range(9)]


def test_no_more_are_held_than_are_asked() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    for done, _ in enumerate(ahead(str, items(), WIDTH)):
        assert len(taken) <= done + WIDTH
    assert len(taken) == 50


def test_a_width_of_one_is_one_after_the_other() -> None:
    asked: list[int] = []
    for number, told in ahead(asked.append, range(5), 1):
        told.result()
        assert asked == list(range(number + 1))


def test_an_error_is_where_its_question_was() -> None:
    answers = ahead(lambda number: 1 // number, [1, 0, 1], WIDTH)
    assert next(answers)[1].result() == 1
    with pytest.raises(ZeroDivisionError):
        next(answers)[1].result()
    assert next(answers)[1].result() == 1
