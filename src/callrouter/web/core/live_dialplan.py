"""The dialplan's file, edited by several: read with its tag, and put live when it is right.

The file is the truth; an editor may change it at any time. Who changes it here says which text is
changed, by its tag, and is refused when the file has another. A text with a mistake is never
written; one that the server refuses for another reason, such as a list beside it, is taken back.
"""

import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final

from callrouter.operations.operation import (
    ConflictError,
    MistakesError,
    NoValues,
    OperationAnswer,
    OperationError,
    UnavailableError,
)
from callrouter.operations.running_server import reload_dialplan
from callrouter.web.access.dialplan_versions import DialplanVersions
from callrouter.web.core.asked_server import AskedServer
from callrouter.web.core.drafts import Drafts

LONGEST: Final = 1_000_000
"""Bytes of a dialplan that is edited here."""


class ChangedMeanwhileError(OperationError):
    """The file is not what it was when its editing began."""

    code = "changed_meanwhile"
    status = 412


class DialplanText(OperationAnswer):
    """The file. etag: of its bytes."""

    file: str
    etag: str
    text: str


class PutLive(OperationAnswer):
    """etag: of the file now. version: its id. serving: "" when the server did not load it; why."""

    etag: str
    version: int
    serving: str
    why: str = ""


class LiveDialplan:
    """The file of the dialplan."""

    def __init__(
        self, path: Path, drafts: Drafts, versions: DialplanVersions, server: AskedServer
    ) -> None:
        self._path = path
        self._drafts = drafts
        self._versions = versions
        self._server = server
        self._one = Lock()

    def read(self) -> DialplanText:
        """The file as it is. Raises ConflictError, UnavailableError."""
        raw = self._raw()
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise ConflictError(f"{self._path} is no UTF-8 text") from error
        return DialplanText(file=str(self._path), etag=_etag(raw), text=text)

    def put(self, text: str, etag: str, who: str) -> PutLive:
        """Write another text and have the server load it. etag: of the text that it replaces.

        Raises ChangedMeanwhileError, MistakesError, ConflictError, UnavailableError.
        """
        with self._one:
            before = self.read()
            self._is_still(etag)
            if "\r\n" in before.text:
                text = text.replace("\r\n", "\n").replace("\n", "\r\n")
            raw, old = text.encode(), before.text.encode()
            if len(raw) > LONGEST:
                raise ConflictError(f"the text is larger than {LONGEST} bytes: use an editor")
            checked = self._drafts.check(text)
            if not checked.ok:
                lines = [one.said for one in checked.mistakes if not one.warning]
                raise MistakesError("the dialplan has mistakes: nothing changed", diagnostics=lines)
            self._versions.keep("", before.etag, old)
            self._is_still(etag)  # since the check took its time
            self._write(raw)
            serving, why = "", ""
            try:
                serving = self._server.ask(reload_dialplan, NoValues()).serving
            except MistakesError:
                self._write(old)
                raise
            except OperationError as error:
                why = str(error)
            version = self._versions.keep(who, _etag(raw), raw)
            return PutLive(etag=_etag(raw), version=version, serving=serving, why=why)

    def _is_still(self, etag: str) -> None:
        if _etag(self._raw()) != etag:
            raise ChangedMeanwhileError("the file has changed since you began: look at it again")

    def _raw(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                raw = file.read(LONGEST + 1)
        except OSError as error:
            raise UnavailableError(f"{self._path} cannot be read: {error.strerror}") from error
        if len(raw) > LONGEST:
            said = f"{self._path} is larger than the {LONGEST} bytes that are edited here"
            raise ConflictError(said)
        return raw

    def _write(self, raw: bytes) -> None:
        """Put other bytes in the place of the file at once, on disk. Raises UnavailableError."""
        path = self._path.resolve()
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            kept = path.stat()
            with draft.open("xb") as file:
                file.write(raw)
                os.fchmod(file.fileno(), stat.S_IMODE(kept.st_mode))
                if (os.geteuid(), os.getegid()) != (kept.st_uid, kept.st_gid):
                    os.fchown(file.fileno(), kept.st_uid, kept.st_gid)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise UnavailableError(f"{path} cannot be written: {error.strerror}") from error


def _etag(raw: bytes) -> str:
    return sha256(raw).hexdigest()[:32]
