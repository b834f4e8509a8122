"""No value costs more than its length: a few pieces in each field, and all of them in some.

Each field with each piece in every form, which takes twenty times as long, is in tests/fuzz.
"""

from support.hostile_values import (
    FIELDS,
    FORMS,
    PIECES,
    hold_to_its_length,
    hostile,
)
from support.tables import each


@each("field", FIELDS)
def test_a_hostile_value_costs_no_more_than_its_length(field: str) -> None:
    first = list(FIELDS).index(field)
    pieces = PIECES[first % 3 :: 3]
    forms = [FORMS[(first + index) % len(FORMS)] for index in range(len(pieces))]
    hold_to_its_length(field, map(hostile, pieces, forms))
