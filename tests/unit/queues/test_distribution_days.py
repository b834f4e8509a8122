"""Days by lot: whatever happens, in whatever order, the invariants of a distribution hold."""

from hypothesis import given
from hypothesis import strategies as st
from support.queue_day import Day


@given(st.integers(0, 2**32))
def test_day_by_lot_keeps_the_invariants(seed: int) -> None:
    Day(seed).run(60)
