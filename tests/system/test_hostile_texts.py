"""What callers write, as the commands show and export it: nothing acts on a terminal or a sheet."""

import asyncio
import csv
import io
import json
from pathlib import Path

import pytest
from support.message import SDP
from support.phone import Phone
from support.polling import until
from support.ports import free_port
from support.serving import Place, Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

_LONG = "1" * 3000
_CALLED = (
    "%1b%5b2J%1b%5d0;gone%07",  # clears the screen, names the window
    "4%0d%0afaked: line",
    "%c2%9b31m",  # CSI in one character of C1
    "%e2%80%ae0004",  # what follows runs from right to left
    "%7f%08%08",
    "%ef%bb%bf%e2%80%8b40",  # characters nobody sees
    "=cmd%7c'%20/C%20calc'!A0",
    "@SUM(1)",
    "+1+1",
    "-2",
    "%09=1",
    "%ff%fe",
    _LONG,
)


async def printed(place: Place, *arguments: str) -> str:
    """What a command prints."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments, "--config", place.config),
        cwd=place.folder,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out
    text = out.decode()
    assert all(char == "\n" or char.isprintable() for char in text), repr(text)
    return text


async def test_no_text_of_a_caller_acts_on_a_terminal_a_program_or_a_sheet(
    tmp_path: Path,
) -> None:
    port = free_port()
    dialplan = (
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets:\n  silent: {{uri: 'sip:x@127.0.0.1:{port}'}}\n"
        "numbers:\n  '6000': {route: [{hunt: [silent]}]}\n"
    )
    serving = await Serving.start(lay_out(tmp_path, dialplan))
    place = serving.place
    phone = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", place.port))
    callee = await Phone.open("127.0.0.1", port, ("127.0.0.1", place.port))
    try:
        taken = 0  # some are no URI at all
        for called in _CALLED:
            phone.invite(called, SDP, caller=called.replace("@", "%40"))
            answer = await phone.expect_any()
            phone.ack(answer)
            taken += answer.status != 400
        assert taken >= len(_CALLED) - 3

        async def all_recorded() -> bool:
            return len(place.records()) == taken

        await until(all_recorded)
        records = place.records()
        assert max(len(str(record[name])) for record in records for name in record) < 1500
        table = await printed(place, "cdr", "--last", "0")
        assert max(map(len, table.splitlines())) < 1000
        assert json.loads(await printed(place, "cdr", "--json"))
        sheet = list(csv.DictReader(io.StringIO(await printed(place, "cdr", "--csv"))))
        assert len(sheet) == taken
        for row in sheet:
            for name in ("caller", "called", "to_header", "number"):
                cell = row[name]
                assert cell[:1] not in {"=", "@"}, cell
                assert cell[:1] not in {"+", "-"} or cell[1:].isdigit(), cell
        for record in records:
            whole = await printed(place, "cdr", str(record["id"]))
            assert str(record["id"]) in whole
        assert any("(3000 characters)" in str(record["called"]) for record in records)
        # And while the call is there.
        phone.invite("6000", SDP, caller=_CALLED[0])
        await callee.expect("INVITE")
        for more in ((), ("--json",)):
            await printed(place, "calls", *more)
        log = serving.log()
        assert all(char == "\n" or char.isprintable() for char in log)
    finally:
        await phone.close()
        await callee.close()
        await serving.stop()
