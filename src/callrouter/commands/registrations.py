"""`callrouter registrations`: which telephones are registered, and where we are."""

from pathlib import Path

import click

from callrouter.commands.asking import and_more, json_option, put, table
from callrouter.commands.options import config_option
from callrouter.operations.registrations import RegistrationList, list_registrations


@click.command()
@json_option
@config_option
def registrations(as_json: bool, config: Path) -> None:
    """Show the telephones registered with the running server, and its own registrations."""
    put(config, list_registrations, {}, as_json, _show)


def _show(answer: RegistrationList) -> None:
    phones = [
        {**it.model_dump(), "for": f"{it.left}s", "rings": "yes" if it.reachable else "no"}
        for it in answer.phones
    ]
    table(phones, "extension", "contact", "source", "for", "rings", "agent")
    and_more(answer.all - len(phones))
    if answer.gateways:
        click.echo()
        rows = [{**it.model_dump(), "for": f"{it.left}s"} for it in answer.gateways]
        table(rows, "gateway", "address", "state", "for", "why")
