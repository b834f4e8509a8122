"""A number whose calls must be recorded, and calls that cannot be: never a silent pass."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from support.ports import free_port
from support.rtp_callers import Callers
from support.serving import Record, Serving, lay_out
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_FAILED: Final = "callrouter_recordings_failed_total"

_DIALPLAN: Final = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {desk: {uri: "sip:service@127.0.0.1:%d", ring: 30s}}
numbers:
  "6001": {record: {notice: false}, route: [{hunt: [desk]}]}
  "6003": {record: {notice: false}, route: [{hunt: [desk]}]}
  "6002": {record: {notice: false, required: true}, route: [{hunt: [desk]}]}
"""


class Office:
    """The callrouter, its callers, and the desk that they call. recordings: their folder."""

    def __init__(self, serving: Serving, callers: Callers, desk: Callers, shared: Path) -> None:
        self.serving = serving
        self.callers = callers
        self.desk = desk
        self.recordings = shared / "recordings"

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> "AsyncIterator[Office]":
        at = free_port()
        place = lay_out(folder, _DIALPLAN % at)
        shared = shared_folder()
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(media_settings(shared, 1, 1))
        serving = await Serving.start(place)
        callers = await Callers.open(place.port)
        desk = await Callers.open(place.port, port=at, answer_after=0.05)
        yield cls(serving, callers, desk, shared)
        callers.close()
        desk.close()
        log = serving.log()
        await serving.stop()
        shutil.rmtree(shared)
        assert "Traceback" not in log, log

    async def fill(self) -> None:
        """Have calls that take all slots, two each."""
        slots = (await self.serving.metrics())["callrouter_media_slots"]
        for _ in range(int(slots) // 2):
            await self.callers.call("6001").answered.wait()

    async def failed(self, number: str, result: str = "failed") -> Record:
        """The record of a call that was not recorded: it says so, as the log and a metric do."""
        record = await self.serving.record(number)
        assert [one["result"] for one in record["recordings"]] == [result]
        await self.serving.logged("not recorded")
        assert (await self.serving.metrics())[_FAILED] == 1
        return record


async def test_pool_that_is_full_is_a_failure_on_record_and_the_call_goes_on(
    tmp_path: Path,
) -> None:
    async with Office.open(tmp_path) as office:
        await office.fill()
        call = office.callers.call("6003")
        await call.answered.wait()
        call.hang_up()
        record = await office.failed("6003")
        assert (record["disposition"], record["status"]) == ("ANSWERED", 200)


async def test_pool_that_is_full_refuses_a_call_that_must_be_recorded(tmp_path: Path) -> None:
    async with Office.open(tmp_path) as office:
        await office.fill()
        rung = len(office.desk.came)
        call = office.callers.call("6002")
        await call.over.wait()
        record = await office.failed("6002")
        assert (record["reason"], record["status"], call.status) == ("not_recordable", 488, 488)
        assert len(office.desk.came) == rung


async def test_folder_that_cannot_be_written_is_a_failure_on_record(tmp_path: Path) -> None:
    async with Office.open(tmp_path) as office:
        (office.recordings / "incoming").chmod(0o550)
        call = office.callers.call("6001")
        await call.answered.wait()
        await call.listen(1.0)
        call.hang_up()
        record = await office.failed("6001")
        assert record["hung_up_by"] == "caller"


async def test_folder_that_cannot_be_written_ends_a_call_that_must_be_recorded(
    tmp_path: Path,
) -> None:
    async with Office.open(tmp_path) as office:
        (office.recordings / "incoming").chmod(0o550)
        call = office.callers.call("6002")
        await call.over.wait()
        (other,) = office.desk.came
        await other.over.wait()
        record = await office.failed("6002")
        assert (record["reason"], record["hung_up_by"]) == ("not_recordable", "callrouter")


async def test_call_that_must_be_recorded_is(tmp_path: Path) -> None:
    async with Office.open(tmp_path) as office:
        call = office.callers.call("6002")
        await call.answered.wait()
        await call.listen(1.0)
        call.hang_up()
        record = await office.serving.record("6002")
        assert [one["result"] for one in record["recordings"]] == ["complete"]
        assert (await office.serving.metrics()).get(_FAILED, 0) == 0
