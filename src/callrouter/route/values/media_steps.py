"""The steps of a plan in which callers hear something, and what goes with a call that they do.

Prompts stand here by name; the dialplan's version that made the plan knows their files.
"""

from dataclasses import dataclass
from typing import Final

from callrouter.serializable import Serializable

MEDIA: Final = ":media"
"""Stands in `Snapshot.down` while there is no media pool. No gateway can have this name."""


@dataclass(slots=True, kw_only=True)
class Play(Serializable):
    """The playing of prompts.

    answer: answer the call first, and hang up at the end when no step follows.
    """

    prompts: tuple[str, ...]
    answer: bool

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        return f"plays {', '.join(self.prompts)}"


@dataclass(slots=True, kw_only=True)
class Greeting(Serializable):
    """The greeting while targets are rung. repeat: over and over. answer: see `Play`."""

    prompts: tuple[str, ...]
    repeat: bool
    answer: bool


@dataclass(slots=True, kw_only=True)
class Confirm(Serializable):
    """The confirmation of an answer: a target has to press `key` before it is connected."""

    key: str
    prompt: str
    wait_seconds: float


@dataclass(slots=True, kw_only=True)
class EnterMenu(Serializable):
    """The entry to a menu. greeting: prompts said once, before it; keys count from then on."""

    menu: str
    greeting: tuple[str, ...]

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        return f"menu {self.menu}"


@dataclass(slots=True, kw_only=True)
class Voicemail(Serializable):
    """The taking of a voicemail message for a box."""

    box: str

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        return f"takes a message for box {self.box}"


@dataclass(slots=True, kw_only=True)
class Messages(Serializable):
    """The messages of a box, which the caller hears after its PIN."""

    box: str

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        return f"plays the messages of box {self.box}"


@dataclass(slots=True, kw_only=True)
class Feature(Serializable):
    """A feature code: something that is switched by dialling a number.

    presence: why the caller's own extension is away from now on, "" when it is back; None leaves
    it. forward: when its calls go on to what is dialled behind the code: all, busy or no_answer;
    "none" for no more, "" leaves it. schedule: what to switch, "" for nothing; to: open, closed or
    "" to end the override. supervise: how the caller hears the conversation of who is dialled
    behind the code: listen, whisper or barge; "" for not at all.
    """

    presence: str | None
    schedule: str
    to: str
    forward: str = ""
    supervise: str = ""

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        if self.supervise:
            return f"supervises: {self.supervise}"
        if self.forward:
            return f"forward {self.forward}"
        if self.schedule:
            return f"switches {self.schedule} {self.to or 'back'}"
        return f"presence {self.presence or 'back'}"


@dataclass(slots=True, kw_only=True)
class EnterQueue(Serializable):
    """The wait in a queue for one of its agents.

    priority: who has a higher one is before others. skills: what an agent must have. about: the
    queue in a few words.
    """

    queue: str
    priority: int
    skills: tuple[str, ...]
    about: str

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        priority = f" with priority {self.priority}" if self.priority else ""
        skills = f", needs {' and '.join(self.skills)}" if self.skills else ""
        return f"waits in queue {self.queue}{priority}{skills} ({self.about})"


@dataclass(slots=True, kw_only=True)
class PromiseCallBack(Serializable):
    """The promise to call back by a rule, and the end of the call. prompt: said first, "" none."""

    rule: str
    prompt: str

    @property
    def text(self) -> str:
        """What a verdict says of it."""
        return f"promises a call-back by {self.rule}"


Act = Play | EnterMenu | EnterQueue | Voicemail | PromiseCallBack | Messages | Feature
CODES: Final = (Messages, Feature)
"""What is for the house alone, unless the dialplan says otherwise."""


@dataclass(slots=True, kw_only=True)
class VoiceStep(Serializable):
    """A step in which the caller is spoken to. on: as in a `Hunt`."""

    act: Act
    on: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Recording(Serializable):
    """The recording of answered calls.

    stereo: one channel for each side. notice: said first, "" for nothing. at_once: from the answer
    on, otherwise when somebody asks for it. keep_seconds: then it is deleted. quota_seconds: for
    all recordings of the number, or extension, in a month, 0 for no limit. required: without it
    there is no call. outgoing: the caller is of ours and may ask for it, and the notice is for both
    once they talk.
    """

    stereo: bool
    notice: str
    at_once: bool
    keep_seconds: float
    quota_seconds: float
    required: bool
    outgoing: bool = False


@dataclass(slots=True, kw_only=True)
class Survey(Serializable):
    """A question for the caller when the callee has hung up. keys: the answers."""

    prompt: str
    keys: str
    thanks: str
    wait_seconds: float


@dataclass(slots=True, kw_only=True)
class Voice(Serializable):
    """The media of a number's calls. language: of its prompts. hold_music: "" none.

    recording, survey: None for none. warned: both are to hear that the money ends. digits: keys
    that the callee gets once it has answered, "" for none.
    """

    language: str
    recording: Recording | None = None
    survey: Survey | None = None
    hold_music: str = ""
    warned: bool = False
    digits: str = ""
