"""The grammar of prompts and hold music: files, texts and tones with names."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from callrouter.dialplan.grammar import field_types as fields
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

Language = Literal["en", "zh", "vi"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh", "vi")

_LONGEST_TEXT: Final = 2000
_SPACES: Final = re.compile(r"\s+")


def _file(value: object) -> str:
    wanted = "the name of a sound file such as welcome.wav"
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(
            f"expected {wanted}, in the folder of the dialplan or below, found {shown(value)}"
        )
    return value


def _text(value: object) -> str:
    text = _SPACES.sub(" ", value).strip() if isinstance(value, str) else ""
    if not text.isprintable() or not 1 <= len(text) <= _LONGEST_TEXT:
        raise ValueError(
            f"expected a text of 1 to {_LONGEST_TEXT} characters, found {shown(value)}"
        )
    return text


def _hertz(value: object) -> int:
    return fields.whole(value, 50, 3500, "a frequency")


SoundFile = Annotated[str, BeforeValidator(_file), fields.ANY_TEXT]


class Tone(StrictModel):
    """A tone."""

    hertz: Annotated[int, BeforeValidator(_hertz), fields.between(50, 3500)] = Field(
        description="Its frequency: 50 to 3500.", examples=[440]
    )
    for_: Annotated[float, fields.duration(0.1, 60)] = Field(
        alias="for", description="How long it is: 100ms to 60s.", examples=["2s"]
    )


class _Short(StrictModel):
    """An entry that can be written as the name of its file."""

    # Not "before": what the JSON Schema says of a mapping would be lost behind it.
    @model_validator(mode="wrap")
    @classmethod
    def _short(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return handler({"file": value} if isinstance(value, str) else value)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Let an editor accept the short form too."""
        made = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [{"type": "string", "minLength": 1}, made]}


class SoundEntry(_Short):
    """What is heard: a file, a text or a tone. The name of a file can stand for all of it."""

    _kinds: ClassVar[tuple[str, ...]] = ("file", "text", "tone")

    file: SoundFile | None = Field(
        default=None,
        description="A WAV, MP3, FLAC or OGG file in the folder of the dialplan or below.",
        examples=["welcome.wav"],
    )
    text: (
        Annotated[
            str,
            BeforeValidator(_text),
            WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 2000}),
        ]
        | None
    ) = Field(
        default=None,
        description="A text that espeak-ng speaks.",
        examples=["We are closed today."],
    )
    tone: Tone | None = Field(
        default=None, description="A tone.", examples=[{"hertz": 440, "for": "2s"}]
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        said = [kind for kind in self._kinds if getattr(self, kind) is not None]
        if len(said) != 1:
            first, last = ", ".join(f"'{kind}'" for kind in self._kinds[:-1]), self._kinds[-1]
            raise ValueError(f"expected one of {first} and '{last}'")
        return self


class Languages(StrictModel):
    """A sound for each language. A caller whose language is missing hears the dialplan's."""

    en: SoundEntry | None = Field(default=None, description="English.", examples=["welcome-en.wav"])
    zh: SoundEntry | None = Field(default=None, description="Chinese.", examples=["welcome-zh.wav"])
    vi: SoundEntry | None = Field(
        default=None, description="Vietnamese.", examples=[{"text": "Xin chào."}]
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if all(getattr(self, language) is None for language in LANGUAGES):
            raise ValueError("expected at least one of 'en', 'zh' and 'vi'")
        return self


class Prompt(SoundEntry):
    """Something to say: a file, a text, a tone, or one of these for each language.

    The name of a file can stand for all of it.
    """

    _kinds: ClassVar[tuple[str, ...]] = ("file", "text", "tone", "languages")

    language: Language | None = Field(
        default=None,
        description="The language of `text`. When left out: that of the dialplan.",
        examples=["zh"],
    )
    languages: Languages | None = Field(
        default=None,
        description="What is said in each language. Without it, all callers hear the same.",
        examples=[{"en": "welcome-en.wav", "zh": {"text": "您好。"}}],
    )

    @model_validator(mode="after")
    def _language_of_text(self) -> Self:
        if self.language is not None and self.text is None:
            raise ValueError("'language' says in which language 'text' is, which is missing")
        return self


class Music(_Short):
    """Music for callers on hold. The name of the file can stand for all of it."""

    file: SoundFile = Field(
        description="A WAV, MP3, FLAC or OGG file in the folder of the dialplan or below, mono "
        "and at most 2 MB.",
        examples=["music.mp3"],
    )
