"""Audio over HTTP: a whole file, or the range that a player asks for (RFC 9110 section 14)."""

import os
import re
from collections.abc import Callable, Iterator
from typing import IO, Final

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from callrouter.operations.operation import OperationError

_RANGE: Final = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})", re.ASCII)
_AT_ONCE: Final = 64 * 1024


class RangeError(OperationError):
    """A range outside of the file."""

    code = "bad_range"
    status = 416


def audio_response(request: Request, file: IO[bytes], heard: Callable[[], None]) -> Response:
    """The answer with a WAV file, which is closed afterwards. Raises RangeError.

    heard: called when there is something to be heard.
    """
    try:
        size = os.fstat(file.fileno()).st_size
        first, last = _range(request.headers.get("range"), size)
        heard()
    except BaseException:
        file.close()
        raise
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(last + 1 - first)}
    if "range" in request.headers:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    status = 206 if "range" in request.headers else 200
    return StreamingResponse(_parts(file, first, last), status, headers, "audio/wav")


def _parts(file: IO[bytes], first: int, last: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        left = last + 1 - first
        while left > 0 and (part := file.read(min(left, _AT_ONCE))):
            left -= len(part)
            yield part


def _range(asked: str | None, size: int) -> tuple[int, int]:
    """The first and the last byte that are asked for. Raises RangeError."""
    if asked is None:
        return 0, size - 1
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not (found[1] or found[2]):
        raise RangeError(f"Range: expected one range of bytes, found {asked[:100]!r}")
    if not found[1]:
        return max(size - int(found[2]), 0), size - 1
    first = int(found[1])
    last = min(int(found[2]) if found[2] else size, size - 1)
    if first > last:
        raise RangeError(f"Range: expected a range within {size} bytes")
    return first, last
