"""Events in a real PostgreSQL: told from there, and from the spool while it is away."""

import json
from collections import Counter
from pathlib import Path

import pytest
from support.hooks import SECRET, HookReceiver
from support.phones import Phones
from support.ports import free_port
from support.postgres import Postgres
from support.serving import Serving, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_events_wait_in_the_spool_while_the_database_is_away_and_come_in_their_order(
    tmp_path: Path,
) -> None:
    postgres = await Postgres.open()
    url = postgres.new("told")
    port = free_port()
    place = lay_out(
        tmp_path,
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets: {{answers: {{uri: 'sip:service@127.0.0.1:{port}'}}}}\n"
        "numbers: {'6000': {route: [{hunt: [answers]}]}}\n",
    )
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    async with HookReceiver.open() as hook:
        endpoint = {"name": "crm", "url": hook.url, "secret_file": "secret", "allow_private": True}
        settings = place.config.read_text(encoding="utf-8")
        place.config.write_text(
            settings.replace("sqlite:///var/callrouter.db", url)
            + f"state: 'sqlite:///var/state.db'\nwebhooks: {json.dumps([endpoint])}\n",
            encoding="utf-8",
        )
        serving = await Serving.start(place)
        server = ("127.0.0.1", place.port)
        callers, callees = await Phones.open(server), await Phones.open(server, port)
        try:
            await callers.calls("6000", 3, 20.0, 0.1)
            await hook.took(3, "call.ended")
            postgres.stop()
            up = callers.call("6000", 600.0)
            await up.answered.wait()
            await serving.logged("records go to the spool")
            await callers.calls("6000", 5, 20.0, 0.1)
            await postgres.start()
            await hook.took(8, "call.ended")
            metrics = await serving.metrics()
        finally:
            await callers.close()
            await callees.close()
            await serving.stop()
            postgres.close()
    assert metrics["callrouter_events_lost_total"] == 0
    seen: Counter[str] = Counter()
    for event in {event.id: event for event in hook.events}.values():
        call = event.body["data"]["call"]["id"]
        seen[call] += 1
        assert event.body["seq"] == seen[call]
    assert sorted(seen.values())[1:] == [4] * 8
