"""What docs/events.md says of the program, held against the program."""

from pathlib import Path
from typing import Final

import yaml

from callrouter.settings.webhooks import EndpointEntry
from callrouter.webhooks.courier import RETRIES

EVENTS: Final = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")


def test_table_of_an_endpoint_is_its_model() -> None:
    rows = ["| key | must be there | meaning |", "|---|---|---|"]
    for key, field in EndpointEntry.model_fields.items():
        must = "yes" if field.is_required() else "no"
        rows.append(f"| `{key}` | {must} | {field.description} |")
    assert "\n".join(rows) in EVENTS, "\n" + "\n".join(rows)


def test_example_of_an_endpoint_is_one() -> None:
    text = EVENTS.split("```yaml\n")[1].split("```")[0]
    (entry,) = yaml.safe_load(text)["webhooks"]
    endpoint = EndpointEntry.model_validate(entry).endpoint()
    assert endpoint.wants("queue.joined", "4000")
    assert not endpoint.wants("call.started", "4000")


def test_retries_come_after_what_is_said() -> None:
    said = "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h\n  and 24 h"
    assert said in EVENTS
    units = {"s": 1, "min": 60, "h": 3600}
    words = said.replace(",", "").replace("and ", "").split()
    pairs = zip(words[::2], words[1::2], strict=True)
    assert tuple(float(count) * units[unit] for count, unit in pairs) == RETRIES
