"""The archive for commands: what is in it, a copy of it, and its end."""

from pathlib import Path
from typing import IO, Any

from callrouter.archive import message_rows as messages
from callrouter.archive import recording_rows as recordings
from callrouter.archive.file_store import FileStore
from callrouter.archive.retention import Retention
from callrouter.errors import CallrouterError
from callrouter.printable import storable
from callrouter.storage.engine import ReadSession, StoreError

Row = dict[str, Any]


class NotThereError(CallrouterError):
    """An id of no message or recording, or of one whose file is gone."""


class ArchiveReader(ReadSession):
    """The archive as another process sees it: the server may be running or not.

    Everything raises StoreError when the database is missing or fails, NotThereError for an id that
    is not there.
    """

    def __init__(self, url: str, voicemail: Path, recorded: Path) -> None:
        super().__init__(url)
        self._messages = FileStore(voicemail)
        self._recordings = FileStore(recorded)
        self._retention = Retention(self._messages, self._recordings)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        super().__exit__(kind, error, traceback)
        if isinstance(error, OSError):
            raise StoreError(f"the archive's folder cannot be used: {error}") from error

    def messages(self, box: str | None, *, deleted: bool) -> list[Row]:
        """The messages of a box, or of all boxes."""
        return messages.listed(self._engine, box and storable(box), deleted=deleted)

    def message(self, id: str) -> Row:
        """One message, with its deliveries."""
        row = messages.one(self._engine, storable(id))
        if row is None:
            raise NotThereError(f"there is no message {id}")
        return row

    def message_file(self, id: str) -> IO[bytes]:
        """Its WAV file, open for reading."""
        return _reading(self._messages, self.message(id)["file"], f"message {id}")

    def message_audio(self, id: str) -> bytes:
        """Its WAV file."""
        with self.message_file(id) as file:
            return file.read()

    def heard(self, id: str) -> None:
        """Mark a message."""
        messages.heard(self._engine, storable(id))

    def delete_message(self, id: str) -> None:
        """Delete a message, for good."""
        if not self._retention.delete_message(self._engine, storable(id)):
            raise NotThereError(f"there is no message {id}")

    def recordings(self, number: str | None, most: int) -> list[Row]:
        """The newest recordings of a number, or of all."""
        return recordings.listed(self._engine, number and storable(number), most)

    def recording(self, id: str) -> Row:
        """One recording."""
        row = recordings.one(self._engine, storable(id))
        if row is None:
            raise NotThereError(f"there is no recording {id}")
        return row

    def recording_file(self, id: str) -> IO[bytes]:
        """Its WAV file, open for reading."""
        return _reading(self._recordings, self.recording(id)["file"], f"recording {id}")

    def recording_audio(self, id: str) -> bytes:
        """Its WAV file."""
        with self.recording_file(id) as file:
            return file.read()

    def delete_recording(self, id: str) -> None:
        """Delete a recording, for good."""
        if not self._retention.delete_recording(self._engine, storable(id)):
            raise NotThereError(f"there is no recording {id}")


def _reading(folder: FileStore, name: str, what: str) -> IO[bytes]:
    try:
        return folder.reading(name)
    except (FileNotFoundError, ValueError) as error:
        raise NotThereError(f"the file of {what} is gone") from error
