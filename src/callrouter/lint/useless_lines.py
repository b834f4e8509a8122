"""Lines and permissions to outside that are of no use, or take something from what is there."""

from collections.abc import Iterator
from typing import Any, Final

from callrouter.dialplan.grammar.outbound import OutboundEntry
from callrouter.lint.findings import Findings

_SPENDS: Final = ("spend_per_hour", "spend_per_day")


def outbound_lines(found: Findings) -> None:
    """Warn of lines that nothing chooses, permissions that nobody has, and prefixes that shadow."""
    raw = found.document.data.get("outbound")
    if raw is None:
        return
    outbound = OutboundEntry.model_validate(raw)
    used = {outbound.default, *outbound.emergency}
    for name, line in found.section("outbound_lines").items():
        prefixes = line.get("prefixes") or []
        if not prefixes and name not in used:
            message = f"nothing chooses line '{name}': it has no prefix, and is not the default"
            found.at_key(("outbound_lines", name), message)
        for index, prefix in enumerate(prefixes):
            for what, shadowed in _begun(found, prefix):
                message = f"'{prefix}' begins {what} '{shadowed}', which goes before it"
                found.at_value(("outbound_lines", name, "prefixes", index), message)
    _free_of_charge(found, raw)
    permissions = found.section("permissions").values()
    if outbound.carrier_lookup and not any(it.get("caller_ids") for it in permissions):
        message = "no permission has 'caller_ids': no carrier is ever looked up"
        found.at_key(("outbound", "carrier_lookup"), message)
    extensions = found.section("extensions").values()
    had = {outbound.permission, *(extension.get("permission") for extension in extensions)}
    for name in found.section("permissions"):
        if name not in had:
            found.at_key(("permissions", name), f"no extension has permission '{name}'")


def _free_of_charge(found: Findings, outbound: dict[str, Any]) -> None:
    """Warn of limits of spending where calls cost nothing that is known."""
    if any(line.get("rate_plan") for line in found.section("outbound_lines").values()):
        return
    places: list[tuple[tuple[str, ...], Any]] = [(("outbound",), outbound)]
    places += [(("permissions", name), it) for name, it in found.section("permissions").items()]
    for path, entry in places:
        for key in _SPENDS if isinstance(entry, dict) else ():
            if key in entry:
                message = "no line has a 'rate_plan': calls cost nothing, and this is never reached"
                found.at_key((*path, key), message)


def _begun(found: Findings, prefix: str) -> Iterator[tuple[str, str]]:
    """What is dialled whole and begins as a prefix does: it is never dialled by the line."""
    for section in ("extensions", "numbers"):
        for key in found.section(section):
            if key.startswith(prefix) and key != prefix:
                yield section[:-1], key
