"""Cutting a stream into messages: by Content-Length, whatever the pieces it comes in."""

import pytest
from support.rig import Rig, request

from callrouter.sip.framing import MAX_MESSAGE, Framer, FramingError

ONE = request("OPTIONS", body=b"first body")
TWO = request("OPTIONS", call_id="second")
NO_LENGTH = TWO.replace(b"Content-Length: 0\r\n", b"")


def with_length(row: str, body: bytes = b"") -> bytes:
    return TWO.replace(b"Content-Length: 0", row.encode()) + body


def broken(*pieces: bytes) -> FramingError:
    """What a framer has to say at last."""
    framer = Framer()
    with pytest.raises(FramingError) as caught:  # noqa: PT012  # any of the pieces may be the one
        for piece in pieces:
            framer.feed(piece)
    return caught.value


def test_two_messages_in_one_segment_come_out_in_order() -> None:
    framer = Framer()
    assert framer.feed(ONE + TWO) == [ONE, TWO]
    assert framer.pending == 0


def test_one_message_in_twenty_segments_comes_out_with_the_last() -> None:
    framer = Framer()
    size = len(ONE) // 19
    pieces = [ONE[at : at + size] for at in range(0, len(ONE), size)]
    assert len(pieces) >= 20
    assert [framer.feed(piece) for piece in pieces[:-1]] == [[]] * (len(pieces) - 1)
    assert framer.pending == len(ONE) - len(pieces[-1])
    assert framer.feed(pieces[-1]) == [ONE]


def test_a_cut_anywhere_changes_nothing() -> None:
    stream = ONE + TWO
    for cut in range(len(ONE) + 1):
        framer = Framer()
        assert framer.feed(stream[:cut]) + framer.feed(stream[cut:]) == [ONE, TWO], cut


@pytest.mark.parametrize(
    "row",
    [
        "content-length: 4",
        "CONTENT-LENGTH : 4",
        "l: 4",
        "L\t :\t4\t",
        "Content-Length:4",
        "Content-Length: 0004",
        "Content-Length:\r\n 4",
        "l : \r\n\t4 ",
    ],
)
def test_content_length_is_read_however_it_is_spelled(row: str) -> None:
    data = with_length(row, b"\r\nl:")
    assert Framer().feed(data + ONE) == [data, ONE]


@pytest.mark.parametrize("row", ["X-l: 9", "Subject: x\r\n l: 9", "Subject: l: 9", " l: 9"])
def test_what_only_looks_like_content_length_is_none(row: str) -> None:
    assert "no Content-Length" in str(broken(with_length(row)))


@pytest.mark.parametrize(
    "row",
    [
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: x",
        "Content-Length:",
        "Content-Length: 1 1",
        "Content-Length: 1\r\n 1",
        "Content-Length: 0x10",
        "Content-Length: 9999999999",
        "Content-Length: 1, 1",
    ],
)
def test_a_content_length_that_is_no_number_breaks_the_stream_with_400(row: str) -> None:
    error = broken(with_length(row))
    assert error.status == 400
    assert error.message == with_length(row)


@pytest.mark.parametrize("other", ["Content-Length: 0", "Content-Length: 5", "l: 0", "L: 5"])
def test_two_content_lengths_break_the_stream_even_when_they_agree(other: str) -> None:
    data = with_length(f"Content-Length: 0\r\n{other}")
    error = broken(data + ONE)
    assert (error.status, error.message) == (400, data)


def test_no_content_length_breaks_the_stream_and_the_message_can_be_answered() -> None:
    error = broken(NO_LENGTH)
    assert (error.status, error.message, error.before) == (400, NO_LENGTH, [])


def test_what_was_whole_before_the_break_is_not_lost() -> None:
    stream = ONE + NO_LENGTH
    for cut in range(0, len(stream), 7):
        framer = Framer()
        got: list[bytes] = []
        with pytest.raises(FramingError) as caught:  # noqa: PT012  # either piece may be the one
            got += framer.feed(stream[:cut])
            framer.feed(stream[cut:])
        assert got + caught.value.before == [ONE], cut


