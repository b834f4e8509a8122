"""No value costs more than its length: each field of a message with each piece in every form."""

from itertools import product, starmap

import pytest
from support.hostile_values import FIELDS, FORMS, PIECES, hold_to_its_length, hostile


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_value_in_any_form_costs_no_more_than_its_length(field: str) -> None:
    hold_to_its_length(field, starmap(hostile, product(PIECES, FORMS)))
