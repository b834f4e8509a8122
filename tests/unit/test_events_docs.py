"""What docs/events.md says of the program, held against the program."""

import json
import runpy
from pathlib import Path
from typing import Final

import yaml

from callrouter.settings.webhook_endpoints import EndpointEntry
from callrouter.webhooks.event_catalogue import EventData
from callrouter.webhooks.webhook_delivery import RETRIES

ROOT: Final = Path(__file__).parents[2]
EVENTS: Final = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")


def test_catalogue_is_the_one_that_the_models_give() -> None:
    update = runpy.run_path(str(ROOT / "scripts" / "events_catalogue.py"))["update"]
    assert update(EVENTS) == EVENTS, "run python scripts/events_catalogue.py"


def test_every_example_is_an_event() -> None:
    blocks = EVENTS.split("```json\n")[1:]
    for block in blocks:
        body = json.loads(block.split("```")[0])
        EventData.model_validate_json(json.dumps(body["data"]))
        assert body.keys() == {"type", "timestamp", "seq", "data"}
    assert len(blocks) == 29


def test_example_of_an_endpoint_is_one() -> None:
    text = EVENTS.split("```yaml\n")[1].split("```")[0]
    (entry,) = yaml.safe_load(text)["webhooks"]
    endpoint = EndpointEntry.model_validate(entry).endpoint()
    assert endpoint.wants("queue.joined", "4000")
    assert not endpoint.wants("call.started", "4000")


def test_receiver_has_ten_lines_that_compile() -> None:
    text = EVENTS.split("```python\n")[1].split("```")[0]
    compile(text, "receiver.py", "exec")
    assert len([line for line in text.splitlines() if line]) == 10


def test_retries_come_after_what_is_said() -> None:
    said = "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h\n  and 24 h"
    assert said in EVENTS
    units = {"s": 1, "min": 60, "h": 3600}
    words = said.replace(",", "").replace("and ", "").split()
    pairs = zip(words[::2], words[1::2], strict=True)
    assert tuple(float(count) * units[unit] for count, unit in pairs) == RETRIES
