"""`callrouter gateways`: how the gateways are; which of them get no new calls."""

from pathlib import Path

import click

from callrouter.commands.asking import moment, put, table
from callrouter.commands.options import json_and_config
from callrouter.operations.gateways import (
    GatewayList,
    GatewayStatus,
    drain_gateway,
    enable_gateway,
    list_gateways,
)


@click.group(invoke_without_command=True)
@json_and_config
@click.pass_context
def gateways(context: click.Context, as_json: bool, config: Path) -> None:
    """Show how the gateways of the running server are, or drain and enable them."""
    if context.invoked_subcommand is None:
        put(config, list_gateways, {}, as_json, _show)


@gateways.command()
@click.argument("gateway")
@json_and_config
def drain(gateway: str, as_json: bool, config: Path) -> None:
    """Give GATEWAY no new calls until it is enabled, over restarts too; its calls go on."""
    put(config, drain_gateway, {"gateway": gateway}, as_json, _show)


@gateways.command()
@click.argument("gateway")
@json_and_config
def enable(gateway: str, as_json: bool, config: Path) -> None:
    """Give GATEWAY calls again."""
    put(config, enable_gateway, {"gateway": gateway}, as_json, _show)


def _show(answer: GatewayList) -> None:
    rows = [
        {
            "gateway": it.name,
            "state": it.state,
            "since": moment(it.since),
            "calls": it.calls,
            "taken": it.taken,
            "failed": it.failed,
            "last probe": moment(it.probed) if it.probed else "never",
            "why": _why(it),
        }
        for it in answer.gateways
    ]
    table(rows, "gateway", "state", "since", "calls", "taken", "failed", "last probe", "why")


def _why(gateway: GatewayStatus) -> str:
    """Say what keeps it, or some of its places, from taking calls."""
    if gateway.why:
        return gateway.why
    out = [f"{it.place}: {it.why}" for it in gateway.places if not it.up]
    if gateway.lookup:
        out.append(f"DNS: {gateway.lookup}")
    return "; ".join(out)
