"""`callrouter registrations`: which telephones are registered, and where we are."""

from pathlib import Path

import click

from callrouter.commands.asking import Answer, json_option, put, table
from callrouter.commands.options import config_option
from callrouter.operations.requests import ListRegistrations


@click.command()
@json_option
@config_option
def registrations(as_json: bool, config: Path) -> None:
    """Show the telephones registered with the running server, and its own registrations."""
    put(config, ListRegistrations, {}, as_json, _show)


def _show(answer: Answer) -> None:
    phones = [
        {**it, "for": f"{it['left']}s", "rings": "yes" if it["reachable"] else "no"}
        for it in answer["phones"]
    ]
    table(phones, "extension", "contact", "source", "for", "rings", "agent")
    if answer["all"] > len(phones):
        click.echo(f"and {answer['all'] - len(phones)} more")
    if answer["gateways"]:
        click.echo()
        rows = [{**it, "for": f"{it['left']}s"} for it in answer["gateways"]]
        table(rows, "gateway", "address", "state", "for", "why")
