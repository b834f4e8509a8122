"""Reports on calls: their sums are the same from either database, to the last digit of a cost."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from support.kept_recordings import call_row
from support.postgres import Postgres

from callrouter.storage.cdr_table import Store
from callrouter.web.core.reports import CallReport, call_report

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOON = 1_800_000_000.0
HOUR = 3600.0


def wait(joined: int, left: int, outcome: str) -> str:
    return (
        f'[{{"queue":"sales","joined_ms":{joined},"left_ms":{left},"outcome":"{outcome}",'
        '"agent":"801"}]'
    )


def reported(url: str) -> CallReport:
    store = Store(url)
    charged = {"rate_plan": "p", "currency": "EUR", "billed_seconds": 60, "charges": "[]"}
    store.insert(
        [
            call_row("a", NOON, answered_ms=4000, ended_ms=64_000, **charged, cost="0.1"),
            call_row("b", NOON + 1, answered_ms=6000, ended_ms=66_000, **charged, cost="0.2"),
            call_row("c", NOON + HOUR - 0.25, disposition="BUSY", status=486),
            call_row("d", NOON + HOUR, answered_ms=9000, queues=wait(1000, 9000, "answered")),
            call_row("e", NOON + HOUR + 1, disposition="CANCELLED", queues=wait(0, 50, "timeout")),
            call_row("f", NOON + 2 * HOUR, disposition="BUSY"),  # after the last one
        ]
    )
    store.close()
    return call_report(url, [NOON, NOON + HOUR, NOON + 2 * HOUR])


@pytest_asyncio.fixture(loop_scope="module")
async def postgres() -> AsyncIterator[str]:
    server = await Postgres.open()
    yield server.new("reports")
    server.close()


def check(report: CallReport) -> None:
    first, second = report.spans
    assert (first.calls, first.answered, first.answer_wait, first.talk) == (3, 2, 5.0, 120.0)
    assert (first.offered, first.service_level, first.queue_wait) == (0, None, None)
    assert (second.calls, second.answered, second.offered) == (2, 1, 2)
    assert (second.queue_wait, second.service_level) == (8.0, 50.0)
    assert (report.whole.calls, report.whole.answered, report.whole.offered) == (5, 3, 2)
    assert {currency: Decimal(cost) for currency, cost in report.costs.items()} == {
        "EUR": Decimal("0.3")
    }


async def test_sums_of_sqlite(tmp_path: Path) -> None:
    check(reported(f"sqlite:///{tmp_path}/calls.db"))


async def test_sums_of_postgresql(postgres: str) -> None:
    check(reported(postgres))
