"""Tests that are a table: each row is looked at, and each wrong one is named."""

import inspect

import pytest
from support.tables import each


def test_every_row_is_looked_at_and_every_wrong_one_is_named() -> None:
    seen = []

    @each(("one", "other"), [(1, 1), (1, 2), (3, 3), (0, 1)])
    def check(more: str, one: int, other: int) -> None:
        seen.append((more, one, other))
        assert one == other
        with pytest.raises(ZeroDivisionError):
            assert 1 / (one - other)

    assert [*inspect.signature(check).parameters] == ["more"]
    with pytest.raises(BaseExceptionGroup, match="2 of 4 rows") as caught:
        check(more="m")
    assert seen == [("m", 1, 1), ("m", 1, 2), ("m", 3, 3), ("m", 0, 1)]
    notes = [error.__notes__ for error in caught.value.exceptions]
    assert notes == [["with {'one': 1, 'other': 2}"], ["with {'one': 0, 'other': 1}"]]


def test_row_that_does_not_raise_what_it_should_is_wrong() -> None:
    @each("text", ["1", "x", "2"])
    def check(text: str) -> None:
        with pytest.raises(ValueError, match="invalid"):
            int(text)

    with pytest.raises(BaseExceptionGroup, match="2 of 3 rows"):
        check()
