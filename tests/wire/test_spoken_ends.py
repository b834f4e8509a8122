"""A call at the worker comes to an end when its parties vanish, or go on for too long."""

import pytest
from support.wire import CALLER, TARGET, left_over
from test_speaking_paths import Path

RECORDED = "5009"


class Talk(Path):
    """A recorded call, connected through the worker."""

    def __init__(self) -> None:
        super().__init__(RECORDED)
        self.wire.run(20.0)
        assert self.caller.leg is not None
        assert self.router.pool.worker.held

    def ended(self) -> tuple[str, str, int]:
        """Run to the end; reason, who hung up and cause of the only record."""
        self.wire.run()
        (record,) = self.router.noted.ended
        assert self.router.noted.bugs == []
        assert left_over(self.router.stack) == {}
        assert not self.router.pool.worker.held
        assert [len(reports) for reports in self.router.archive.placed.values()] == [1]
        assert self.router.noted.up[0] == record.id
        return record.reason, record.hung_up_by, record.cause


@pytest.mark.parametrize(("place", "by"), [(CALLER, "caller"), (TARGET, "callee")])
def test_party_that_vanishes_ends_the_call(place: tuple[str, int], by: str) -> None:
    talk = Talk()
    talk.wire.remove(place)
    reason, who, cause = talk.ended()
    assert reason in {"peer_gone", "session_expired"}
    assert (who, cause) == (by, 102)
    assert talk.router.noted.ended[0].ended_ms < 1_300_000


def test_both_may_vanish() -> None:
    talk = Talk()
    talk.wire.remove(CALLER)
    talk.wire.remove(TARGET)
    assert talk.ended()[0] in {"peer_gone", "session_expired"}


def test_talk_that_goes_on_for_ever_is_ended_after_four_hours() -> None:
    talk = Talk()
    assert talk.ended() == ("too_long", "callrouter", 16)
    record = talk.router.noted.ended[0]
    assert record.answered_ms is not None
    assert record.ended_ms - record.answered_ms == pytest.approx(4 * 3_600_000, abs=100)
    worker = [one.start for one in talk.wire.sent if one.goal[0] == "127.0.0.1"]
    assert not [start for start in worker if start.startswith(("UPDATE", "OPTIONS"))]
