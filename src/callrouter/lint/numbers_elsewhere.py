"""Numbers of the dialplan, held against the database of their lives and against the webhooks."""

from collections.abc import Callable, Mapping

from callrouter.billing.number_lives import compared
from callrouter.errors import Diagnostic
from callrouter.lint.findings import Findings
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.settings.settings_file import Settings
from callrouter.yamlfile.marked import Document

_OF_EVENTS = ("notify", "crm")


def check_numbers(
    document: Document, plan: Dialplan, states: Mapping[str, str]
) -> list[Diagnostic]:
    """Return warnings of numbers that are routed and not ours, or nowhere.

    document: of the settings that name the database. states: see `compared`.
    """
    found = Findings(document)
    routed = {key: number for key, number in plan.numbers.items() if number.normal}
    unmanaged, nowhere = compared(states, routed)
    for key in nowhere:
        message = f"number {key} is {states[key]} in the database, and routed nowhere"
        found.at_value(("records", "database"), message)
    for key in unmanaged:
        number = routed[key]
        message = f"number {key} is routed, and has no life in the database, as others have"
        found.elsewhere(number.file, number.line, message)
    return found.warnings()


def check_webhooks(
    document: Document, settings: Settings, is_number: Callable[[str], bool]
) -> list[Diagnostic]:
    """Return warnings of the settings' webhooks. is_number: says what the dialplan has."""
    found = Findings(document)
    for place, entry in enumerate(settings.webhooks or ()):
        for index, number in enumerate(entry.numbers or ()):
            if not is_number(number):
                message = f"the dialplan has no number {number}: '{entry.name}' hears of none"
                found.at_value(("webhooks", place, "numbers", index), message)
    return found.warnings()


def check_untold(document: Document, settings: Settings) -> list[Diagnostic]:
    """Return warnings of a dialplan's numbers that say what is told, where nobody is told."""
    found = Findings(document)
    if settings.webhooks is None:
        for section in ("numbers", "number_tables"):
            for key, entry in found.section(section).items():
                for option in _OF_EVENTS:
                    if option in entry:
                        message = f"'{option}' says what is told, and the settings have no webhooks"
                        found.at_key((section, key, option), message)
    return found.warnings()
