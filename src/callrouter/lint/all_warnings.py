"""All warnings of one dialplan, and those of the settings that it is served by."""

from collections.abc import Collection
from typing import Final

from callrouter.errors import Diagnostic
from callrouter.lint.caller_origins import origins
from callrouter.lint.carrier_timeouts import carriers
from callrouter.lint.contradicting_times import timers
from callrouter.lint.findings import Findings
from callrouter.lint.overlapping_schedules import hours
from callrouter.lint.routing_loops import Place, loops
from callrouter.lint.shadowed_lists import shadowed_lists
from callrouter.lint.shadowed_numbers import shadowed_numbers
from callrouter.lint.understaffed_queues import queues
from callrouter.lint.unreachable_steps import steps
from callrouter.lint.unreachable_targets import reach
from callrouter.lint.unused_names import unused
from callrouter.lint.useless_lines import outbound_lines
from callrouter.settings.settings_file import Settings
from callrouter.yamlfile.marked import Document

_EVERYWHERE: Final = frozenset(("0.0.0.0", "::"))


def lint(document: Document, listen: Collection[Place] = ()) -> list[Diagnostic]:
    """Return what is odd about a dialplan that compiles, in file order.

    listen: where the server listens, when that is known.
    """
    found = Findings(document)
    unused(found)
    _silent_recordings(found)
    shadowed_numbers(found)
    shadowed_lists(found)
    hours(found)
    steps(found)
    timers(found)
    queues(found)
    carriers(found)
    loops(found, listen)
    reach(found, listen)
    origins(found)
    outbound_lines(found)
    return found.warnings()


def _silent_recordings(found: Findings) -> None:
    """Warn of numbers whose callers are not told that they are recorded."""
    country = found.document.data.get("country")
    for section, who in (
        ("numbers", "callers"),
        ("permissions", "who is called"),
        ("extensions", "who is called"),
    ):
        for key, raw in found.section(section).items():
            record = raw.get("record") if isinstance(raw, dict) else None
            if isinstance(record, dict) and record.get("notice") is False:
                told = "are" if section == "numbers" else "is"
                message = (
                    f"{who} {told} not told of the recording; the law of {country} may ask for it"
                )
                found.at_key((section, key, "record", "notice"), message)


def check_settings(document: Document, settings: Settings) -> list[Diagnostic]:
    """Return warnings of listeners that are there twice, and of metrics that everybody reads."""
    found = Findings(document)
    places = [(one.transport, one.host, one.port) for one in settings.listen]
    for index, place in enumerate(places):
        if place in places[:index]:
            first = places.index(place) + 1
            message = f"the listener is there already: it is number {first} of the list"
            found.at_value(("listen", index), message)
    metrics = settings.metrics
    if metrics is not None and metrics.host in _EVERYWHERE:
        message = (
            "whoever reaches this machine reads the metrics, which name trunks and gateways: "
            f"expected one address, such as 127.0.0.1:{metrics.port}"
        )
        found.at_value(("metrics",), message)
    return found.warnings()
