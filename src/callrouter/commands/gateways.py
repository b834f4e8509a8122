"""`callrouter gateways`: how the gateways are; which of them get no new calls."""

from pathlib import Path
from typing import Any

import click

from callrouter.commands.asking import Answer, json_option, moment, put, table
from callrouter.commands.options import config_option
from callrouter.operations.requests import DrainGateway, EnableGateway, ListGateways


@click.group(invoke_without_command=True)
@json_option
@config_option
@click.pass_context
def gateways(context: click.Context, as_json: bool, config: Path) -> None:
    """Show how the gateways of the running server are, or drain and enable them."""
    if context.invoked_subcommand is None:
        put(config, ListGateways, {}, as_json, _show)


@gateways.command()
@click.argument("gateway")
@json_option
@config_option
def drain(gateway: str, as_json: bool, config: Path) -> None:
    """Give GATEWAY no new calls until it is enabled, over restarts too; its calls go on."""
    put(config, DrainGateway, {"gateway": gateway}, as_json, _show)


@gateways.command()
@click.argument("gateway")
@json_option
@config_option
def enable(gateway: str, as_json: bool, config: Path) -> None:
    """Give GATEWAY calls again."""
    put(config, EnableGateway, {"gateway": gateway}, as_json, _show)


def _show(answer: Answer) -> None:
    rows = [
        {
            "gateway": it["name"],
            "state": it["state"],
            "since": moment(it["since"]),
            "calls": it["calls"],
            "taken": it["taken"],
            "failed": it["failed"],
            "last probe": moment(it["probed"]) if it["probed"] else "never",
            "why": _why(it),
        }
        for it in answer["gateways"]
    ]
    table(rows, "gateway", "state", "since", "calls", "taken", "failed", "last probe", "why")


def _why(gateway: dict[str, Any]) -> str:
    """Say what keeps it, or some of its places, from taking calls."""
    if gateway["why"]:
        return str(gateway["why"])
    out = [f"{it['place']}: {it['why']}" for it in gateway["places"] if not it["up"]]
    if gateway["lookup"]:
        out.append(f"DNS: {gateway['lookup']}")
    return "; ".join(out)
