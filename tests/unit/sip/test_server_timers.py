"""The server transactions' timers with the values of RFC 3261 table 4, on a fake clock."""

import pytest
from support.rig import Rig, request, starts, times
from support.wire import left_over

COPIES = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
"""Ten copies after the first: T1 doubling to T2, until Timer H."""


def test_a_refusal_never_acked_is_sent_ten_times_more_and_then_forgotten(rig: Rig) -> None:
    refusal = rig.serve(request()).respond(404)
    rig.taken()
    again = rig.run(31.999)
    assert times(again) == COPIES
    assert {one.data for one in again} == {refusal}
    assert rig.user.told() == []
    assert rig.run(32.0) == []
    assert rig.user.told() == ["unacknowledged"]
    assert left_over(rig.stack) == {}


def test_an_ack_stops_the_refusal_and_is_swallowed_for_five_seconds(rig: Rig) -> None:
    rig.serve(request()).respond(486)
    rig.taken()
    assert times(rig.run(1.0)) == [0.5]
    rig.hear(request("ACK"))
    assert rig.run(5.999) == []
    assert rig.hear(request("ACK")) == []
    assert rig.hear(request()) == []
    assert rig.stack.stray == 0
    rig.run(6.0)
    assert left_over(rig.stack) == {}
    assert rig.user.told() == []
    rig.hear(request("ACK"))
    assert rig.stack.stray == 1


def test_a_refusal_on_a_stream_is_sent_once_and_forgotten_at_its_ack(stream: Rig) -> None:
    stream.serve(request()).respond(486)
    assert starts(stream.taken()) == ["486"]
    assert stream.run(31.9) == []
    stream.hear(request("ACK"))
    assert left_over(stream.stack) == {}
    assert stream.user.told() == []


def test_a_refusal_on_a_stream_never_acked_is_forgotten_after_32_seconds(stream: Rig) -> None:
    stream.serve(request()).respond(486)
    stream.taken()
    assert stream.run(32.0) == []
    assert stream.user.told() == ["unacknowledged"]
    assert left_over(stream.stack) == {}


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_a_2xx_is_not_repeated_here_and_the_invite_is_absorbed_for_32_seconds(
    transport: str,
) -> None:
    rig = Rig(transport)
    rig.serve(request()).respond(200)
    rig.taken()
    assert rig.run(31.9) == []
    assert rig.hear(request()) == []
    assert (len(rig.core.served), rig.stack.absorbed) == (1, 1)
    rig.run(32.0)
    assert left_over(rig.stack) == {}


def test_a_repeated_bye_gets_the_same_answer_for_32_seconds(rig: Rig) -> None:
    done = rig.serve(request("OPTIONS")).respond(200)
    rig.taken()
    rig.run(31.9)
    assert [one.data for one in rig.hear(request("OPTIONS"))] == [done]
    assert rig.stack.retransmitted == 1
    rig.run(32.0)
    assert left_over(rig.stack) == {}
    assert rig.hear(request("OPTIONS")) == []
    assert len(rig.core.served) == 2


def test_an_answer_on_a_stream_leaves_nothing(stream: Rig) -> None:
    stream.serve(request("OPTIONS")).respond(200)
    assert starts(stream.taken()) == ["200"]
    assert left_over(stream.stack) == {}


def test_a_repeated_invite_gets_the_last_provisional_response_again(rig: Rig) -> None:
    tx = rig.serve(request())
    assert rig.hear(request()) == []
    tx.respond(100)
    tx.respond(183)
    rig.taken()
    assert starts(rig.hear(request())) == ["183"]
    assert starts(rig.hear(request())) == ["183"]
    assert len(rig.core.served) == 1


def test_what_is_said_after_a_final_response_is_not_sent(rig: Rig) -> None:
    tx = rig.serve(request())
    tx.respond(486)
    rig.taken()
    assert [tx.respond(180), tx.respond(200), tx.respond(603)] == [b"", b"", b""]
    assert rig.taken() == []
    assert not tx.pending


def test_user_is_told_of_the_ack_to_a_refusal_once(rig: Rig) -> None:
    tx = rig.serve(request())
    tx.user = rig.user
    tx.respond(486)
    rig.hear(request("ACK"))
    rig.hear(request("ACK"))
    assert [ack.method for ack in rig.user.acks] == ["ACK"]
