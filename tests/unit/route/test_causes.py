import pytest

from callrouter.route.causes import cause_of, status_of


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


@pytest.mark.parametrize(
    ("cause", "status"), [(1, 404), (17, 486), (18, 408), (21, 403), (34, 503), (127, 500)]
)
def test_known_cause_has_the_status_of_rfc_3398(cause: int, status: int) -> None:
    assert status_of(cause) == status


def test_unlisted_cause_is_a_server_error() -> None:
    assert status_of(99) == 500


def test_every_status_has_a_cause_and_every_cause_a_final_status() -> None:
    assert all(1 <= cause_of(status) <= 127 for status in range(300, 700))
    assert all(400 <= status_of(cause) <= 699 for cause in range(1, 128))
