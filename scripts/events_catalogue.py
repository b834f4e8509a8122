"""The catalogue of events in docs/events.md, made from their models and examples.

After an event or a field was added or changed: python scripts/events_catalogue.py
"""

import json
from pathlib import Path
from typing import Final

from callrouter.settings.webhook_endpoints import EndpointEntry
from callrouter.webhooks import event_catalogue as catalogue
from callrouter.webhooks.delivery_rows import DueEvent
from callrouter.webhooks.event_kinds import KINDS

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "events.md"
BEGIN: Final = "<!-- events: made by scripts/events_catalogue.py -->"
END: Final = "<!-- end of events -->"
_PARTS: Final = (
    ("The data of an event", catalogue.EventData),
    ("The call", catalogue.CallObject),
    ("Its number", catalogue.EventNumber),
    ("Its cost", catalogue.EventCost),
    ("A recording or a message", catalogue.EventKept),
    ("A queue, or an agent", catalogue.EventQueue),
    ("An alarm of a guard against fraud", catalogue.EventAlarm),
)
_AT: Final = 1772415064.0
_WIDE: Final = 115


def made() -> str:
    """The keys of an endpoint, the kinds, the parts of `data`, and an example of each kind."""
    lines = ["## The endpoint", "", "| key | must be there | meaning |", "|---|---|---|"]
    for key, field in EndpointEntry.model_fields.items():
        must = "yes" if field.is_required() else "no"
        lines.append(f"| `{key}` | {must} | {field.description} |")
    lines += ["", "## The kinds of events", "", "| kind | when |", "|---|---|"]
    lines += [f"| `{kind}` | {when} |" for kind, when in KINDS.items()]
    for title, model in _PARTS:
        lines += ["", f"### {title}", "", "| key | meaning |", "|---|---|"]
        lines += [f"| `{key}` | {field.description} |" for key, field in model.model_fields.items()]
    lines += ["", "## An example of each"]
    for seq, kind in enumerate(KINDS, 1):
        lines += ["", f"`{kind}`:", "", "```json", *_example(kind, seq), "```"]
    return "\n".join(lines)


def update(text: str) -> str:
    """A document with the part between the two marks renewed."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{made()}\n\n{END}{after}"


def _example(kind: str, seq: int) -> list[str]:
    example = catalogue.EXAMPLES[kind]
    kept = {key for key in catalogue.EventData.model_fields if getattr(example, key) is not None}
    data = example.model_dump_json(include=kept)
    body = json.loads(DueEvent(1, 0, "", kind, "", seq, "", _AT, data).body())
    lines = [""]
    for part in json.dumps(body, separators=(",\0", ": ")).split("\0"):
        if len(lines[-1]) + len(part) >= _WIDE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {part}".lstrip()
    return lines


if __name__ == "__main__":
    DOCUMENT.write_text(update(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
