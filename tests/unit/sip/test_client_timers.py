"""The client transactions' timers with the values of RFC 3261 table 4, on a fake clock."""

import pytest
from support.rig import Rig, starts, times
from support.wire import left_over

INVITE_COPIES = [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
REQUEST_COPIES = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def test_silence_after_invite_sends_seven_copies_and_fails_with_408(rig: Rig) -> None:
    rig.call()
    first = rig.taken()
    again = rig.run(31.999)
    assert [one.data for one in again] == [first[0].data] * 6
    assert times(again) == INVITE_COPIES
    assert rig.stack.retransmitted == 6
    assert rig.user.told() == []
    assert rig.run(32.0) == []
    assert rig.user.told() == ["failed 408"]
    assert left_over(rig.stack) == {}
    assert rig.run(200.0) == []


def test_silence_after_bye_sends_eleven_copies_and_fails_with_408(rig: Rig) -> None:
    rig.ask()
    first = rig.taken()
    again = rig.run(31.999)
    assert [one.data for one in again] == [first[0].data] * 10
    assert times(again) == REQUEST_COPIES
    assert rig.run(32.0) == []
    assert rig.user.told() == ["failed 408"]
    assert left_over(rig.stack) == {}


def test_a_provisional_response_stops_the_copies_of_an_invite(rig: Rig) -> None:
    tx = rig.call()
    asked = rig.taken()[0]
    assert times(rig.run(2.0)) == [0.5, 1.5]
    rig.hear(rig.respond(asked, 100, tag=""))
    assert rig.run(500.0) == []
    assert rig.user.told() == ["100"]
    tx.abandon(rig.now)
    assert left_over(rig.stack) == {}


def test_a_provisional_response_slows_the_copies_of_a_bye_to_t2(rig: Rig) -> None:
    rig.ask()
    asked = rig.taken()[0]
    rig.run(1.6)
    rig.hear(rig.respond(asked, 100, tag=""))
    # The one that is due comes at its time, the next ones every 4 s.
    assert times(rig.run(31.999)) == [3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    rig.run(32.0)
    assert rig.user.told() == ["100", "failed 408"]
    assert left_over(rig.stack) == {}


def test_an_early_provisional_response_to_a_bye_leaves_its_first_copy_and_then_t2(rig: Rig) -> None:
    rig.ask()
    rig.hear(rig.respond(rig.taken()[0], 100, tag=""))
    assert times(rig.run(31.999)) == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]


@pytest.mark.parametrize("status", [302, 486, 503, 603])
def test_a_repeated_final_response_is_acked_for_32_seconds_and_told_once(
    rig: Rig, status: int
) -> None:
    rig.call()
    refusal = rig.respond(rig.taken()[0], status)
    acks = rig.hear(refusal)
    for moment in (0.5, 1.5, 3.5, 31.9):
        rig.run(moment)
        acks += rig.hear(refusal)
    assert starts(acks) == ["ACK"] * 5
    assert {one.data for one in acks} == {acks[0].data}
    assert rig.user.told() == [str(status)]
    rig.run(32.0)
    assert left_over(rig.stack) == {}
    assert rig.hear(refusal) == []
    assert rig.stack.stray == 1


def test_every_2xx_of_every_fork_is_told_for_32_seconds(rig: Rig) -> None:
    rig.call()
    asked = rig.taken()[0]
    assert rig.hear(rig.respond(asked, 200, tag="one")) == []
    rig.run(31.9)
    assert rig.hear(rig.respond(asked, 200, tag="two")) == []
    assert rig.hear(rig.respond(asked, 486, tag="three")) == []
    assert [response.to_tag() for response in rig.user.responses] == ["one", "two"]
    rig.run(32.0)
    rig.hear(rig.respond(asked, 200, tag="one"))
    assert rig.stack.stray == 1
    assert left_over(rig.stack) == {}


def test_a_repeated_answer_to_bye_is_swallowed_for_five_seconds(rig: Rig) -> None:
    rig.ask()
    done = rig.respond(rig.taken()[0], 200)
    rig.hear(done)
    rig.run(4.9)
    rig.hear(done)
    assert (rig.user.told(), rig.stack.stray) == (["200"], 0)
    rig.run(5.0)
    assert left_over(rig.stack) == {}
    rig.hear(done)
    assert (rig.user.told(), rig.stack.stray) == ([], 1)


def test_invite_on_a_stream_is_sent_once_and_fails_after_32_seconds(stream: Rig) -> None:
    stream.call()
    assert starts(stream.taken()) == ["INVITE"]
    assert stream.run(32.0) == []
    assert stream.user.told() == ["failed 408"]
    assert left_over(stream.stack) == {}


def test_bye_on_a_stream_is_sent_once_and_fails_after_32_seconds(stream: Rig) -> None:
    stream.ask()
    assert starts(stream.taken()) == ["BYE"]
    assert stream.run(32.0) == []
    assert stream.user.told() == ["failed 408"]
    assert left_over(stream.stack) == {}


def test_a_refusal_on_a_stream_is_told_and_acked_and_leaves_nothing(stream: Rig) -> None:
    stream.call()
    assert starts(stream.hear(stream.respond(stream.taken()[0], 486))) == ["ACK"]
    assert stream.user.told() == ["486"]
    assert left_over(stream.stack) == {}
    assert not stream.flow.waiting


@pytest.mark.parametrize("status", [200, 481])
def test_an_answer_to_bye_on_a_stream_is_told_and_leaves_nothing(stream: Rig, status: int) -> None:
    stream.ask()
    stream.hear(stream.respond(stream.taken()[0], status))
    assert stream.user.told() == [str(status)]
    assert left_over(stream.stack) == {}
    assert not stream.flow.waiting


def test_a_2xx_on_a_stream_is_awaited_again_for_32_seconds(stream: Rig) -> None:
    stream.call()
    accepted = stream.respond(stream.taken()[0], 200)
    stream.hear(accepted)
    stream.run(31.9)
    stream.hear(accepted)
    assert stream.user.told() == ["200", "200"]
    stream.run(32.0)
    assert left_over(stream.stack) == {}
    assert not stream.flow.waiting


def test_a_lost_connection_fails_what_was_asked_over_it_with_503(stream: Rig) -> None:
    stream.call()
    stream.ask()
    stream.stack.flow_failed(stream.flow, stream.now)
    assert stream.user.told() == ["failed 503", "failed 503"]
    assert left_over(stream.stack) == {}
    assert not stream.flow.waiting


def test_a_lost_connection_leaves_what_was_answered_over_it_alone(stream: Rig) -> None:
    stream.call()
    stream.hear(stream.respond(stream.taken()[0], 200))
    stream.stack.flow_failed(stream.flow, stream.now)
    assert stream.user.told() == ["200"]
    stream.run(32.0)
    assert left_over(stream.stack) == {}


def test_unanswered_counts_only_what_waits_for_a_final_response(rig: Rig) -> None:
    rig.call()
    rig.ask()
    invite, bye = rig.taken()
    rig.hear(rig.respond(invite, 180))
    assert rig.stack.unanswered() == 2
    rig.hear(rig.respond(bye, 200))
    assert rig.stack.unanswered() == 1
    rig.hear(rig.respond(invite, 200))
    assert rig.stack.unanswered() == 0


def test_an_abandoned_invite_is_forgotten_and_its_late_answer_is_stray(rig: Rig) -> None:
    tx = rig.call()
    asked = rig.taken()[0]
    tx.abandon(rig.now)
    assert left_over(rig.stack) == {}
    rig.hear(rig.respond(asked, 200))
    assert (rig.user.told(), rig.stack.stray) == ([], 1)


def test_abandoning_what_is_answered_changes_nothing(rig: Rig) -> None:
    tx = rig.call()
    accepted = rig.respond(rig.taken()[0], 200)
    rig.hear(accepted)
    tx.abandon(rig.now)
    rig.hear(accepted)
    assert rig.user.told() == ["200", "200"]
