"""Compiler of a file of rate plans: to plans as `rating` has them, or to all mistakes in it."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from callrouter.billing.account_rules import ADMINISTRATOR, PREPAID, AccountTerms
from callrouter.billing.fees import Fee
from callrouter.dialplan.areas.list_files import international_prefix, is_dialled_so
from callrouter.dialplan.check.references import TABLES, References
from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.compile.holiday_tables import schedule
from callrouter.dialplan.compile.list_loading import misplaced
from callrouter.dialplan.grammar import rate_plans as schema
from callrouter.dialplan.grammar.names import Path as Place
from callrouter.dialplan.grammar.schedules import ScheduleEntry
from callrouter.dialplan.grammar.voicemail_boxes import mail_of
from callrouter.errors import ConfigError
from callrouter.rating.rate_plan import SHORT, PricePeriod, PriceStep, Rate, RatePlan, RatePlans
from callrouter.route.callers.telephone_numbers import some_country_has
from callrouter.route.rules.mailboxes import Mail
from callrouter.route.values.opening_hours import Schedule
from callrouter.yamlfile.marked import Document, Mapping
from callrouter.yamlfile.reader import load
from callrouter.yamlfile.wording import shown

_KEY: Final = "rate_plans"
_ALL: Final = "all numbers"
_OTHERS: Final = "other numbers"
_UNANSWERED: Final = "unanswered"


def load_rate_plans(path: Path) -> RatePlans:
    """Read and compile rate plans. Raises ConfigError with every mistake, in file order."""
    return compile_rate_plans(load(path))


def compile_rate_plans(document: Document) -> RatePlans:
    """Compile rate plans that were read. Raises ConfigError with every mistake, in file order."""
    return _compiled(document)[0]


def _compiled(document: Document) -> tuple[RatePlans, dict[str, Mail]]:
    """As `compile_rate_plans`, with how owners of accounts, and the administrator, are mailed."""
    file = References(document)
    head = file.checked_head(schema.RatePlanFile)
    schedules = file.checked_section("schedules", ScheduleEntry)
    entries = file.checked_section("plans", schema.RatePlanEntry)
    payers = file.checked_section("accounts", schema.AccountEntry)
    country = head.country if head is not None else ""
    for name, entry in entries.items():
        _check(file, name, entry, entries, country)
    for name, payer in payers.items():
        _check_fees(file, name, payer)
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
    accounts = {name: _terms(name, entry, zone) for name, entry in payers.items()}
    mails = {
        name: mail_of(entry.mail, document.file)
        for name, entry in payers.items()
        if entry.mail is not None
    }
    if head.administrator is not None:
        mails[ADMINISTRATOR] = mail_of(head.administrator, document.file)
    built_plans = RatePlans(
        file=document.file, country=country, timezone=zone, plans=plans, accounts=accounts
    )
    return built_plans, mails


def _terms(name: str, entry: schema.AccountEntry, zone: str) -> AccountTerms:
    notice, suspend = entry.low
    return AccountTerms(
        name=name,
        kind=entry.kind,
        currency=entry.currency,
        credit=Decimal(0) if entry.kind == PREPAID else entry.credit_limit,
        notice=notice,
        suspend=suspend,
        reclaim_seconds=entry.reclaim,
        go_on=entry.without_database == "go_on",
        fees=tuple(map(_fee, entry.fees)),
        timezone=zone,
        mails=entry.mail is not None,
    )


def _fee(entry: schema.FeeEntry) -> Fee:
    return Fee(
        what=entry.what,
        number=entry.number or "",
        amount=entry.amount,
        every=entry.every,
        begins=date.fromisoformat(entry.from_),
        ends=None if entry.until is None else date.fromisoformat(entry.until),
    )


class NamedPlans:
    """The rate plans of the file that a dialplan names with `rate_plans`.

    names: those of plans with mistakes too; none when no file is named, None when it cannot be
    read. accounts: the names of accounts, in the same way. plans: None when no file is named, or it
    has mistakes. mails: how owners of accounts are mailed. document: what all was made of. files:
    those that are named.
    """

    def __init__(self, document: Document) -> None:
        self.names: Collection[str] | None = ()
        self.accounts: Collection[str] | None = ()
        self.plans: RatePlans | None = None
        self.mails: dict[str, Mail] = {}
        self.files: list[str] = []
        self.document: Document | None = None
        self._misplaced = ""
        self._wrong: ConfigError | None = None
        self._one_currency = ("", "")
        data = document.data
        named = data.get(_KEY) if isinstance(data, Mapping) else None
        if not isinstance(named, str) or not named.isprintable():
            self.names = () if named is None else None  # which the grammar has words for
            self.accounts = self.names
            return
        folder = Path(document.file).parent
        path = folder / named
        self.files = [str(path)]
        self.names = self.accounts = None
        self._misplaced = misplaced(path, folder)
        if not self._misplaced and not path.is_file():
            self._misplaced = f"there is no file {path}"
        if self._misplaced:
            return
        try:
            file = load(path)
            self.names = _keys(file, "plans", needed=True)
            self.accounts = _keys(file, "accounts", needed=False)
            self.plans, self.mails = _compiled(file)
            self.document = file
        except ConfigError as error:
            self._wrong = error

    def check(self, checker: Checker) -> None:
        """Note what is wrong with the file, and with the plans and accounts that are named."""
        if self._misplaced:
            checker.mistakes.at_value((_KEY,), self._misplaced)
        for mistake in self._wrong.diagnostics if self._wrong is not None else ():
            checker.mistakes.elsewhere(mistake)
        ways = {
            **{f"target '{name}'": it.rate_plan for name, it in checker.targets.items()},
            **{f"line '{name}'": it.rate_plan for name, it in checker.outbound_lines.items()},
        }
        for way, plan in ways.items():
            if plan is not None and not self._one_currency[0]:
                self._one_currency = (self._currency(plan), way)
        for name, target in checker.targets.items():
            self.check_currency(checker, ("targets", name), target.rate_plan)
        for name, table in checker.tables.items():
            self.check_currency(checker, (TABLES, name), table.rate_plan)
            self.check_payer(checker, (TABLES, name), table.account, table.rate_plan)
        for name, line in checker.outbound_lines.items():
            self.check_currency(checker, ("outbound_lines", name), line.rate_plan)
        for name, extension in checker.extensions.items():
            self.check_payer(checker, ("extensions", name), extension.account, None)

    def check_payer(
        self, checker: Checker, place: Place, name: str | None, plan: str | None
    ) -> None:
        """Check that an account is in the currency of a number's plan, and of targets."""
        terms = None if self.plans is None else self.plans.accounts.get(name or "")
        found = self._currency(plan) or self._one_currency[0]
        if terms is not None and found and found != terms.currency:
            message = f"expected an account in {found}, as its calls cost; '{name}' is in "
            checker.mistakes.at_value((*place, "account"), f"{message}{terms.currency}")

    def check_currency(self, checker: Checker, place: Place, name: str | None) -> None:
        """Check that a plan is in the currency of targets: the cost of a call is one sum."""
        wanted, way = self._one_currency
        found = self._currency(name)
        if wanted and found and found != wanted:
            message = (
                f"expected a rate plan in {wanted}, as that of {way} is: a call has "
                f"one cost; '{name}' is in {found}"
            )
            checker.mistakes.at_value((*place, "rate_plan"), message)

    def _currency(self, name: str | None) -> str:
        """The currency of a plan, "" of one that is not there."""
        plan = None if self.plans is None else self.plans.plans.get(name or "")
        return "" if plan is None else plan.currency


def _keys(document: Document, section: str, *, needed: bool) -> Collection[str] | None:
    """The names that a section has; None of one that cannot be read."""
    data = document.data
    found = data.get(section) if isinstance(data, Mapping) else None
    if isinstance(found, Mapping):
        return found.keys()
    return () if found is None and not needed else None


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


def _check_fees(file: References, name: str, entry: schema.AccountEntry) -> None:
    """Check that fees can be told apart: each is booked once by its words, number and month."""
    seen: set[tuple[str, str | None]] = set()
    for index, fee in enumerate(entry.fees):
        if (fee.what, fee.number) in seen:
            message = f"a fee above is for '{fee.what}' of this number, too: name it otherwise"
            file.mistakes.at_value(("accounts", name, "fees", index, "what"), message)
        seen.add((fee.what, fee.number))


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
