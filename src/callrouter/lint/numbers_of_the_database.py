"""Numbers that the dialplan and the database do not both have: routed and not ours, or nowhere."""

from collections.abc import Mapping

from callrouter.billing.number_lives import compared
from callrouter.errors import Diagnostic
from callrouter.lint.findings import Findings
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.yamlfile.reader import Document


def check_numbers(
    document: Document, plan: Dialplan, states: Mapping[str, str]
) -> list[Diagnostic]:
    """Return warnings. document: of the settings that name the database. states: see `compared`."""
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
