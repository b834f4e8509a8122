"""All warnings of one dialplan."""

from collections.abc import Collection

from callrouter.dialplan.yaml import Document
from callrouter.errors import Diagnostic
from callrouter.lint.carriers import carriers
from callrouter.lint.found import Found
from callrouter.lint.hours import hours
from callrouter.lint.lists import shadowed_lists
from callrouter.lint.loops import Place, loops
from callrouter.lint.numbers import shadowed_numbers
from callrouter.lint.origins import origins
from callrouter.lint.prompts import unused_prompts
from callrouter.lint.reach import reach
from callrouter.lint.steps import steps
from callrouter.lint.timers import timers
from callrouter.lint.unused import unused
from callrouter.lint.voice import silent_recordings, unused_voices


def lint(document: Document, listen: Collection[Place] = ()) -> list[Diagnostic]:
    """Return what is odd about a dialplan that compiles, in file order.

    listen: where the server listens, when that is known.
    """
    found = Found(document)
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
