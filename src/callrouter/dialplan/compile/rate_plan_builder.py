"""Compiler of a file of rate plans: to plans as `rating` has them, or to all mistakes in it."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from callrouter.dialplan.areas.list_files import international_prefix, is_dialled_so
from callrouter.dialplan.check.references import References
from callrouter.dialplan.compile.holiday_tables import schedule
from callrouter.dialplan.grammar import rate_plans as schema
from callrouter.dialplan.grammar.schedules import ScheduleEntry
from callrouter.rating.rate_plan import SHORT, PricePeriod, PriceStep, Rate, RatePlan, RatePlans
from callrouter.route.callers.telephone_numbers import some_country_has
from callrouter.route.rules.opening_hours import Schedule
from callrouter.yamlfile.marked import Document
from callrouter.yamlfile.reader import load
from callrouter.yamlfile.wording import shown

_ALL: Final = "all numbers"
_OTHERS: Final = "other numbers"
_UNANSWERED: Final = "unanswered"


def load_rate_plans(path: Path) -> RatePlans:
    """Read and compile rate plans. Raises ConfigError with every mistake, in file order."""
    return compile_rate_plans(load(path))


def compile_rate_plans(document: Document) -> RatePlans:
    """Compile rate plans that were read. Raises ConfigError with every mistake, in file order."""
    file = References(document)
    head = file.checked_head(schema.RatePlanFile)
    schedules = file.checked_section("schedules", ScheduleEntry)
    entries = file.checked_section("plans", schema.RatePlanEntry)
    country = head.country if head is not None else ""
    for name, entry in entries.items():
        _check(file, name, entry, entries, country)
    if head is None or file.mistakes.any():
        raise file.mistakes.error()
    zone = head.timezone or "UTC"
    builder = _Builder(
        country, {name: schedule(name, entry, zone) for name, entry in schedules.items()}
    )
    plans = {name: builder.plan(name, entry) for name, entry in entries.items()}
    for name, entry in entries.items():
        if entry.forwarded is not None:
            plain = replace(plans[entry.forwarded], forwarded=None)
            plans[name] = replace(plans[name], forwarded=plain)
    return RatePlans(file=document.file, country=country, timezone=zone, plans=plans)


def _check(
    file: References,
    name: str,
    entry: schema.RatePlanEntry,
    entries: dict[str, schema.RatePlanEntry],
    country: str,
) -> None:
    """Check what belongs together in a plan."""
    other = entries.get(entry.forwarded or "")
    if other is not None and other.currency != entry.currency:
        message = f"expected a plan in {entry.currency}, '{entry.forwarded}' is in {other.currency}"
        file.mistakes.at_value(("plans", name, "forwarded"), message)
    first: dict[tuple[str, str], int] = {}
    for index, one in enumerate(entry.rates) if country else ():
        for place, prefix in enumerate(one.prefixes or [""]):
            where = (
                "plans",
                name,
                "rates",
                index,
                *(("prefixes", place) if prefix else ("kinds",)),
            )
            try:
                form = _form(prefix, one.kinds, country)
            except ValueError as error:
                file.mistakes.at_value(where, str(error))
                continue
            for kind in one.kinds or [""]:
                if first.setdefault((form, kind), index) != index:
                    message = f"calls to {_name(prefix, kind)} have a rate above"
                    file.mistakes.at_value(where, message)


def _form(prefix: str, kinds: list[str], country: str) -> str:
    """Return first digits as the numbers that rates are looked up by have them.

    Carriers' tables of prices leave out the + of country codes, and lists of callers would read
    that as first digits of national numbers. So what may be either is none. Raises ValueError.
    """
    if not prefix:
        return ""
    if kinds == [SHORT]:
        if prefix.startswith("+"):
            raise ValueError(f"expected first digits of short numbers, found {shown(prefix)}")
        return prefix
    if not prefix.startswith("+") and not is_dialled_so(prefix, country):
        hint = f": write +{prefix}" if some_country_has(prefix) else ""
        raise ValueError(
            f"expected first digits with + or the national prefix, found {shown(prefix)}{hint}; "
            f"those of short numbers need kinds: [{SHORT}]"
        )
    digits = international_prefix(prefix, country)
    if not some_country_has(digits):
        raise ValueError(f"no country has the code of +{digits}")
    return f"+{digits}"


def _name(prefix: str, kind: str) -> str:
    return " ".join(part for part in (prefix, kind) if part)


class _Builder:
    """Builder of the plans of a file without mistakes. country: of its national numbers."""

    def __init__(self, country: str, schedules: dict[str, Schedule]) -> None:
        self._country = country
        self._schedules = schedules

    def plan(self, name: str, entry: schema.RatePlanEntry) -> RatePlan:
        """Build a plan, but for the plan of its forwarded legs."""
        rates: dict[str, dict[str, Rate]] = {}
        for one in entry.rates:
            for prefix in one.prefixes or [""]:
                for kind in one.kinds or [""]:
                    form = _form(prefix, one.kinds, self._country)
                    built = self._rate(_name(prefix, kind), one, entry)
                    rates.setdefault(form, {})[kind] = built
        unanswered = entry.unanswered
        return RatePlan(
            name=name,
            currency=entry.currency,
            decimals=entry.places,
            base=self._rate(_OTHERS if entry.rates else _ALL, entry, entry),
            rates=rates,
            unanswered=None if unanswered is None else _ringing(unanswered, entry),
            forwarded=None,
        )

    def _rate(
        self, name: str, entry: schema.RateEntry | schema.RatePlanEntry, of: schema.RatePlanEntry
    ) -> Rate:
        blocks = of.blocks if entry.blocks is None else entry.blocks
        free = of.free if entry.free is None else entry.free
        return Rate(
            name=name,
            first=blocks.first,
            step=blocks.step,
            fee=of.fee if entry.fee is None else entry.fee,
            free=free or 0,
            steps=_steps(entry),
            periods=tuple(self._periods(entry.periods)),
        )

    def _periods(self, entries: Iterable[schema.PricePeriodEntry]) -> Iterable[PricePeriod]:
        for entry in entries:
            yield PricePeriod(
                schedule=self._schedules[entry.when.schedule],
                open=entry.when.is_ == "open",
                steps=_steps(entry),
            )


def _steps(entry: schema.PricesEntry) -> tuple[PriceStep, ...]:
    first = PriceStep(after=0, price=entry.price)
    return (first, *(PriceStep(after=step.after, price=step.price) for step in entry.steps))


def _ringing(entry: schema.UnansweredEntry, plan: schema.RatePlanEntry) -> Rate:
    blocks = entry.blocks or plan.blocks
    return Rate(
        name=_UNANSWERED,
        first=blocks.first,
        step=blocks.step,
        fee=entry.fee,
        free=0,
        steps=(PriceStep(after=0, price=entry.price),),
        periods=(),
    )
