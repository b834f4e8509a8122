"""What holds for any bytes at all, and for any message in any spelling."""

from itertools import pairwise
from random import Random

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from support.mutations import mutate, splice
from support.rig import Rig, request
from support.stack_edge import Edge
from support.torture import MESSAGES
from support.wire import left_over

from callrouter.errors import ParseError
from callrouter.sip.flow import Flow
from callrouter.sip.framing import Framer, FramingError
from callrouter.sip.grammar import COMPACT, SPELLINGS
from callrouter.sip.headers import (
    parse_address,
    parse_cseq,
    parse_params,
    parse_via,
    split_list,
    tag_of,
)
from callrouter.sip.message import Message, Request, Response, check_request, check_response, parse
from callrouter.sip.render import render_response, response_head
from callrouter.sip.uri import parse_uri

REAL = [request(extra="Contact: <sip:p@192.0.2.1>\r\n", body=b"v=0\r\n")] + [
    message.data for message in MESSAGES.values()
]
UNHURRIED = settings(
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

# Text that came off the wire: any bytes but line breaks, as `parse` decodes them.
value = (
    st.binary(max_size=30)
    .map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b""))
    .map(lambda raw: raw.decode("utf-8", "surrogateescape").strip(" \t"))
)
token = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
name = st.one_of(
    st.sampled_from([*SPELLINGS, *COMPACT, *map(str.upper, SPELLINGS)]),
    token.map(lambda text: f"X-{text}"),
)
rows = st.lists(st.tuples(name, value), max_size=12)
spoiled = st.builds(
    lambda data, other, seed, spliced: mutate(
        splice(data, other, Random(seed)) if spliced else data, Random(seed)
    ),
    st.sampled_from(REAL),
    st.sampled_from(REAL),
    st.integers(0, 2**32),
    st.booleans(),
)
anything = st.one_of(st.binary(max_size=300), spoiled)


def said(message: Message) -> dict[str, list[str]]:
    return {key: message.rows(key) for key in message.headers}


def written(start: str, fields: list[tuple[str, str]], body: bytes) -> bytes:
    head = "".join(f"{key}: {text}\r\n" for key, text in fields)
    return f"{start}\r\n{head}\r\n".encode("utf-8", "surrogateescape") + body


@UNHURRIED
@given(anything)
@example(b"\r\n\r\n")
@example(b"SIP/2.0 200 OK\r\n\r\n")
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        message = parse(data)
        if isinstance(message, Request):
            check_request(message)
        else:
            check_response(message)
            message.branch()
    except ParseError as error:
        status = error.status
    else:
        status = 0
    assert status in {0, 400, 505}
    if status:
        return
    # What is let through can be asked for all that the layers above ask of it.
    assert message.cseq()[0] < 2**31
    assert isinstance(message.branch() + message.from_tag() + message.to_tag(), str)
    assert len(message.body) <= len(data)


@UNHURRIED
@given(st.one_of(value, st.text('<>"\\;,=: \t@[]ab1tag%?/SIP.')))
def test_any_text_is_a_header_value_or_refused(text: str) -> None:
    for read in (parse_address, parse_via, parse_cseq, parse_params, parse_uri, tag_of, split_list):
        status = 0
        try:
            read(text)
        except ParseError as error:
            status = error.status
        assert status in {0, 400, 416}


@UNHURRIED
@given(st.sampled_from(["INVITE sip:a@b SIP/2.0", "SIP/2.0 200 OK"]), rows, st.binary(max_size=20))
def test_a_message_that_is_read_and_written_is_read_the_same(
    start: str, fields: list[tuple[str, str]], body: bytes
) -> None:
    first = parse(written(start, fields, body))
    again = [(key, text) for key, texts in said(first).items() for text in texts]
    second = parse(written(start, again, first.body))
    assert (said(second), second.body) == (said(first), body)
    assert sum(map(len, said(first).values())) == len(fields)


