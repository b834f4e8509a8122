"""`callrouter voicemail`: the messages that callers left."""

from pathlib import Path

import click

from callrouter.archive.archive_reader import ArchiveReader
from callrouter.commands.archived_sound import deleting, fetching, player, reader, show
from callrouter.commands.options import config_option, json_and_config

_COLUMNS = ("id", "box", "started", "caller", "seconds", "state", "complete")


@click.group()
def voicemail() -> None:
    """Show, fetch, play and delete messages. The server may be running or not."""


@voicemail.command("list")
@click.option("--box", help="Of this box only.")
@click.option("--deleted", is_flag=True, help="Deleted ones too, until they expire.")
@json_and_config
def list_messages(box: str | None, deleted: bool, as_json: bool, config: Path) -> None:
    """List messages: of each box the new ones first, oldest first."""
    with reader(config) as archive:
        show(archive.messages(box, deleted=deleted), _COLUMNS, as_json)


@voicemail.command("show")
@click.argument("id")
@config_option
def show_message(id: str, config: Path) -> None:
    """Show a message, and how its mail and webhook went, as JSON."""
    with reader(config) as archive:
        show([archive.message(id)], (), as_json=True)


@voicemail.command()
@click.argument("id")
@config_option
def play(id: str, config: Path) -> None:
    """Play a message by aplay or SoX; it counts as heard then."""
    with reader(config) as archive:
        player()(archive.message_audio(id))
        archive.heard(id)


voicemail.add_command(fetching("message", ArchiveReader.message_audio))
voicemail.add_command(deleting("message", ArchiveReader.delete_message))
