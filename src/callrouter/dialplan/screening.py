"""Who may call a number: the rules of `allow`, `block`, `areas`, `countries` and `auto_block`."""

from collections.abc import Mapping as Lists

from callrouter.dialplan import areas, schema
from callrouter.dialplan.yaml import Document, Mapping
from callrouter.route.areas import Area, AreaRule, Country
from callrouter.route.lists import NumberList
from callrouter.route.plan import AutoBlock
from callrouter.route.reasons import AREA_REFUSED, COUNTRY_REFUSED
from callrouter.route.rules import AutoBlockRule, ListUse, Screen


class ScreenBuilder:
    """Builds what numbers ask about their callers. lists: all lists of the dialplan."""

    def __init__(
        self, document: Document, head: schema.DialplanFile, lists: Lists[str, NumberList]
    ) -> None:
        self._file = document.file
        self._country = head.country
        self._lists = lists
        self._allow = self._uses("allow", head.allow, document.data)
        self._block = self._uses("block", head.block, document.data)
        self._auto = self._auto_block("auto_block", head.auto_block, document.data)
        self._usual = Screen(self._allow, self._block, (), self._auto)

    def screen(self, key: str, entry: schema.Number, raw: Mapping) -> Screen:
        """Build that of one number; raw is the same as read, for its lines."""
        if not (entry.allow or entry.block or entry.areas or entry.countries or entry.auto_block):
            return self._usual
        rule = f"number {key}"
        return Screen(
            self._allow + self._uses("allow", entry.allow, raw),
            self._block + self._uses("block", entry.block, raw),
            (*self._areas(rule, entry.areas, raw), *self._countries(rule, entry.countries, raw)),
            self._auto_block(f"auto_block of {rule}", entry.auto_block, raw) or self._auto,
        )

    def _uses(self, key: str, names: list[str] | None, raw: Mapping) -> tuple[ListUse, ...]:
        return tuple(
            ListUse(f"{key} {name}", self._lists[name], self._file, raw[key].find(index).line)
            for index, name in enumerate(names or ())
        )

    def _areas(self, rule: str, entry: schema.Areas | None, raw: Mapping) -> tuple[AreaRule, ...]:
        if entry is None:
            return ()
        unknown_too = entry.allow is None if entry.withheld is None else entry.withheld == "allow"
        allow = None if entry.allow is None else self._named(entry.allow)
        refuse = self._named(entry.refuse)
        line = raw.find("areas")[0].line
        name = f"areas of {rule}"
        return (AreaRule(name, AREA_REFUSED, allow, refuse, (), unknown_too, self._file, line),)

    def _named(self, names: list[str]) -> tuple[Area | Country, ...]:
        found = (areas.area(name, self._country) for name in names)
        return tuple(area for area in found if area is not None)

    def _countries(
        self, rule: str, entry: schema.Countries | None, raw: Mapping
    ) -> tuple[AreaRule, ...]:
        if entry is None:
            return ()
        return (
            AreaRule(
                f"countries of {rule}",
                COUNTRY_REFUSED,
                tuple(Country(name) for name in entry.allow),
                (),
                tuple(self._lists[name] for name in entry.except_),
                entry.withheld == "allow",
                self._file,
                raw.find("countries")[0].line,
            ),
        )

    def _auto_block(
        self, rule: str, entry: schema.AutoBlock | None, raw: Mapping
    ) -> AutoBlockRule | None:
        if entry is None:
            return None
        block = AutoBlock(entry.calls, entry.within, entry.for_)
        line = raw.find("auto_block")[0].line
        return AutoBlockRule(rule, block, entry.when == "always", self._file, line)