@UNHURRIED
@given(rows, st.randoms(use_true_random=False))
def test_spelling_and_folding_change_nothing(fields: list[tuple[str, str]], dice: Random) -> None:
    # A fold and any spaces around it are one space.
    fields = [(key, "".join(text.split())) for key, text in fields]
    start = "OPTIONS sip:a@b SIP/2.0"
    spelled = []
    for key, text in fields:
        long = COMPACT.get(key.lower(), key.lower())
        short = {full: brief for brief, full in COMPACT.items()}.get(long, long)
        odd = "".join(
            dice.choice((char.upper(), char.lower())) for char in dice.choice((long, short))
        )
        spelled.append((odd + dice.choice(("", " ", "\t ")), dice.choice(("", "\r\n ")) + text))
    assert said(parse(written(start, spelled, b""))) == said(parse(written(start, fields, b"")))


@UNHURRIED
@given(
    st.sampled_from(REAL),
    st.sampled_from([100, 180, 200, 404, 486, 699]),
    st.binary(max_size=50),
    st.sampled_from(["UDP", "TCP"]),
)
def test_an_answer_says_what_the_request_said(
    data: bytes, status: int, body: bytes, transport: str
) -> None:
    try:
        asked = parse(data)
        assume(isinstance(asked, Request))
        assert isinstance(asked, Request)
        check_request(asked)
    except ParseError:
        assume(False)
        raise
    flow = Flow(transport, "127.0.0.1", 5060, "127.0.0.2", 5070, None)
    to = asked.get("to")
    answer = parse(render_response(status, response_head(asked, flow), to, "", "", body))
    assert isinstance(answer, Response)
    check_response(answer)
    assert (answer.status, answer.body) == (status, body)
    for key in ("from", "to", "call-id", "cseq"):
        assert answer.rows(key) == asked.rows(key)
    assert answer.rows("via")[1:] == asked.rows("via")[1:]
    assert answer.rows("record-route") == asked.rows("record-route")
    assert (answer.branch(), answer.cseq()) == (asked.branch(), asked.cseq())


pieces = st.lists(
    st.one_of(
        st.sampled_from(REAL),
        st.sampled_from([request("OPTIONS", body=b"12345"), request("BYE"), b"\r\n\r\n", b"\r\n"]),
        spoiled,
        st.binary(max_size=6),
    ),
    max_size=5,
).map(b"".join)


def framed(stream: bytes, cuts: list[int]) -> tuple[list[bytes], int, str]:
    """The messages, pings and the error that come of a stream cut at these places."""
    framer = Framer()
    messages: list[bytes] = []
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    for start, end in pairwise(places):
        try:
            messages += framer.feed(stream[start:end])
        except FramingError as error:
            return messages + error.before, framer.pongs, f"{error.status} {error.message!r}"
    return messages, framer.pongs, ""


@UNHURRIED
@given(pieces, st.lists(st.integers(0, 4000), max_size=12))
def test_how_a_stream_is_cut_changes_nothing(stream: bytes, cuts: list[int]) -> None:
    whole = framed(stream, [])
    assert framed(stream, cuts) == whole
    assert framed(stream, list(range(len(stream)))) == whole


@UNHURRIED
@given(st.lists(st.tuples(anything, st.sampled_from(["UDP", "TCP"])), max_size=8))
def test_no_bytes_make_the_stack_raise_and_none_leave_anything(
    messages: list[tuple[bytes, str]],
) -> None:
    edge = Edge()
    for data, transport in messages:
        edge.hear(data, transport)
    edge.wait(200.0)
    edge.calls.end_all()
    edge.wait(100.0)
    assert edge.noted.bugs == []
    assert left_over(edge.stack) == {}


@UNHURRIED
@given(st.integers(0, 2**32), st.lists(st.sampled_from([180, 183, 200, 302, 486]), max_size=4))
def test_damaged_messages_leave_running_transactions_able_to_end(
    seed: int, statuses: list[int]
) -> None:
    dice = Random(seed)
    rig = Rig()
    rig.call()
    rig.ask()
    invite, bye = rig.taken()
    tx = rig.serve(request())
    good = [rig.respond(asked, status) for asked in (invite, bye) for status in statuses]
    good += [
        request("CANCEL"),
        request("ACK"),
        request(),
        request("BYE", to=f"<sip:a@h>;tag={tx.tag}"),
    ]
    for data in good:
        rig.hear(mutate(data, dice))
    rig.hear(rig.respond(invite, 486))
    rig.hear(rig.respond(bye, 200))
    for served in rig.core.served:
        served.respond(486)
    rig.taken()
    rig.run(rig.now + 64.0)
    assert left_over(rig.stack) == {}
