from callrouter.observe.trace.ladder import Ladder, LadderStep

PARTIES = ["a", "b", "c"]


def drawn(step: LadderStep, width: int = 40) -> str:
    return Ladder(PARTIES, width).line(step).plain


def test_arrow_points_from_who_sends_to_who_receives() -> None:
    assert drawn(LadderStep(0.0, "a", "b", "INVITE")) == "     0  |--- INVITE -->|              |"
    assert drawn(LadderStep(0.0, "b", "a", "200 OK")) == "     0  |<-- 200 OK ---|              |"


def test_message_past_a_party_crosses_its_column() -> None:
    assert drawn(LadderStep(0.0, "c", "a", "BYE")) == "     0  |<----------- BYE ------------|"


def test_time_is_in_milliseconds_from_the_start() -> None:
    assert drawn(LadderStep(3.0074, "a", "b", "ACK")).startswith("  3007  |")


def test_time_too_long_for_its_column_moves_nothing_but_itself() -> None:
    line = drawn(LadderStep(86_400.0, "a", "b", "BYE"))
    assert line == "86400000|---- BYE ---->|              |"


def test_text_without_room_is_cut_and_keeps_the_columns() -> None:
    line = drawn(LadderStep(0.0, "a", "b", "487 Request Terminated"))
    assert line == "     0  |-487 Request~>|              |"
    assert len(line) == len(drawn(LadderStep(0.0, "a", "b", "ACK")))


def test_text_that_fits_only_without_spaces_is_whole() -> None:
    assert "|-486 Busy Now>|" in drawn(LadderStep(0.0, "a", "b", "486 Busy Now"))


def test_all_lines_are_as_long_and_no_longer_than_asked_for() -> None:
    ladder = Ladder(["caller", "callrouter", "busy", "silent", "answers"], 80)
    lines = [
        ladder.line(LadderStep(0.0, source, target, "180 Ringing")).plain
        for source, target in (("caller", "callrouter"), ("answers", "callrouter"))
    ]
    assert {len(line) for line in (lines[0], lines[1])} == {len(lines[0])}
    assert max(len(line) for line in (ladder.head().plain, *lines)) <= 80


def test_names_longer_than_the_width_have_room_all_the_same() -> None:
    ladder = Ladder(["somebody", "somebody else", "yet another"], 10)
    assert ladder.head().plain.split("  ")[-2:] == ["somebody else", "yet another"]
