"""The grammar of what callers hear: greetings, recordings, surveys, feature codes."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.names import PromptName, ScheduleName, Short
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

_KEY: Final = re.compile(r"[0-9*#]")
_DAY: Final = 86400


def _prompts(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _key(value: object) -> str:
    return fields.matched(value, _KEY, 'one key such as "1", "*" or "#"')


def _days(value: object) -> float:
    found = re.fullmatch(r"([0-9]{1,4})d", value) if isinstance(value, str) else None
    if found is None or not 1 <= int(found[1]) <= 3650:
        raise ValueError(f"expected days from 1d to 3650d, found {shown(value)}")
    return float(found[1]) * _DAY


def _greet(value: object) -> object:
    return {"prompts": value} if isinstance(value, str | list) else value


def _confirm(value: object) -> object:
    return {"key": value} if isinstance(value, str) else value


def _record(value: object) -> object:
    return {} if value is True else value


_Listed = Annotated[list[PromptName], Field(min_length=1, max_length=20)]
Prompts = Annotated[
    _Listed, BeforeValidator(_prompts, json_schema_input_type=fields.NAMED | _Listed)
]
Days = Annotated[float, BeforeValidator(_days), fields.text(fields.DAYS_TEXT)]
Key = Annotated[str, BeforeValidator(_key), fields.text("^[0-9*#]$")]
Wait = Annotated[float, fields.duration(0.5, 60)]
Quota = Annotated[float, fields.duration(60, 3_600_000)]


class GreetingEntry(StrictModel):
    """What the caller hears while targets are rung."""

    prompts: Prompts = Field(
        description="One prompt, or several to be played one after the other.",
        examples=["welcome"],
    )
    repeat: bool = Field(
        default=False,
        description="`true`: over and over until somebody answers, as the caller's ringback. "
        "Otherwise the usual ringback follows.",
        examples=[True],
    )
    answer: bool = Field(
        default=False,
        description="`true`: the call is answered first, so the caller pays from then on; "
        "otherwise the greeting is early media.",
        examples=[True],
    )


class ConfirmEntry(StrictModel):
    """A target that answers must press a key before it is connected: voicemails never do."""

    key: Key = Field(description="The key to press.", examples=["1"])
    prompt: PromptName = Field(
        default="accept_call", description="What the target hears.", examples=["press-one"]
    )
    wait: Wait = Field(
        default=10.0,
        description="How long it has from the end of the prompt on: 500ms to 60s.",
        examples=["8s"],
    )


Greet = Annotated[
    GreetingEntry,
    BeforeValidator(
        _greet, json_schema_input_type=fields.NAMED | list[fields.NAMED] | GreetingEntry
    ),
    Short("prompts"),
]
ConfirmWith = Annotated[
    ConfirmEntry,
    BeforeValidator(
        _confirm, json_schema_input_type=Annotated[str, fields.text("^[0-9*#]$")] | ConfirmEntry
    ),
]


class FeatureEntry(StrictModel):
    """What dialling the number switches."""

    presence: Literal["away", "break", "leave", "do_not_disturb", "back"] | None = Field(
        default=None,
        description="The caller, an extension, is not rung from now on, or is again. "
        "`do_not_disturb`: it counts as busy.",
        examples=["away"],
    )
    forward: Literal["all", "busy", "no_answer", "none"] | None = Field(
        default=None,
        description="Calls for the caller, an extension, go on to what is dialled behind the code: "
        "at once (`all`), when it is busy, or when nobody answers there. `none`: they do so no "
        "more. The key of the number has an `x` for what is dialled, as in `*72*x*`.",
        examples=["all"],
    )
    schedule: ScheduleName | None = Field(
        default=None, description="A schedule to switch by hand.", examples=["office"]
    )
    supervise: Literal["listen", "whisper", "barge"] | None = Field(
        default=None,
        description="The caller, an extension whose permission has `supervise`, hears the "
        "conversation of the extension that is dialled behind the code; `whisper`: and is heard by "
        "that one; `barge`: by both. The key of the number has an `x`, as in `*55*x*`.",
        examples=["listen"],
    )
    to: Literal["open", "closed", "usual"] | None = Field(
        default=None,
        description="What the schedule is switched to; `usual` ends that.",
        examples=["closed"],
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.presence, self.schedule, self.forward, self.supervise).count(None) != 3:
            raise ValueError(
                "expected either 'presence', or 'forward', or 'supervise', or 'schedule' with 'to'"
            )
        if (self.schedule is None) != (self.to is None):
            raise ValueError("expected 'schedule' and 'to' together")
        return self


class RecordEntry(StrictModel):
    """How answered calls are recorded."""

    sides: Literal["mixed", "stereo"] = Field(
        default="mixed",
        description="Both sides in one channel, or the caller left and the callee right.",
        examples=["stereo"],
    )
    notice: PromptName | Literal[False] = Field(
        default="recording_notice",
        description="What the caller hears before the targets are rung, and both parties of a "
        "call to outside once it is answered; `false`: nothing.",
        examples=["recorded"],
    )
    start: Literal["answer", "request"] = Field(
        default="answer",
        description="Record from the answer on, or only after a request: `*1` pressed by the "
        "callee (of a call to outside: by the extension), or `callrouter recordings start`. The "
        "same ends it.",
        examples=["request"],
    )
    keep: Days = Field(
        default=30.0 * _DAY,
        description="How long a recording is kept: 1d to 3650d.",
        examples=["30d"],
    )
    quota: Quota | None = Field(
        default=None,
        description="Most that is recorded of this number, or extension, in a month, such as "
        "`100h`. When left out: no limit.",
        examples=["100h"],
    )
    required: bool = Field(
        default=False,
        description="`true`: a call that cannot be recorded is refused, or ended when that shows "
        "after its answer, with the reason `not_recordable`: no media worker is free, the folder "
        "cannot be written, the disk or the quota is full. Otherwise it goes on, and its record "
        "says `failed` or `full`.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _from_the_answer_on(self) -> Self:
        if self.required and self.start != "answer":
            raise ValueError("expected 'required' only with 'start: answer'")
        return self


Record = Annotated[
    RecordEntry, BeforeValidator(_record, json_schema_input_type=Literal[True] | RecordEntry)
]


class SurveyEntry(StrictModel):
    """A question for the caller when the callee has hung up."""

    prompt: PromptName = Field(
        default="survey_question", description="The question.", examples=["how-was-it"]
    )
    keys: Annotated[str, Field(pattern="^[0-9]{1,10}$")] = Field(
        default="12345", description="The keys that are answers.", examples=["123"]
    )
    thanks: PromptName = Field(
        default="survey_thanks", description="Said after an answer.", examples=["thanks"]
    )
    wait: Wait = Field(
        default=8.0,
        description="How long the caller has from the end of the question on: 500ms to 60s.",
        examples=["8s"],
    )


def _survey(value: object) -> object:
    return {} if value is True else value


Survey = Annotated[
    SurveyEntry, BeforeValidator(_survey, json_schema_input_type=Literal[True] | SurveyEntry)
]
