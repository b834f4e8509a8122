import os
import threading
from collections.abc import Iterator

import orjson
import pytest
import structlog
from support.compiled import replaced

from callrouter.observe import log as logging
from callrouter.observe.log import Log, open_log, printable, render_json, render_text

HOSTILE = 'a\r\n{"level":"error"}\x1b[2J\x85\u2028\u202e\udcff'


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)
    structlog.reset_defaults()


@pytest.mark.parametrize("value", [HOSTILE, HOSTILE[:-1], "号码\x9b", 10**30, b"\xff"])
def test_json_line_is_one_line_whatever_a_peer_wrote(value: object):
    line = render_json("t", "info", "x", {"caller": value}).decode()
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    if isinstance(value, str):
        assert orjson.loads(line.replace("\\udcff", ""))["caller"] == value.replace("\udcff", "")


def test_text_line_is_one_line_whatever_a_peer_wrote():
    line = render_text("t", "info", "call started", {"call": "1", "caller": HOSTILE}).decode()
    assert line[:-1].isprintable()
    assert line.startswith('t info    call started call=1 caller="a\\u000d\\u000a{\\"level')


def test_text_quotes_only_what_could_be_misread():
    line = render_text("t", "info", "x", {"a": "plain", "b": "two words", "c": "", "d": 5})
    assert line == b't info    x a=plain b="two words" c="" d=5\n'


def test_printable_leaves_other_languages_and_escapes_what_is_beyond_16_bits():
    assert printable("号码 4000") == "号码 4000"
    assert printable("a\U000e0001") == "a\\udb40\\udc01"


def test_structlog_lines_carry_time_level_event_and_what_was_bound(pipe: tuple[int, int]):
    log = open_log("json", "info", pipe[1])
    structlog.get_logger().bind(call="42").info("leg failed", status=486)
    structlog.get_logger().debug("not shown")
    log.close()
    line = orjson.loads(os.read(pipe[0], 4096))
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "event": "leg failed", "call": "42", "status": 486}


def test_level_holds_for_lines_that_do_not_come_by_structlog(pipe: tuple[int, int]):
    log = open_log("json", "error", pipe[1])
    for say in (log.debug, log.info, log.warning, log.error):
        say(f"by {say.__name__}")
    log.close()
    assert os.read(pipe[0], 4096).count(b"\n") == 1


def test_info_is_out_within_a_quarter_of_a_second_and_a_warning_takes_it_along_at_once(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    assert logging._FLUSH_SECONDS < 0.25
    replaced(monkeypatch, "callrouter.observe.log._FLUSH_SECONDS", 3600.0)
    log = open_log("json", "info", pipe[1])
    log.info("first")
    log.warning("second")
    lines = os.read(pipe[0], 4096).splitlines()
    assert [orjson.loads(line)["event"] for line in lines] == ["first", "second"]
    log.close()


def test_exception_is_in_the_line_with_its_traceback(pipe: tuple[int, int]):
    log = open_log("json", "info", pipe[1])
    try:
        raise ValueError("bad\nvalue")
    except ValueError as error:
        structlog.get_logger().exception("own bug")
        structlog.get_logger().error("given", exc_info=error)
    log.close()
    for line in os.read(pipe[0], 65536).splitlines():
        assert "ValueError: bad\nvalue" in orjson.loads(line)["exception"]


def test_traceback_in_text_is_indented_so_that_it_forges_no_line():
    text = render_text("t", "error", "bug", {"exception": "Traceback\nValueError: x\r\x1b[2J"})
    assert text == b"t error   bug\n    Traceback\n    ValueError: x\\u000d\\u001b[2J\n"


def test_nobody_reads_then_lines_are_dropped_and_counted_and_no_caller_waits(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    replaced(monkeypatch, "callrouter.observe.log._LINES_WAITING", 2000)
    os.set_blocking(pipe[1], False)
    log = Log(render_json, "info", pipe[1])
    for _ in range(5000):
        log.info("x" * 100)
    assert log.dropped > 0
    log.flush()
    got = bytearray()
    reader = threading.Thread(target=lambda: read_until(pipe[0], got, b"lines dropped"))
    reader.start()
    while reader.is_alive():
        log.flush()
    reader.join()
    log.close()
    kept = got.count(b'xxx"}\n')
    dropped = orjson.loads(got.splitlines()[-1])["count"]
    assert kept + dropped == 5000


def read_until(fd: int, into: bytearray, end: bytes) -> None:
    while not (end in into and into.endswith(b"\n")):
        into += os.read(fd, 65536)


def test_reader_that_is_gone_does_not_stop_anything():
    reading, writing = os.pipe()
    os.close(reading)
    log = Log(render_json, "info", writing)
    log.error("nobody hears this")
    log.close()
    os.close(writing)
