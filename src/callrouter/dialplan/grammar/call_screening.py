"""The grammar of who may call: lists, areas, countries, automatic blocks; and of refusals."""

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.names import ANYONE, ListName, Origin, PromptName
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

# Longer ones are no telephone numbers, and 18 digits fit into 64 bits.
LISTED: Final = re.compile(r"\+?[0-9]{1,18}")
SIGNED: Final = re.compile(r"\s*-[0-9]")
"""A quantity and no number; in a list's file a dash with a blank behind it may begin a line."""
_AREA: Final = re.compile(r"[^\d\s+][^\n]{0,59}")


def listed(value: object, wanted: str) -> str:
    """Read a number or a beginning of numbers in a list. Raises ValueError.

    Returned without its separators. Parameters and extensions stay a mistake: a list holds who
    calls, and those say nothing of it.
    """
    if isinstance(value, str) and value.startswith("*"):
        raise ValueError(
            f"{shown(value)} would compare the last digits, which a list never does: "
            f"expected {wanted}"
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        # YAML has dropped a leading 0 or +, so what was meant cannot be told from the value.
        raise ValueError(f"expected {wanted}; write it in quotes")
    text = value if isinstance(value, str) and SIGNED.match(value) is None else ""
    digits = numbers.without_separators(text)
    if LISTED.fullmatch(digits) is None:
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    return digits


def _number(value: object) -> str:
    return listed(value, 'a whole number such as "+8613800138000"')


def _prefix(value: object) -> str:
    text = value
    if isinstance(value, str) and len(value) > 1 and SIGNED.match(value) is None:
        # As under `numbers:`. What has no more than a * in it is found to be none as it is.
        text = numbers.without_separators(value).removesuffix("*") or value
    return listed(text, 'the first digits of numbers such as "0898"')


def _file(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"expected the name of a file, found {shown(value)}")
    return value


def _area(value: object) -> str:
    wanted = 'an area such as Guangdong, an area code such as "0756" or a country such as CN'
    if isinstance(value, str) and _AREA.fullmatch(value) is not None and value.isprintable():
        return value
    return listed(value, wanted)


# Separators and digits may be of any script.
_DIGITS_TEXT: Final = r"^[^A-Za-z*#;,/]+"

Area = Annotated[str, BeforeValidator(_area), fields.ANY_TEXT]
Prefix = Annotated[str, BeforeValidator(_prefix), fields.text(rf"{_DIGITS_TEXT}\*?$")]
Withheld = Literal["allow", "refuse"]


FileName = Annotated[str, BeforeValidator(_file), fields.ANY_TEXT]


class NumberListEntry(StrictModel):
    """Callers: whole numbers, and first digits of numbers; never last digits."""

    numbers: list[Annotated[str, BeforeValidator(_number), fields.text(f"{_DIGITS_TEXT}$")]] = (
        Field(
            default=[],
            description="Whole numbers, in any way they are written.",
            examples=[["+8613800138000", "02012345678"]],
        )
    )
    prefixes: list[Prefix] = Field(
        default=[],
        description="Area codes, or other first digits of numbers.",
        examples=[["0898", "+84"]],
    )
    file: FileName | None = Field(
        default=None,
        description="A file in the folder of the dialplan or below: one number a line, or first "
        "digits with a `*` behind them; what follows a `#` is a comment.",
        examples=["nuisance.txt"],
    )


class Areas(StrictModel):
    """From where a number may be called, by the area of the caller's number."""

    allow: list[Area] | None = Field(
        default=None,
        min_length=1,
        description="Only from there: names of areas in English or in the country's language, "
        "area codes, countries.",
        examples=[["Guangdong", "0756"]],
    )
    refuse: list[Area] = Field(
        default=[], description="Not from there; it counts before `allow`.", examples=[["0898"]]
    )
    withheld: Withheld | None = Field(
        default=None,
        description="A caller without a telephone number. When left out: `refuse` where there is "
        "an `allow`, else `allow`.",
        examples=["allow"],
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.allow is None and not self.refuse:
            raise ValueError("expected 'allow' or 'refuse', or both")
        return self


class Countries(StrictModel):
    """From which countries a number may be called."""

    allow: list[fields.Country] = Field(
        min_length=1, description="Only from there.", examples=[["CN"]]
    )
    # `except` is a word of Python's own.
    except_: list[ListName] = Field(
        default=[],
        alias="except",
        description="Lists whose callers may call from anywhere.",
        examples=[["partners"]],
    )
    withheld: Withheld = Field(
        default="refuse",
        description="A caller without a telephone number.",
        examples=["allow"],
    )


KNOWN_AS: Final = {
    **dict.fromkeys(("blocklist", "blacklist"), "block"),
    **dict.fromkeys(("allowlist", "whitelist"), "allow"),
}
"""Words that people know keys by, with ours."""


def _from(value: object) -> object:
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list) and ANYONE in names and len(names) > 1:
        raise ValueError(
            f"'{ANYONE}' holds all others: expected it alone, found {len(names)} names"
        )
    return names


Froms = Annotated[list[Origin], Field(min_length=1)]
From = Annotated[Froms, BeforeValidator(_from, json_schema_input_type=fields.NAMED | Froms)]


class AutoBlockEntry(StrictModel):
    """Block a caller who calls a number too often."""

    calls: fields.Calls = Field(
        description="So many calls within the time are too many: the last of them is refused.",
        examples=[3],
    )
    within: fields.Within = Field(description="The time: 1s to 24h.", examples=["10s"])
    for_: Annotated[float, fields.duration(1, 2592000)] = Field(
        alias="for", description="How long the block lasts: 1s to 720h.", examples=["1h"]
    )
    when: Literal["out_of_hours", "always"] = Field(
        default="out_of_hours",
        description="`out_of_hours`: calls count while every schedule of the number's route is "
        "closed, or always if it has none. `always`: they count at any time.",
        examples=["always"],
    )


class Reason(StrictModel):
    """How a refusal is answered. What is left out stays as it is."""

    status: fields.Status | None = Field(default=None, description="SIP status.", examples=[404])
    cause: fields.Cause | None = Field(
        default=None,
        description="Q.850 cause. When only the status is given: the one that belongs to it.",
        examples=[1],
    )
    prompt: PromptName | None = Field(
        default=None,
        description="The prompt that the caller hears before.",
        examples=["not_authorised"],
    )


def _reason(description: str, example: dict[str, Any]) -> Any:
    return Field(default=None, description=description, examples=[example])


class NumberReasons(StrictModel):
    """Refusals of a number that are not to be answered in the usual way."""

    not_from_here: Reason | None = _reason(
        "The number is not called from there: see `from`. Usually 404 and cause 1.",
        {"status": 403, "cause": 21},
    )
    not_listed: Reason | None = _reason(
        "The caller is in no list of `only`. Usually 403 and cause 21.",
        {"prompt": "not_authorised"},
    )
    blocked_caller: Reason | None = _reason(
        "The caller is in a list of `block`. Usually 403 and cause 21.",
        {"prompt": "not_authorised"},
    )
    auto_blocked: Reason | None = _reason(
        "The caller called too often. Usually 403 and cause 21.", {"status": 486}
    )
    blocked_by_hand: Reason | None = _reason(
        "The caller was blocked by `callrouter block add`. Usually 403 and cause 21.",
        {"prompt": "not_authorised"},
    )
    area_refused: Reason | None = _reason(
        "The caller's area may not call. Usually 486 and cause 17.", {"prompt": "busy"}
    )
    country_refused: Reason | None = _reason(
        "The caller's country may not call. Usually 403 and cause 21.", {"status": 404}
    )
    over_limit: Reason | None = _reason(
        "No line is free, the extensions that would ring are on calls or want none, or the trunk "
        "brings too many calls a second. Usually 486 and cause 17.",
        {"status": 503, "cause": 34},
    )
    out_of_hours: Reason | None = _reason(
        "The schedules leave no step of the route. Usually 480 and cause 18.",
        {"prompt": "out_of_hours"},
    )
    away: Reason | None = _reason(
        "The extensions that would ring are away, and nobody else is. Usually 480 and cause 20.",
        {"status": 486, "cause": 17},
    )
    suspended: Reason | None = _reason(
        "The number takes no calls. Usually 480 and cause 31.", {"status": 404, "cause": 1}
    )
    no_target_left: Reason | None = _reason(
        "Nobody answered and the route has no `final`. Usually what the last target answered, 480 "
        "and cause 19 when it rang and did not, or 503 and cause 34 when none could be rung. A "
        "prompt or a cause alone leaves the status.",
        {"status": 480, "cause": 19},
    )
    unusable_offer: Reason | None = _reason(
        "What the caller offers is no session, or none that we can speak to it by when that is all "
        "the route does. No prompt can be heard. Usually 488 and cause 88.",
        {"status": 606},
    )
    not_recordable: Reason | None = _reason(
        "The number records its calls, and what the caller offers cannot be recorded. No prompt "
        "can be heard. Usually 488 and cause 88.",
        {"status": 603, "cause": 21},
    )
    queue_full: Reason | None = _reason(
        "A queue is full, and the route has no step after it. Usually 486 and cause 17.",
        {"prompt": "busy"},
    )
    queue_timeout: Reason | None = _reason(
        "The wait in a queue was too long, and the route has no step after it. The call was "
        "answered, so only cause and prompt matter. Usually cause 19.",
        {"prompt": "no_answer"},
    )
    no_credit: Reason | None = _reason(
        "The account that pays has no money left, or is suspended. Usually 402 and cause 21.",
        {"status": 480, "cause": 31, "prompt": "suspended"},
    )
    not_connected: Reason | None = _reason(
        "The number is reserved, and not connected yet. Usually 404 and cause 1.",
        {"prompt": "unknown_number"},
    )
    disconnected: Reason | None = _reason(
        "The number was disconnected for good. Usually 410 and cause 22.",
        {"status": 404, "cause": 1},
    )
    reclaimed: Reason | None = _reason(
        "The number was taken back. Usually 404 and cause 1.", {"status": 410, "cause": 22}
    )


class Reasons(NumberReasons):
    """Refusals that are not to be answered in the usual way."""

    unknown_number: Reason | None = _reason(
        "No number of the dialplan matches. Usually 404 and cause 1.", {"status": 404, "cause": 1}
    )
    barred: Reason | None = _reason(
        "An extension calls outside what it may not. Usually 403 and cause 21.",
        {"prompt": "not_authorised"},
    )
    outgoing_limit: Reason | None = _reason(
        "An extension, or all together, have called outside as much as they may. Usually 403 and "
        "cause 21.",
        {"status": 486, "cause": 17},
    )
