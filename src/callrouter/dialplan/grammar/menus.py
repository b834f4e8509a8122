"""The grammar of menus."""

import re
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.hunts import StepEntry
from callrouter.dialplan.grammar.media_options import Prompts, Wait
from callrouter.dialplan.grammar.names import RUNG, PromptName
from callrouter.dialplan.grammar.prompts_music import Language
from callrouter.yamlfile.mistakes import StrictModel

_KEYS: Final = re.compile(r"[0-9*]{1,8}|#")


def _keys(value: object) -> str:
    return fields.matched(value, _KEYS, '1 to 8 keys such as "1" or "12", in quotes')


def _tries(value: object) -> int:
    return fields.whole(value, 1, 10, "tries")


def _chosen(value: object) -> object:
    return {"hunt": [value]} if isinstance(value, str) else value


class ChoiceEntry(StepEntry):
    """What a key of a menu does: a step, as in a route."""

    language: Language | None = Field(
        default=None,
        description="The language of all prompts from here on.",
        examples=["zh"],
    )


Chosen = Annotated[
    ChoiceEntry,
    BeforeValidator(_chosen, json_schema_input_type=fields.NAMED | ChoiceEntry),
    RUNG,
]


class MenuEntry(StrictModel):
    """A menu: a prompt, and what the keys do."""

    prompt: Prompts = Field(
        description="What is said; a key ends it at once.", examples=[["welcome", "choose"]]
    )
    keys: dict[Annotated[str, BeforeValidator(_keys), fields.text("^([0-9*]{1,8}|#)$")], Chosen] = (
        Field(
            default={},
            description="What each key does: the name of a target or group, or a step as in a "
            "route, which can also change the `language`.",
            examples=[{"1": "sales", "2": {"menu": "service"}, "0": {"hunt": ["reception"]}}],
        )
    )
    extensions: bool = Field(
        default=False,
        description="`true`: the caller can dial an extension. `#` ends what is dialled.",
        examples=[True],
    )
    wait: Wait = Field(
        default=5.0,
        description="How long the first key is waited for, from the end of the prompt: 500ms to "
        "60s.",
        examples=["3s"],
    )
    between: Wait = Field(
        default=2.0,
        description="How long another key is waited for where one could follow: 500ms to 60s.",
        examples=["2s"],
    )
    tries: Annotated[int, BeforeValidator(_tries), fields.between(1, 10)] = Field(
        default=3, description="How often the prompt is played: 1 to 10.", examples=[2]
    )
    invalid: PromptName | Literal[False] = Field(
        default="invalid_choice",
        description="Said after keys that are no choice; `false`: nothing.",
        examples=["wrong-key"],
    )
    silent: PromptName | Literal[False] = Field(
        default="no_input",
        description="Said when nothing was pressed; `false`: nothing.",
        examples=[False],
    )
    farewell: PromptName | Literal[False] = Field(
        default="goodbye",
        description="Said when nothing was chosen in the end and the call is over. When the route "
        "has another step, it goes on without; `false`: nothing.",
        examples=["lab-bye"],
    )
