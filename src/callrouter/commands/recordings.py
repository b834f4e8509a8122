"""`callrouter recordings`: the calls that were recorded."""

from pathlib import Path

import click

from callrouter.archive.archive_reader import ArchiveReader
from callrouter.commands.archived_sound import deleting, fetching, reader, show
from callrouter.commands.asking import put
from callrouter.commands.options import COUNT, json_and_config
from callrouter.operations.calls import RecordingStatus, start_recording, stop_recording

_COLUMNS = ("id", "number", "started", "caller", "seconds", "sides", "complete")


@click.group()
def recordings() -> None:
    """Show, fetch and delete recordings, with a server or without; begin and end one in a call."""


@recordings.command("list")
@click.option("--number", help="Of this number of the dialplan only.")
@click.option("--last", default=20, show_default=True, type=COUNT, help="0: all.")
@json_and_config
def list_recordings(number: str | None, last: int, as_json: bool, config: Path) -> None:
    """List recordings, newest first."""
    with reader(config) as archive:
        show(archive.recordings(number, last), _COLUMNS, as_json)


@recordings.command()
@click.argument("call")
@json_and_config
def start(call: str, as_json: bool, config: Path) -> None:
    """Begin to record CALL, the id of a call in progress (see `callrouter calls`)."""
    put(config, start_recording, {"call": call}, as_json, _asked)


@recordings.command()
@click.argument("call")
@json_and_config
def stop(call: str, as_json: bool, config: Path) -> None:
    """End the recording of CALL."""
    put(config, stop_recording, {"call": call}, as_json, _asked)


def _asked(answer: RecordingStatus) -> None:
    click.echo(f"{'recording' if answer.on else 'no longer recording'} {answer.call}")


recordings.add_command(fetching("recording", ArchiveReader.recording_audio))
recordings.add_command(deleting("recording", ArchiveReader.delete_recording))
