"""No value costs more than its length: each field of a message with each piece in every form."""

from itertools import product, starmap

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
def test_hostile_value_in_any_form_costs_no_more_than_its_length(field: str) -> None:
    hold_to_its_length(field, starmap(hostile, product(PIECES, FORMS)))


def test_a_stream_in_single_bytes_costs_no_more_than_its_length() -> None:
    body = b"x" * 3 * LENGTH
    data = request(extra=f"X: {'y' * 4 * LENGTH}\r\n", body=body)

    def drip() -> None:
        framer = Framer()
        came = [framer.feed(data[at : at + 1]) for at in range(len(data))]
        assert came[-1] == [data]

    assert walks(drip) < 12 * LIMIT
