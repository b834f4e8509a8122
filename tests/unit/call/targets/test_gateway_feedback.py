"""What a call tells of the health of a gateway."""

from typing import Final

import pytest
from support.by_hand import target
from support.one_leg import TargetLeg
from support.requests import response
from support.wire import SDP

from callrouter.call.legs.events import Failed
from callrouter.call.services.record import LegRecord
from callrouter.call.targets.gateway_feedback import (
    answered,
    by_another_way,
    ended,
    leg_record,
    retry_after,
    unreached,
)
from callrouter.sip.message import Response

LOST: Final = "calls are not responded to"
UNSENT: Final = "calls cannot be sent to it"


class Health:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, float]] = []

    def tried(self, name: str, place: str, why: str, rest_seconds: float) -> None:
        self.told.append((name, place, why, rest_seconds))


GATEWAY: Final = target(gateway="carrier")
PLACE: Final = GATEWAY.place
DESK: Final = target()


def failed(status: int, said: Response | None) -> Failed:
    return Failed(TargetLeg(SDP).leg, status, said)


@pytest.mark.parametrize(("status", "why"), [(408, LOST), (503, UNSENT), (480, None), (486, None)])
def test_gateway_that_is_not_reached(status: int, why: str | None) -> None:
    health = Health()
    unreached(health, GATEWAY, status)
    unreached(health, DESK, status)
    assert health.told == ([] if why is None else [("carrier", PLACE, why, 0.0)])


@pytest.mark.parametrize(
    ("status", "rows", "said", "told"),
    [
        (408, "", False, (LOST, 0.0)),
        (503, "", False, (UNSENT, 0.0)),
        (480, "", False, None),
        (486, "", True, ("", 0.0)),
        (302, "", True, ("", 0.0)),
        (500, "", True, ("", 0.0)),
        (404, "Retry-After: 9", True, ("", 0.0)),
        (503, "", True, ("calls are answered 503", 0.0)),
        (503, "Retry-After: 9", True, ("calls are answered 503", 9.0)),
        (408, "Retry-After: 9", True, ("calls are answered 408", 0.0)),
    ],
)
def test_gateway_whose_leg_ended(
    status: int, rows: str, said: bool, told: tuple[str, float] | None
) -> None:
    health = Health()
    event = failed(status, response(status, rows) if said else None)
    ended(health, GATEWAY, event)
    ended(health, DESK, event)
    assert health.told == ([] if told is None else [("carrier", PLACE, *told)])


@pytest.mark.parametrize(
    ("status", "said", "again"),
    [
        (408, False, True),
        (503, False, True),
        (503, True, True),
        (486, True, False),
        (408, True, False),
    ],
)
def test_next_way_is_tried_where_it_may_do_what_this_did_not(
    status: int, said: bool, again: bool
) -> None:
    assert by_another_way(failed(status, response(status) if said else None)) == again


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("9", 9.0),
        (" 9", 9.0),
        ("9;duration=3600", 9.0),
        ("9 (in a while)", 9.0),
        ("9999999999", 9999999999.0),
        ("99999999999", 0.0),
        ("soon", 0.0),
        ("-9", 0.0),
    ],
)
def test_retry_after(value: str, seconds: float) -> None:
    assert retry_after(response(503, f"Retry-After: {value}")) == seconds


def test_record_of_a_leg_names_its_gateway() -> None:
    entry = leg_record(GATEWAY, 20)
    assert (entry.gateway, entry.place) == ("carrier", PLACE)
    assert leg_record(DESK, 20).gateway == ""


def test_gateway_that_brought_a_call_to_its_end_is_well() -> None:
    health = Health()
    answered(health, leg_record(GATEWAY, 0))
    answered(health, LegRecord("desk", "sip:d@h", 0))
    assert health.told == [("carrier", PLACE, "", 0.0)]
