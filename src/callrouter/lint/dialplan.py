"""All warnings of one dialplan."""

from collections.abc import Collection

from callrouter.dialplan.yaml import Document
from callrouter.errors import Diagnostic
from callrouter.lint.found import Found
from callrouter.lint.hours import hours
from callrouter.lint.lists import shadowed_lists
from callrouter.lint.loops import Place, loops
from callrouter.lint.numbers import shadowed_numbers
from callrouter.lint.steps import steps
from callrouter.lint.timers import timers
from callrouter.lint.unused import unused


def lint(document: Document, listen: Collection[Place] = ()) -> list[Diagnostic]:
    """Return what is odd about a dialplan that compiles, in file order.

    listen: where the server listens, when that is known.
    """
    found = Found(document)
    unused(found)
    shadowed_numbers(found)
    shadowed_lists(found)
    hours(found)
    steps(found)
    timers(found)
    loops(found, listen)
    return found.warnings()
