"""Builder of what events say of numbers; those that say the same share it."""

from collections.abc import Mapping

from callrouter.dialplan.grammar.dialplan_file import NumberEntry
from callrouter.route.callers.number_lists import NumberList
from callrouter.route.rules.number_rules import EventRule

_BOTH = ("inbound", "outbound")


class EventRuleBuilder:
    """Builder of the rules of one dialplan. lists: all of it."""

    def __init__(self, lists: Mapping[str, NumberList]) -> None:
        self._lists = lists
        self._known: dict[tuple[object, ...], EventRule] = {}

    def rule(self, entry: NumberEntry) -> EventRule:
        """Build that of one number."""
        crm = entry.crm
        leads: tuple[str, ...] = ()
        excepted: tuple[str, ...] = ()
        source = ""
        if crm is not None:
            leads = _BOTH if crm.create == "both" else (crm.create,)
            excepted, source = tuple(crm.except_), crm.source or ""
        key = (entry.name, entry.notify, leads, source, excepted)
        rule = self._known.get(key)
        if rule is None:
            rule = self._known[key] = EventRule(
                name=entry.name or "",
                notify_seconds=entry.notify or 0.0,
                leads=frozenset(leads),
                source=source,
                excepted=tuple(self._lists[name] for name in excepted),
            )
        return rule
