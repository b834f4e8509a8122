"""The commands as they are typed: what they print, and how they exit."""

import asyncio
import json
import re
import shlex
import signal
import socket
from pathlib import Path

import pytest
from support.lab import lay_out_lab
from support.phone import Phone
from support.ports import free_port
from support.serving import Place, Serving, command, lay_out
from support.typed import run
from support.unprivileged import media_settings

from callrouter.storage.cdr_table import Store

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIALPLAN = """\
country: CN
trunks:
  lab: {addresses: [127.0.0.1]}
targets:
  desk: {uri: "sip:desk@127.0.0.1:5080"}
numbers:
  "4000":
    route:
      - hunt: [desk]
"""
_BROKEN = _DIALPLAN.replace("hunt: [desk]", "hunt: [dekk]").replace("[127.0.0.1]", "[here]")


def has_both_mistakes(text: str) -> None:
    """Each mistake of _BROKEN stands in a line of its own, with its place."""
    lines = text.splitlines()
    assert len(lines) == 2
    assert ":3:" in lines[0]
    assert "here" in lines[0]
    assert ":9:" in lines[1]
    assert "dekk" in lines[1]
    assert "desk" in lines[1]
    for line in lines:
        assert line.split(": ")[0].split(":")[0].endswith("dialplan.yaml")
        assert int(line.split(": ")[0].split(":")[2]) > 0


async def test_check_names_every_mistake_with_file_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "dialplan.yaml").write_text(_BROKEN, encoding="utf-8")
    ended = await run(tmp_path, "check", "dialplan.yaml")
    assert (ended.code, ended.out) == (1, "")
    has_both_mistakes(ended.err)


async def test_serve_refuses_a_broken_dialplan_in_the_same_words(tmp_path: Path) -> None:
    place = lay_out(tmp_path, _BROKEN)
    ended = await run(tmp_path, "serve", "--config", place.config)
    assert (ended.code, ended.out) == (1, "")
    has_both_mistakes(ended.err)
    assert not place.database.exists()


async def test_check_accepts_the_lab(tmp_path: Path) -> None:
    ended = await run(tmp_path, "check", "--config", await lay_out_lab(tmp_path, {}))
    # 4006 is there to show a total that cuts the second target short; and any program on this
    # machine may dial the codes, which it is to show. Nothing else is odd.
    warning, *codes = ended.err.splitlines()
    assert len(codes) == 5
    assert all(code.endswith(": callers of 'lab' can do so") for code in codes)
    assert "warning: 'uas_5082' may ring until 6s, but the hunt ends before" in warning
    assert ended.code == 0
    assert "ok, 43 numbers" in ended.out


async def test_serve_without_its_settings_names_the_file(tmp_path: Path) -> None:
    ended = await run(tmp_path, "serve", "--config", "nowhere.yaml")
    assert ended.code == 1
    assert "nowhere.yaml: error: there is no settings file: --config" in ended.err
    assert "CALLROUTER_CONFIG" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_taken_sip_port_is_a_clear_error(tmp_path: Path, kind: str) -> None:
    place = lay_out(tmp_path, _DIALPLAN)
    with taken(kind, place.port):
        ended = await run(tmp_path, "serve", "--config", place.config)
    assert (ended.code, ended.out) == (1, "")
    wanted = f"callrouter: error: cannot listen on {kind}:127.0.0.1:{place.port}: "
    assert wanted in ended.err.lower()
    assert "in use" in ended.err
    assert "Traceback" not in ended.err


async def test_address_of_somebody_else_is_said_at_once_and_not_by_lost_workers(
    tmp_path: Path,
) -> None:
    place = lay_out(tmp_path, _DIALPLAN)
    text = place.config.read_text(encoding="utf-8")
    listen = re.sub(r"^listen: .*$", f"listen: ['udp:192.0.2.77:{place.port}']", text, flags=re.M)
    media = media_settings(tmp_path, 2, 4)
    place.config.write_text(listen + media, encoding="utf-8")
    ended = await run(tmp_path, "serve", "--config", place.config)
    assert (ended.code, ended.out) == (1, "")
    assert f"cannot listen on udp:192.0.2.77:{place.port}: " in ended.err
    assert "media worker" not in ended.err


async def test_taken_metrics_port_is_a_clear_error(tmp_path: Path) -> None:
    place = lay_out(tmp_path, _DIALPLAN)
    with taken("tcp", place.metrics_port):
        ended = await run(tmp_path, "serve", "--config", place.config)
    assert (ended.code, ended.out) == (1, "")
    assert f"metrics cannot listen on 127.0.0.1:{place.metrics_port}" in ended.err
    assert "Traceback" not in ended.err


def taken(kind: str, port: int) -> socket.socket:
    """A port that somebody else has."""
    other = socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    )
    other.bind(("127.0.0.1", port))
    if kind == "tcp":
        other.listen()
    return other


async def test_ctrl_c_ends_serve_normally(tmp_path: Path) -> None:
    serving = await Serving.start(lay_out(tmp_path, _DIALPLAN))
    try:
        await answers(serving.place)
        serving.signal(signal.SIGINT)
        assert await serving.ended(25) == 0
        assert "Traceback" not in serving.log()
    finally:
        await serving.stop()


