"""Lines and permissions of a dialplan: what cannot stand together, and the compiled whole."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.compile.hunt_builder import HuntBuilder
from callrouter.dialplan.grammar.dialplan_file import DialplanFile
from callrouter.dialplan.grammar.names import Path
from callrouter.dialplan.grammar.outbound import GuardsEntry, OutboundEntry, PermissionEntry
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.callers.destinations import (
    Carriers,
    destination,
    is_emergency,
    misplaced_prefix,
)
from callrouter.route.callers.number_lists import NumberList
from callrouter.route.rules.number_rules import ListUse, Number
from callrouter.route.rules.outbound_lines import (
    NOTHING_SPENT,
    BalanceCall,
    CallerId,
    CallingLimits,
    Outbound,
    OutboundLine,
    Permission,
)
from callrouter.route.values.external_lookup import CALLED, CALLER, Lookup
from callrouter.route.values.fraud_guards import NEW_COUNTRY, SHORT_CALLS, FraudGuards
from callrouter.yamlfile.marked import Document


def check_outbound(checker: Checker, country: str) -> None:
    """Note prefixes that would take numbers from others, and what is of no use without `outbound`.

    country: that of the dialplan, "" when it is not known.
    """
    _check_prefixes(checker, country)
    _check_lookup(checker)
    _check_owners(checker, country)
    head = checker.head
    if head is None:
        return
    for section in ("outbound_lines", "permissions"):
        for name in checker.entries(section) if head.outbound is None else ():
            checker.mistakes.at_key((section, name), "expected 'outbound', which is missing")
    for name in checker.extensions if head.outbound is not None else ():
        if is_emergency(name, country):
            message = "this is an emergency number, and is always called as one"
            checker.mistakes.at_key(("extensions", name), message)


def _check_lookup(checker: Checker) -> None:
    """Note a look-up of carriers that asks who is responsible for a caller."""
    outbound = None if checker.head is None else checker.head.outbound
    asked = None if outbound is None else checker.lookups.get(outbound.carrier_lookup or "")
    if asked is not None and CALLED not in asked.url:
        message = f"it asks with {CALLER}: expected a look-up with '{CALLED}' in its url"
        checker.mistakes.at_value(("outbound", "carrier_lookup"), message)


def _check_owners(checker: Checker, country: str) -> None:
    """Note owners of accounts whose numbers nobody has, or cost more than others."""
    for name, one in checker.balance_calls.items() if country else ():
        goal = destination(one.number, country)
        if goal is None or not goal.number or goal.kind:
            kind = "a number that" if goal is None or not goal.kind else f"a {goal.kind} number, as"
            message = f"expected a telephone number, found {kind} no owner has"
            checker.mistakes.at_value(("balance_calls", name, "number"), message)


def check_caller_ids(checker: Checker, country: str) -> None:
    """Note carriers that nobody is with, and numbers that are shown and cannot call.

    country: that of the dialplan, "" when it is not known. All numbers have been checked.
    """
    if not country:
        return
    ported = (
        {} if checker.head is None or not checker.head.outbound else checker.head.outbound.ported
    )
    adaptive = {
        name: permission.caller_ids
        for name, permission in checker.permissions.items()
        if permission.caller_ids
    }
    known = {*_prefixes(country).values(), *ported} if adaptive else set(ported)
    for name, caller_ids in adaptive.items():
        for number, carrier in caller_ids.items():
            if checker.head is not None and carrier not in known:
                where = ("permissions", name, "caller_ids", number)
                checker.mistakes.unknown(where, "carrier", carrier, known)
    for path, number in _shown(checker):
        if numbers.e164(number, country) in checker.virtual:
            message = f"'{number}' is virtual: it has no line, and cannot be shown"
            note = checker.mistakes.at_key if path[-1] == number else checker.mistakes.at_value
            note(path, message)


def _shown(checker: Checker) -> Iterator[tuple[Path, str]]:
    """Give all numbers that may be shown outside, and where they stand."""
    for section, entries in (
        ("extensions", checker.extensions),
        ("outbound_lines", checker.outbound_lines),
    ):
        for name, entry in entries.items():
            if entry.caller_id is not None:
                yield (section, name, "caller_id"), entry.caller_id
    for name, permission in checker.permissions.items():
        for number in permission.caller_ids:
            yield ("permissions", name, "caller_ids", number), number


@lru_cache(maxsize=8)
def _prefixes(country: str) -> dict[str, str]:
    """The carriers of a country, by the first digits of their numbers in E.164 without +."""
    from phonenumbers.carrierdata import CARRIER_DATA  # noqa: PLC0415  # 10 MB for few dialplans

    code = str(numbers.country_code(country))
    return {
        prefix: names["en"]
        for prefix, names in CARRIER_DATA.items()
        if prefix.startswith(code) and "en" in names
    }


def _check_prefixes(checker: Checker, country: str) -> None:
    seen: dict[str, str] = {}
    for name, line in checker.outbound_lines.items():
        for index, prefix in enumerate(line.prefixes):
            why = misplaced_prefix(prefix, country) if country else ""
            if prefix in checker.extensions:
                why = "an extension has this number"
            for other, owner in seen.items():
                if other.startswith(prefix) or prefix.startswith(other):
                    same = "has it already" if other == prefix else f"has '{other}'"
                    why = f"line '{owner}' {same}: they could not be told apart"
            seen.setdefault(prefix, name)
            if why:
                path = ("outbound_lines", name, "prefixes", index)
                checker.mistakes.at_value(path, f"'{prefix}' cannot choose a line: {why}")


def outbound_of(
    document: Document,
    checker: Checker,
    head: DialplanFile,
    hunts: HuntBuilder,
    lists: Mapping[str, NumberList],
    lookups: Mapping[str, Lookup],
    built: Sequence[Number],
) -> Outbound | None:
    """Return the compiled lines and permissions of a file without mistakes.

    built: all its numbers.
    """
    entry = head.outbound
    if entry is None:
        return None
    file = document.file
    lines = _lines(checker, hunts, file)
    adaptive = any(one.caller_ids for one in checker.permissions.values())
    ours = {one.normal: one for one in built} if adaptive else {}
    named = {
        name: _permission(
            name,
            checker.permissions[name],
            lists,
            _caller_ids(checker.permissions[name], head.country, ours),
            file,
            place.line,
        )
        for name, _, place in checker.entries("permissions").entries()
    }
    chosen = {
        key: extension.permission or entry.permission
        for key, extension in checker.extensions.items()
    }
    return Outbound(
        lines=lines,
        default=None if entry.default is None else lines[entry.default],
        emergency=tuple(lines[name] for name in entry.emergency),
        numbers=frozenset(entry.emergency_numbers),
        permissions={key: named[name] for key, name in chosen.items() if name is not None},
        carriers=Carriers(
            prefixes=_prefixes(head.country) if adaptive else {},
            ported={carrier: lists[name] for carrier, name in entry.ported.items()},
        ),
        company=_limits(entry),
        guards=_guards(entry.guards),
        named=frozenset(named),
        carrier_lookup=None if entry.carrier_lookup is None else lookups[entry.carrier_lookup],
        file=file,
        line=document.locate(("outbound",))[0].line,
    )


def _limits(entry: OutboundEntry | PermissionEntry) -> CallingLimits:
    return CallingLimits(
        calls=entry.calls_per_hour or 0,
        minutes=entry.minutes_per_hour or 0,
        international=entry.international_calls or 0,
        spend_hour=entry.spend_per_hour or NOTHING_SPENT,
        spend_day=entry.spend_per_day or NOTHING_SPENT,
    )


def _guards(entry: GuardsEntry | None) -> FraudGuards | None:
    if entry is None or (entry.new_country is None and entry.short_calls is None):
        return None
    country, short = entry.new_country, entry.short_calls
    guards = FraudGuards(new_country="" if country is None else country.of)
    if short is not None:
        guards.short_calls = short.calls
        guards.short_seconds, guards.within_seconds = short.shorter_than, short.within
    bars = ((NEW_COUNTRY, country), (SHORT_CALLS, short))
    guards.bars = frozenset(kind for kind, one in bars if one is not None and one.bar)
    return guards


def balance_calls_of(checker: Checker, hunts: HuntBuilder, file: str) -> tuple[BalanceCall, ...]:
    """Return the compiled calls to owners of accounts of a file without mistakes."""
    made = []
    for name, _, place in checker.entries("balance_calls").entries():
        one = checker.balance_calls[name]
        by = OutboundLine(
            name=name,
            prefixes=(),
            caller_id=one.caller_id,
            rule=hunts.dialled(f"balance_call {name}", one.via, place.line),
            file=file,
            line=place.line,
        )
        made.append(
            BalanceCall(name=name, account=one.account, number=one.number, by=by, prompt=one.prompt)
        )
    return tuple(made)


def _lines(checker: Checker, hunts: HuntBuilder, file: str) -> dict[str, OutboundLine]:
    lines = {}
    for name, _, place in checker.entries("outbound_lines").entries():
        one = checker.outbound_lines[name]
        lines[name] = OutboundLine(
            name=name,
            prefixes=tuple(one.prefixes),
            caller_id=one.caller_id or "",
            rule=hunts.dialled(f"line {name}", one.via, place.line, one.rate_plan),
            file=file,
            line=place.line,
        )
    return lines


def _caller_ids(
    entry: PermissionEntry, country: str, ours: Mapping[str, Number]
) -> tuple[CallerId, ...]:
    found = []
    for number, carrier in entry.caller_ids.items():
        own = ours.get(numbers.e164(number, country))
        found.append(
            CallerId(
                number=number,
                carrier=carrier,
                key="" if own is None else own.key,
                suspended=own is not None and own.suspended,
            )
        )
    return tuple(found)


def _permission(
    name: str,
    entry: PermissionEntry,
    lists: Mapping[str, NumberList],
    caller_ids: tuple[CallerId, ...],
    file: str,
    line: int,
) -> Permission:
    return Permission(
        name=name,
        lines=None if entry.lines is None else frozenset(entry.lines),
        countries=None if entry.international == "all" else frozenset(entry.international),
        kinds=frozenset(entry.kinds),
        deny=tuple(
            ListUse(rule=f"deny {it}", list=lists[it], file=file, line=line) for it in entry.deny
        ),
        limits=_limits(entry),
        longest=entry.longest_international,
        supervise=entry.supervise,
        caller_ids=caller_ids,
        file=file,
        line=line,
    )
