"""What was asked over a connection that is lost: once more over another, or failed at once."""

import pytest
from support.rig import Rig, starts
from support.wire import left_over

from callrouter.sip.flow import Flow


@pytest.fixture
def used() -> Rig:
    """A connection of ours over which the peer has answered before."""
    rig = Rig("TCP")
    rig.flow.used = True
    return rig


def lose(rig: Rig, flow: Flow) -> list[str]:
    """A connection is lost; what is sent because of it, as "METHOD over the same" or "another"."""
    flow.open = False
    rig.stack.flow_failed(flow, rig.now)
    return [
        f"{sent.what} over {'the same' if sent.flow is flow else 'another'}" for sent in rig.taken()
    ]


def test_unanswered_requests_of_a_used_connection_are_sent_once_more_as_they_were(
    used: Rig,
) -> None:
    used.call()
    used.ask()
    first = used.taken()
    assert lose(used, used.flow) == ["INVITE over another", "BYE over another"]
    assert [sent.data for sent in used.sent[2:]] == [sent.data for sent in first]
    assert not used.flow.waiting
    assert used.user.told() == []
    assert starts(used.hear(used.respond(first[0], 486))) == ["ACK"]
    assert used.sent[-1].flow is used.sent[2].flow
    used.hear(used.respond(first[1], 200))
    assert used.user.told() == ["486", "200"]
    assert left_over(used.stack) == {}


def test_request_is_never_sent_a_third_time(used: Rig) -> None:
    used.call()
    lose(used, used.flow)
    fresh = used.sent[-1].flow
    fresh.used = True  # something else was answered over it meanwhile
    assert lose(used, fresh) == []
    assert used.user.told() == ["failed 503"]
    assert left_over(used.stack) == {}


def test_request_that_was_responded_to_fails_at_once(used: Rig) -> None:
    used.call()
    used.hear(used.respond(used.taken()[0], 180))
    assert lose(used, used.flow) == []
    assert used.user.told() == ["180", "failed 503"]


def test_first_request_of_a_connection_fails_at_once_though_it_was_used_since() -> None:
    rig = Rig("TCP")
    rig.call()
    rig.taken()
    rig.flow.used = True
    assert lose(rig, rig.flow) == []
    assert rig.user.told() == ["failed 503"]


def test_peer_that_was_thrown_out_gets_nothing_again(used: Rig) -> None:
    used.call()
    used.taken()
    used.flow.used = False  # as the connection's owner leaves it
    assert lose(used, used.flow) == []
    assert used.user.told() == ["failed 503"]


def test_request_fails_when_there_is_no_way_to_the_peer_any_more(used: Rig) -> None:
    used.call()
    used.taken()
    used.closed = True
    assert lose(used, used.flow) == []
    assert used.user.told() == ["failed 503"]
    assert left_over(used.stack) == {}


def test_time_to_answer_runs_from_the_first_sending(used: Rig) -> None:
    used.ask()
    used.taken()
    used.run(20.0)
    lose(used, used.flow)
    assert used.run(31.9) == []
    assert used.user.told() == []
    used.run(32.0)
    assert used.user.told() == ["failed 408"]
    assert left_over(used.stack) == {}
