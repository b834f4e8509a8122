"""An archive that keeps nothing but a list: what calls have placed there, and what became of it."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from callrouter.call.services.archive import (
    MessageLeft,
    MessageList,
    RecordingInfo,
    VoicemailMessage,
)
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.sip.stack import Stack


class VirtualArchive:
    """Archive with room always; implements `callrouter.call.services.archive.Keeping`.

    placed: every file that was named, with what was reported of it: messages, recordings, and None
    for one that was thrown away. A right call reports each once.
    """

    def __init__(
        self, stack: Stack, dialplan: Dialplan, messages: Sequence[VoicemailMessage] = ()
    ) -> None:
        """stack: whose timers tell what is told later. messages: what lies in every box."""
        self.placed: dict[Path, list[MessageLeft | RecordingInfo | None]] = {}
        self._stack = stack
        self._boxes = dialplan.boxes
        self._messages = {message.id: message for message in messages}
        self._numbers = itertools.count(1)

    def place_message(self, box: str, call: str, caller: str) -> Path | None:
        """Name a file."""
        return self._place(box, caller, call) if box in self._boxes else None

    def message_left(self, message: MessageLeft) -> None:
        """Take it down."""
        self.placed[message.file].append(message)

    def check_pin(self, box: str, digits: str, origin: str) -> bool:
        """Take every PIN of four keys or more for the right one: secrets are not read here."""
        return box in self._boxes and self._boxes[box].pin is not None and len(digits) >= 4

    def list_messages(self, box: str, post: Callable[[MessageList], None]) -> None:
        """Post those that are left."""
        stack = self._stack
        stack.timers.start(
            stack.now,
            lambda _now: post(MessageList(box=box, messages=tuple(self._messages.values()))),
        )

    def mark_heard(self, id: str) -> None:
        """Nobody asks for it again."""

    def delete_message(self, id: str) -> None:
        """Remove it."""
        self._messages.pop(id, None)

    def place_recording(
        self, number: str, call: str, caller: str, now: float, quota_seconds: float
    ) -> Path | None:
        """Name a file."""
        return self._place(number, caller, call)

    def has_room(self, number: str, now: float, quota_seconds: float) -> bool:
        """There always is."""
        return True

    def not_recorded(self, number: str, call: str, why: str) -> None:
        """The call's record says it."""

    def keep(self, recording: RecordingInfo) -> None:
        """Take it down."""
        self.placed[recording.file].append(recording)

    def discard(self, file: Path) -> None:
        """Take it down."""
        self.placed[file].append(None)

    def _place(self, of: str, caller: str, call: str) -> Path:
        file = Path(f"{of}~{caller}~{call}-{next(self._numbers)}.wav")
        self.placed[file] = []
        return file
