"""Lines and permissions of a dialplan: what cannot stand together, and the compiled whole."""

from collections.abc import Mapping

from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.compile.hunt_builder import HuntBuilder
from callrouter.dialplan.grammar import dialplan_file as schema
from callrouter.route.callers.destinations import is_emergency, misplaced_prefix
from callrouter.route.callers.number_lists import NumberList
from callrouter.route.rules.number_rules import ListUse
from callrouter.route.rules.outbound_lines import CallingLimits, Outbound, OutboundLine, Permission
from callrouter.yamlfile.marked import Document


def check_outbound(checker: Checker, country: str) -> None:
    """Note prefixes that would take numbers from others, and what is of no use without `outbound`.

    country: that of the dialplan, "" when it is not known.
    """
    _check_prefixes(checker, country)
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
    head: schema.DialplanFile,
    hunts: HuntBuilder,
    lists: Mapping[str, NumberList],
) -> Outbound | None:
    """Return the compiled lines and permissions of a file without mistakes."""
    entry = head.outbound
    if entry is None:
        return None
    file = document.file
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
    named = {
        name: _permission(name, checker.permissions[name], lists, file, place.line)
        for name, _, place in checker.entries("permissions").entries()
    }
    permissions = {}
    for key, extension in checker.extensions.items():
        chosen = extension.permission or entry.permission
        if chosen is not None:
            permissions[key] = named[chosen]
    return Outbound(
        lines=lines,
        default=None if entry.default is None else lines[entry.default],
        emergency=tuple(lines[name] for name in entry.emergency),
        numbers=frozenset(entry.emergency_numbers),
        permissions=permissions,
        company=CallingLimits(
            calls=entry.calls_per_hour or 0,
            minutes=entry.minutes_per_hour or 0,
            international=entry.international_calls or 0,
        ),
        file=file,
        line=document.locate(("outbound",))[0].line,
    )


def _permission(
    name: str,
    entry: schema.PermissionEntry,
    lists: Mapping[str, NumberList],
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
        limits=CallingLimits(
            calls=entry.calls_per_hour or 0,
            minutes=entry.minutes_per_hour or 0,
            international=entry.international_calls,
        ),
        longest=entry.longest_international,
        supervise=entry.supervise,
        file=file,
        line=line,
    )