def test_double_line_breaks_are_pings_and_counted() -> None:
    framer = Framer()
    assert framer.feed(b"\r\n\r\n\r\n\r\n" + ONE + b"\r\n\r\n") == [ONE]
    assert framer.pongs == 3


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_ping_in_pieces_is_one_ping(cut: int) -> None:
    framer = Framer()
    stream = b"\r\n\r\n" + TWO
    assert framer.feed(stream[:cut]) + framer.feed(stream[cut:]) == [TWO]
    assert framer.pongs == 1


def test_a_single_line_break_before_a_message_is_passed_over() -> None:
    framer = Framer()
    assert framer.feed(b"\r\n") == []
    assert framer.feed(ONE + b"\r\n" + TWO) == [ONE, TWO]
    assert framer.pongs == 0


@pytest.mark.parametrize("junk", [b"\n", b"\rX", b"\r\r", b"\r\n\rX", b"\r\n\r\r\n", b"\r\n\n"])
def test_a_bare_line_break_between_messages_breaks_the_stream(junk: bytes) -> None:
    for pieces in ((junk + ONE,), (junk, ONE), tuple(junk[at : at + 1] for at in range(len(junk)))):
        error = broken(*pieces, ONE)
        assert (error.status, error.message) == (400, b"")


def test_half_a_ping_followed_by_rubbish_is_never_kept() -> None:
    # "\r\n\r" may still become a ping; "\r\n\rX" never does, and must not wait for the rest.
    framer = Framer()
    assert framer.feed(b"\r\n\r") == []
    with pytest.raises(FramingError):
        framer.feed(b"X" * 1000)


def test_headers_that_never_end_are_cut_off_at_the_limit() -> None:
    framer = Framer()
    for _ in range(MAX_MESSAGE // 1024):
        framer.feed(b"X" * 1024)
    assert framer.pending == MAX_MESSAGE
    with pytest.raises(FramingError) as caught:
        framer.feed(b"X")
    assert caught.value.message == b""


@pytest.mark.parametrize("size", [MAX_MESSAGE, MAX_MESSAGE + 1])
def test_a_message_may_have_as_much_as_the_limit_and_no_more(size: int) -> None:
    body = b"x" * (size - len(with_length("Content-Length: 12345")))
    data = with_length(f"Content-Length: {len(body)}", body)
    assert len(data) == size
    if size == MAX_MESSAGE:
        assert Framer().feed(data) == [data]
    else:
        error = broken(data[:1000])
        assert error.status == 513
        assert error.message == data[: -len(body)]


@pytest.mark.parametrize("over", range(-4, 8))
def test_headers_around_the_limit_end_alike_whole_or_in_pieces(over: int) -> None:
    filler = "x" * (MAX_MESSAGE + over - len(with_length("Content-Length: 0\r\nX: ")))
    data = with_length(f"Content-Length: 0\r\nX: {filler}")
    ends = []
    for pieces in ((data,), (data[:-2], data[-2:]), (data[:-5], data[-5:-1], data[-1:])):
        framer = Framer()
        try:
            ends.append(f"{[len(one) for piece in pieces for one in framer.feed(piece)]}")
        except FramingError as error:
            ends.append(f"{error.status} {error.message!r}")
    assert ends == [f"[{MAX_MESSAGE + over}]" if over <= 0 else "400 b''"] * 3


def test_the_stack_answers_what_broke_a_stream_once(stream: Rig) -> None:
    stream.stack.broken(broken(NO_LENGTH), stream.flow, stream.now)
    (answer,) = stream.taken()
    assert (answer.what, answer.message["Call-ID"]) == ("400", "second")
    assert stream.stack.malformed == 1
    for data in (
        b"",
        ONE[:20],
        b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
    ):
        stream.stack.broken(FramingError("lost", data), stream.flow, stream.now)
    assert stream.taken() == []
    assert stream.stack.malformed == 5