async def test_greeting_says_where_it_listens_what_it_serves_and_how_to_call(
    tmp_path: Path,
) -> None:
    serving = await Serving.start(lay_out(tmp_path, _DIALPLAN))
    try:
        assert serving.process.stdout is not None
        await answers(serving.place)
        serving.signal(signal.SIGTERM)
        screen = serving.greeting + (await serving.process.stdout.read()).decode()
        assert f"udp 127.0.0.1:{serving.place.port}" in screen
        assert f"tcp [::1]:{serving.place.port}" in screen
        assert "dialplan.yaml (1 numbers)" in screen
        assert f"http://127.0.0.1:{serving.place.metrics_port}/metrics" in screen
        assert "sipp -sn uac" in screen
        assert await serving.ended(25) == 0
    finally:
        await serving.stop()


async def test_cdr_shows_the_refused_call_with_the_rules_verdicts(tmp_path: Path) -> None:
    serving = await Serving.start(lay_out(tmp_path, _DIALPLAN))
    try:
        caller = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", serving.place.port))
        caller.invite("4999")
        caller.ack(await caller.expect(404))
        record = await serving.record("4999")
        await caller.close()
        serving.signal(signal.SIGTERM)
        assert await serving.ended(25) == 0
    finally:
        await serving.stop()
    shown = await run(tmp_path, "cdr", "--json", "--config", serving.place.config)
    assert shown.code == 0
    assert json.loads(shown.out) == [record]
    one = await run(tmp_path, "cdr", record["id"], "--config", serving.place.config)
    assert one.code == 0
    for word in ("4999", "REJECTED", "404", "unknown_number"):
        assert word in one.out
    missing = await run(tmp_path, "cdr", "none", "--config", serving.place.config)
    assert missing.code == 1
    assert "there is no call none" in missing.err


async def test_settings_are_found_here_and_their_paths_hold_from_anywhere(tmp_path: Path) -> None:
    place = lay_out(tmp_path / "etc", _DIALPLAN)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    nowhere = await run(elsewhere, "calls")
    assert nowhere.code == 1
    assert nowhere.err.startswith("callrouter.yaml: error: there is no settings file: --config")
    serving = await Serving.start(place, elsewhere)
    try:
        assert (await run(place.folder, "calls")).code == 0  # ./callrouter.yaml
        asked = await run(elsewhere, "calls", "--config", "../etc/callrouter.yaml")
        assert asked.code == 0
        assert (await run(elsewhere, "cdr", "--config", place.config)).code == 0
        await answers(place)
        serving.signal(signal.SIGTERM)
        assert await serving.ended(25) == 0
    finally:
        await serving.stop()
    assert place.database.exists()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["check", "--colour"], 2, "callrouter: error: No such option '--colour'"),
        (["ban", "add"], 2, "callrouter: error: Missing argument 'ADDRESS'."),
        (["cheque"], 2, "callrouter: error: No such command 'cheque'."),
        (["cdr", "--json", "--csv"], 2, "callrouter: error: --json and --csv exclude each other"),
        (["cdr", "--database", "sqlite:///no.db"], 1, "callrouter: error: there is no database"),
        (["check", "no.yaml"], 1, "no.yaml: error: cannot be read: No such file"),
        (["test", "no.test.yaml"], 1, "no.test.yaml: error: cannot be read: No such file"),
        (["diff", "a.yaml", "b.yaml"], 1, "a.yaml: error: cannot be read: No such file"),
        (["reload"], 1, "callrouter: error: no callrouter is listening at var/callrouter.sock"),
        (["explain", "--from", "1", "--to", "4000", "--trunk", "lap"], 1, "callrouter: error: "),
    ],
)
async def test_errors_begin_alike_and_exit_alike(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    lay_out(tmp_path, _DIALPLAN)
    ended = await run(tmp_path, *arguments)
    assert (ended.code, ended.out) == (code, "")
    (line,) = [line for line in ended.err.splitlines() if not line.startswith("Usage: ")]
    assert line.startswith(said)


@pytest.mark.parametrize(
    "words",
    [
        "check",
        "cdr",
        "cdr --csv",
        "cdr --json",
        "schema",
        "explain --from 1 --to 4000",
        "simulate --to 4000",
        "block --help",
        "--version",
    ],
)
async def test_output_that_does_not_arrive_is_an_error_in_one_line(
    tmp_path: Path, words: str
) -> None:
    place = lay_out(tmp_path, _DIALPLAN)
    place.database.parent.mkdir(exist_ok=True)
    Store(f"sqlite:///{place.database}").close()
    for redirection, why in (
        (">/dev/full", "No space left on device"),
        (">&-", "standard output is closed"),
    ):
        process = await asyncio.create_subprocess_shell(
            f"{shlex.join(command(*words.split()))} {redirection}",
            cwd=tmp_path,
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await process.communicate()
        assert (process.returncode, err.decode()) == (1, f"callrouter: error: {why}\n")


async def answers(place: Place) -> None:
    """Wait until it answers: the signals that come from here on are its own to handle."""
    probe = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", place.port))
    probe.local, probe.remote = "<sip:probe@127.0.0.1>;tag=1", "<sip:127.0.0.1>"
    probe.target = "sip:127.0.0.1"
    probe.request("OPTIONS")
    await probe.expect(200)
    await probe.close()
