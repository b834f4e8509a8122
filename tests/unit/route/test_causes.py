import pytest

from callrouter.route.values.q850_causes import cause_of


@pytest.mark.parametrize(
    ("status", "cause"),
    [(404, 1), (486, 17), (600, 17), (480, 18), (408, 102), (503, 41), (603, 21), (487, 16)],
)
def test_known_status_has_the_cause_of_rfc_3398(status: int, cause: int) -> None:
    assert cause_of(status) == cause


@pytest.mark.parametrize(
    ("status", "cause"), [(200, 16), (302, 16), (499, 127), (580, 41), (699, 21)]
)
def test_unlisted_status_goes_by_its_class(status: int, cause: int) -> None:
    assert cause_of(status) == cause


def test_every_status_has_a_cause() -> None:
    assert all(1 <= cause_of(status) <= 127 for status in range(300, 700))
