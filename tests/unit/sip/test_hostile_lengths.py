"""No value costs more than its length: a few pieces in each field, and all of them in some.

Each field with each piece in every form, which takes twenty times as long, is in tests/fuzz.
"""

import pytest
from support.hostile_values import (
    FIELDS,
    FORMS,
    LENGTH,
    LIMIT,
    PIECES,
    hold_to_its_length,
    hostile,
    walks,
)
from support.rig import request

from callrouter.sip.framing import Framer


@pytest.mark.parametrize("field", FIELDS)
def test_a_hostile_value_costs_no_more_than_its_length(field: str) -> None:
    first = list(FIELDS).index(field)
    pieces = PIECES[first % 3 :: 3]
    forms = [FORMS[(first + index) % len(FORMS)] for index in range(len(pieces))]
    hold_to_its_length(field, map(hostile, pieces, forms))


def test_a_stream_in_single_bytes_costs_no_more_than_its_length() -> None:
    body = b"x" * 3 * LENGTH
    data = request(extra=f"X: {'y' * 4 * LENGTH}\r\n", body=body)

    def drip() -> None:
        framer = Framer()
        came = [framer.feed(data[at : at + 1]) for at in range(len(data))]
        assert came[-1] == [data]

    assert walks(drip) < 12 * LIMIT
