"""All warnings of one dialplan."""

from collections.abc import Collection

from callrouter.errors import Diagnostic
from callrouter.lint.caller_origins import origins
from callrouter.lint.carrier_timeouts import carriers
from callrouter.lint.findings import Findings
from callrouter.lint.routing_loops import Place, loops
from callrouter.lint.schedules import hours
from callrouter.lint.shadowed_lists import shadowed_lists
from callrouter.lint.shadowed_numbers import shadowed_numbers
from callrouter.lint.timers import timers
from callrouter.lint.unreachable_steps import steps
from callrouter.lint.unreachable_targets import reach
from callrouter.lint.unused_names import unused, unused_prompts
from callrouter.lint.voice_steps import silent_recordings, unused_voices
from callrouter.yamlfile.reader import Document


def lint(document: Document, listen: Collection[Place] = ()) -> list[Diagnostic]:
    """Return what is odd about a dialplan that compiles, in file order.

    listen: where the server listens, when that is known.
    """
    found = Findings(document)
    unused(found)
    unused_prompts(found)
    unused_voices(found)
    silent_recordings(found)
    shadowed_numbers(found)
    shadowed_lists(found)
    hours(found)
    steps(found)
    timers(found)
    carriers(found)
    loops(found, listen)
    reach(found, listen)
    origins(found)
    return found.warnings()
