"""Common parts of `callrouter voicemail` and `recordings`: columns, files, loudspeakers."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from callrouter.archive.archive_reader import ArchiveReader
from callrouter.commands.asking import table
from callrouter.commands.moments import on_clocks
from callrouter.commands.options import config_option
from callrouter.errors import CommandError
from callrouter.printable import json_text
from callrouter.private import new_file
from callrouter.settings.settings_file import load_settings

_PLAYERS = (("aplay", "-q", "-"), ("play", "-q", "-t", "wav", "-"))
"""Programs that play a WAV file from standard input: ALSA's, and that of SoX."""


def reader(config: Path) -> ArchiveReader:
    """Open the archive that the settings name."""
    settings = load_settings(config)
    media = settings.media
    return ArchiveReader(settings.records.database, media.voicemail, media.recordings)


def show(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    """Print rows as a table, or all they have as JSON."""
    if as_json:
        click.echo(json_text(rows, indent=True))
        return
    said = [
        row
        | {
            "started": on_clocks(row["started"])[:19],
            "seconds": f"{row['ms'] / 1000:.1f}",
            "complete": "yes" if row["complete"] else "no",
        }
        for row in rows
    ]
    table(said, *columns)


def fetching(kind: str, read: Callable[[ArchiveReader, str], bytes]) -> click.Command:
    """The command that copies what was kept."""

    @click.command("fetch", help=f"Write a {kind} to a WAV file.")
    @click.argument("id")
    @click.option("--to", type=click.Path(path_type=Path), help="The file; otherwise ID.wav.")
    @config_option
    def fetch(id: str, to: Path | None, config: Path) -> None:
        with reader(config) as archive:
            _write(read(archive, id), to or Path(f"{id}.wav"))

    return fetch


def deleting(kind: str, delete: Callable[[ArchiveReader, str], None]) -> click.Command:
    """The command that deletes what was kept."""

    @click.command("delete", help=f"Delete {kind}s, for good.")
    @click.argument("ids", nargs=-1, required=True)
    @config_option
    def delete_all(ids: tuple[str, ...], config: Path) -> None:
        with reader(config) as archive:
            for one in ids:
                delete(archive, one)
                click.echo(f"deleted {one}")

    return delete_all


def _write(audio: bytes, path: Path) -> None:
    """Write a WAV file; one that is there already is left alone."""
    try:
        # For whoever fetched it alone: it is what somebody said.
        with new_file(path) as file:
            file.write(audio)
    except FileExistsError as error:
        raise CommandError(f"{path} is there already") from error
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
    click.echo(path)


def player() -> Callable[[bytes], None]:
    """What plays a WAV file here."""
    for program, *arguments in _PLAYERS:
        found = shutil.which(program)
        if found is not None:
            return lambda audio: _play([found, *arguments], audio)
    raise CommandError("neither aplay nor play (SoX) is installed; use fetch")


def _play(command: list[str], audio: bytes) -> None:
    try:
        subprocess.run(command, input=audio, check=True)  # noqa: S603 - programs of ours
    except subprocess.CalledProcessError as error:
        raise CommandError(f"{command[0]} failed: exit code {error.returncode}") from error
