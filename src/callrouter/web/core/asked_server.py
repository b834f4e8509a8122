"""Asking the running server: a few at a time, so that commands find room at its socket, too."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import CancelledError
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore, Thread
from typing import Final

from callrouter.api.client import AskedError, ControlError, Followed, ask
from callrouter.api.request_reading import MalformedError
from callrouter.api.routes import AT_ONCE
from callrouter.operations.operation import (
    AnswerT,
    BadValueError,
    ConflictError,
    MistakesError,
    NotFoundError,
    Operation,
    OperationError,
    RequestT,
    StreamedT,
    StreamOperation,
    UnavailableError,
)

_WAIT_SECONDS: Final = 5.0
_AHEAD: Final = 100
"""Answers of a stream that are read before they are taken."""
_ANSWER_SECONDS: Final = 60.0
"""A reload of a hundred thousand numbers takes some seconds."""


_KINDS: Final[dict[str, type[OperationError]]] = {
    kind.code: kind
    for kind in (BadValueError, NotFoundError, ConflictError, MistakesError, MalformedError)
}


class AskedServer:
    """The running server, by its socket."""

    def __init__(self, control: Path) -> None:
        self.control = control
        self._free = BoundedSemaphore(AT_ONCE // 2)

    def ask(self, operation: Operation[RequestT, AnswerT], request: RequestT) -> AnswerT:
        """Ask it to do something. Raises OperationError: its own, or UnavailableError."""
        if not self._free.acquire(timeout=_WAIT_SECONDS):
            raise UnavailableError("too many ask the server at the same time")
        try:
            with _answering():
                return ask(self.control, operation, request, _ANSWER_SECONDS)
        finally:
            self._free.release()

    def follow(
        self, operation: StreamOperation[RequestT, StreamedT], request: RequestT
    ) -> Followed[StreamedT]:
        """Begin to follow a stream of its own for one reader. Raises as `ask` does."""
        with _answering():
            return Followed(self.control, operation, request)


async def streamed(followed: Followed[StreamedT]) -> AsyncIterator[StreamedT]:
    """The answers of a stream, read by a thread no faster than they are taken; closed at the end.

    The stream ends as well when the server breaks it off.
    """
    loop, answers = asyncio.get_running_loop(), asyncio.Queue[StreamedT | None](_AHEAD)

    def put(answer: StreamedT | None) -> None:
        asyncio.run_coroutine_threadsafe(answers.put(answer), loop).result()

    def read() -> None:
        # The one who took them is gone, with the loop or without; or the server is.
        with closing(followed), suppress(ControlError, CancelledError, RuntimeError):
            for answer in followed:
                put(answer)
            put(None)

    Thread(target=read, name="stream", daemon=True).start()
    try:
        while (answer := await answers.get()) is not None:
            yield answer
    finally:
        followed.stop()
        while not answers.empty():  # the thread may wait for room
            answers.get_nowait()


@contextmanager
def _answering() -> Iterator[None]:
    """Raise what the server says, or that it says nothing, as OperationError."""
    try:
        yield
    except ControlError as error:
        raise UnavailableError(str(error)) from error
    except AskedError as error:
        problem = error.problem
        more = problem.model_dump(exclude={"code", "error"}, exclude_unset=True)
        kind = _KINDS.get(problem.code, UnavailableError)
        raise kind(problem.error, **more) from error
