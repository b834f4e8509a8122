"""The steps of a plan in which callers hear something, and what goes with a call that they do.

Prompts stand here by name; the dialplan's version that made the plan knows their files.
"""

from typing import Final

MEDIA: Final = ":media"
"""Stands in `Snapshot.down` while there is no media pool. No gateway can have this name."""


class Play:
    """The playing of prompts.

    answer: answer the call first, and hang up at the end when no step follows.
    """

    __slots__ = ("answer", "prompts")

    def __init__(self, prompts: tuple[str, ...], answer: bool) -> None:
        self.prompts = prompts
        self.answer = answer

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        return f"plays {', '.join(self.prompts)}"


class Greeting:
    """The greeting while targets are rung. repeat: over and over. answer: see `Play`."""

    __slots__ = ("answer", "prompts", "repeat")

    def __init__(self, prompts: tuple[str, ...], repeat: bool, answer: bool) -> None:
        self.prompts = prompts
        self.repeat = repeat
        self.answer = answer


class Confirm:
    """The confirmation of an answer: a target has to press `key` before it is connected."""

    __slots__ = ("key", "prompt", "wait_seconds")

    def __init__(self, key: str, prompt: str, wait_seconds: float) -> None:
        self.key = key
        self.prompt = prompt
        self.wait_seconds = wait_seconds


class EnterMenu:
    """The entry to a menu. greeting: prompts said once, before it; keys count from then on."""

    __slots__ = ("greeting", "menu")

    def __init__(self, menu: str, greeting: tuple[str, ...]) -> None:
        self.menu = menu
        self.greeting = greeting

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        return f"menu {self.menu}"


class Voicemail:
    """The taking of a voicemail message for a box."""

    __slots__ = ("box",)

    def __init__(self, box: str) -> None:
        self.box = box

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        return f"takes a message for box {self.box}"


class Messages:
    """The messages of a box, which the caller hears after its PIN."""

    __slots__ = ("box",)

    def __init__(self, box: str) -> None:
        self.box = box

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        return f"plays the messages of box {self.box}"


class Feature:
    """A feature code: something that is switched by dialling a number.

    presence: why the caller's own extension is away from now on, "" when it is back; None leaves
    it. schedule: what to switch, "" for nothing; to: open, closed or "" to end the override.
    """

    __slots__ = ("presence", "schedule", "to")

    def __init__(self, presence: str | None, schedule: str, to: str) -> None:
        self.presence = presence
        self.schedule = schedule
        self.to = to

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        if self.schedule:
            return f"switches {self.schedule} {self.to or 'back'}"
        return f"presence {self.presence or 'back'}"


Act = Play | EnterMenu | Voicemail | Messages | Feature
CODES: Final = (Messages, Feature)
"""What is for the house alone, unless the dialplan says otherwise."""


class VoiceStep:
    """A step in which the caller is spoken to. on: as in a `Hunt`."""

    __slots__ = ("act", "on")

    def __init__(self, act: Act, on: frozenset[str] = frozenset()) -> None:
        self.act = act
        self.on = on


class Recording:
    """The recording of answered calls.

    stereo: one channel for each side. notice: said first, "" for nothing. at_once: from the answer
    on, otherwise when somebody asks for it. keep_seconds: then it is deleted. quota_seconds: for
    all recordings of the number in a month, 0 for no limit. required: without it there is no call.
    """

    __slots__ = ("at_once", "keep_seconds", "notice", "quota_seconds", "required", "stereo")

    def __init__(
        self,
        stereo: bool,
        notice: str,
        at_once: bool,
        keep_seconds: float,
        quota_seconds: float,
        required: bool,
    ) -> None:
        self.stereo = stereo
        self.notice = notice
        self.at_once = at_once
        self.keep_seconds = keep_seconds
        self.quota_seconds = quota_seconds
        self.required = required


class Survey:
    """A question for the caller when the callee has hung up. keys: the answers."""

    __slots__ = ("keys", "prompt", "thanks", "wait_seconds")

    def __init__(self, prompt: str, keys: str, thanks: str, wait_seconds: float) -> None:
        self.prompt = prompt
        self.keys = keys
        self.thanks = thanks
        self.wait_seconds = wait_seconds


class Voice:
    """The media of a number's calls. language: of its prompts. hold_music: "" none.

    recording, survey: None for none.
    """

    __slots__ = ("hold_music", "language", "recording", "survey")

    def __init__(
        self,
        language: str,
        recording: Recording | None = None,
        survey: Survey | None = None,
        hold_music: str = "",
    ) -> None:
        self.language = language
        self.recording = recording
        self.survey = survey
        self.hold_music = hold_music
