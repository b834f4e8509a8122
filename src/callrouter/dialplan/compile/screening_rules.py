"""Call screening: `from`, `only`, `allow`, `block`, `areas`, `countries`, `auto_block`."""

import sys
from collections.abc import Mapping as Lists

from callrouter.dialplan.areas import area_names as areas
from callrouter.dialplan.grammar.call_screening import Areas, AutoBlockEntry, Countries
from callrouter.dialplan.grammar.dialplan_file import DialplanFile, NumberEntry
from callrouter.route.callers.geographic_areas import Area, AreaRule, Country
from callrouter.route.callers.number_lists import NumberList
from callrouter.route.rules.number_rules import AutoBlockRule, ListUse, Screen
from callrouter.route.values.plan import AutoBlock
from callrouter.route.values.refusal_reasons import AREA_REFUSED, COUNTRY_REFUSED
from callrouter.yamlfile.marked import Document, Mapping


class ScreenBuilder:
    """Builder of what numbers ask about their callers. lists: all lists of the dialplan."""

    def __init__(
        self, document: Document, head: DialplanFile, lists: Lists[str, NumberList]
    ) -> None:
        self._file = document.file
        self._country = head.country
        self.lists = lists
        self._areas_named: dict[tuple[str, ...], tuple[Area | Country, ...]] = {}
        self._blocks: dict[tuple[int, float, float], AutoBlock] = {}
        self._allow = self._uses("allow", head.allow, document.data, 0)
        self._block = self._uses("block", head.block, document.data, 0)
        self._auto = self._auto_block("auto_block", head.auto_block, document.data, 0)
        self._usual = Screen(allow=self._allow, block=self._block, areas=(), auto_block=self._auto)

    def screen(self, rule: str, entry: NumberEntry, raw: Mapping, line: int) -> Screen:
        """Build that of one number; raw is the same as read, its lines count from `line`.

        rule: what the number is called in verdicts.
        """
        lists = entry.allow or entry.block or entry.only
        if not (lists or entry.areas or entry.countries or entry.auto_block):
            return self._usual
        return Screen(
            allow=self._allow + self._uses("allow", entry.allow, raw, line),
            block=self._block + self._uses("block", entry.block, raw, line),
            areas=(
                *self._areas(rule, entry.areas, raw, line),
                *self._countries(rule, entry.countries, raw, line),
            ),
            auto_block=self._auto_block(f"auto_block of {rule}", entry.auto_block, raw, line)
            or self._auto,
            only=self._uses("only", entry.only, raw, line),
        )

    def _uses(
        self, key: str, names: list[str] | None, raw: Mapping, line: int
    ) -> tuple[ListUse, ...]:
        return tuple(
            ListUse(
                rule=sys.intern(f"{key} {name}"),
                list=self.lists[name],
                file=self._file,
                line=line + raw[key].find(index).line,
            )
            for index, name in enumerate(names or ())
        )

    def _areas(
        self, rule: str, entry: Areas | None, raw: Mapping, line: int
    ) -> tuple[AreaRule, ...]:
        if entry is None:
            return ()
        unknown_too = entry.allow is None if entry.withheld is None else entry.withheld == "allow"
        allow = None if entry.allow is None else self._named(tuple(entry.allow))
        refuse = self._named(tuple(entry.refuse))
        line += raw.find("areas")[0].line
        name = f"areas of {rule}"
        return (
            AreaRule(
                rule=name,
                reason=AREA_REFUSED,
                allow=allow,
                refuse=refuse,
                excepted=(),
                unknown_too=unknown_too,
                file=self._file,
                line=line,
            ),
        )

    def _named(self, names: tuple[str, ...]) -> tuple[Area | Country, ...]:
        known = self._areas_named.get(names)
        if known is None:
            found = (areas.area(name, self._country) for name in names)
            known = tuple(area for area in found if area is not None)
            self._areas_named[names] = known
        return known

    def _countries(
        self, rule: str, entry: Countries | None, raw: Mapping, line: int
    ) -> tuple[AreaRule, ...]:
        if entry is None:
            return ()
        return (
            AreaRule(
                rule=f"countries of {rule}",
                reason=COUNTRY_REFUSED,
                allow=tuple(Country(name=name) for name in entry.allow),
                refuse=(),
                excepted=tuple(self.lists[name] for name in entry.except_),
                unknown_too=entry.withheld == "allow",
                file=self._file,
                line=line + raw.find("countries")[0].line,
            ),
        )

    def _auto_block(
        self, rule: str, entry: AutoBlockEntry | None, raw: Mapping, line: int
    ) -> AutoBlockRule | None:
        if entry is None:
            return None
        times = (entry.calls, entry.within, entry.for_)
        block = self._blocks.get(times)
        if block is None:
            block = self._blocks[times] = AutoBlock(
                calls=entry.calls, within_seconds=entry.within, for_seconds=entry.for_
            )
        line += raw.find("auto_block")[0].line
        return AutoBlockRule(
            rule=rule, block=block, always=entry.when == "always", file=self._file, line=line
        )
