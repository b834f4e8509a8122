"""Targets that lead back to this server."""

from collections.abc import Collection
from typing import Any

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.dialplan_file import TargetEntry
from callrouter.dialplan.grammar.trunks_gateways import GatewayEntry
from callrouter.lint.findings import Findings
from callrouter.route.callers import telephone_numbers as numbers

Place = tuple[str, str, int]
"""Transport, IP address and port."""


def loops(found: Findings, listen: Collection[Place]) -> None:
    """Warn of targets and gateways that are this server, and of targets that dial its numbers."""
    for name, raw in found.section("gateways").items():
        gateway = GatewayEntry.model_validate(raw)
        transport = "udp" if gateway.transport == "auto" else gateway.transport
        place: Place = (transport, gateway.place.host, gateway.place.port)
        if place in listen:
            message = f"gateway '{name}' is an address this server listens on"
            found.at_value(("gateways", name, "address"), message)
    ours = _ours(found)
    for name, raw in found.section("targets").items():
        target = TargetEntry.model_validate(raw)
        if target.uri is not None:
            place = (target.uri.transport, target.uri.address.host, target.uri.address.port)
            if place in listen:
                message = f"target '{name}' is an address this server listens on: calls would loop"
                found.at_value(("targets", name, "uri"), message)
        elif target.number is not None:
            key = ours.get(numbers.normalise(target.number, _country(found)))
            if key is not None:
                message = f"target '{name}' dials number '{key}' of this dialplan: calls may loop"
                found.at_value(("targets", name, "number"), message)


def _ours(found: Findings) -> dict[str, str]:
    """Return the numbers that are written out, by their E.164 form."""
    if not any("number" in target for target in found.section("targets").values()):
        return {}
    country = _country(found)
    return {
        numbers.normalise(key, country): key
        for key in found.section("numbers")
        if fields.is_written_out(key)
    }


def _country(found: Findings) -> Any:
    return found.document.data["country"]
