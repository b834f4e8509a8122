"""The grammar of a test file: each key, what it means and an example."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.field_types import Name
from callrouter.dialplan.grammar.rate_plans import Amount
from callrouter.outcomes import USUAL_TIME
from callrouter.route.rules.number_table import ROW
from callrouter.simulate.target_script import Press, Script, read_press, read_script
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown

_AT: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?")
_KEYS: Final = re.compile(r"[0-9*#]*")
_ROW: Final = re.compile(rf"{ROW} [0-9+*#]{{1,33}}|(line|phones) [A-Za-z0-9_.-]{{1,64}}")
"""What rings without being a target that the dialplan names."""
_DAY: Final = 86400.0


def _at(value: object) -> datetime:
    wanted = 'a date and a time such as "2026-03-07 12:01"'
    if isinstance(value, str) and _AT.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"expected {wanted}, found {shown(value)}")


def _dialled(value: object) -> str:
    if isinstance(value, bool | int | float):
        raise ValueError("expected a number or a name; write it in quotes")
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"expected a number or a name, found {shown(value)}")
    return value


def _script(value: object) -> Script:
    if not isinstance(value, str):
        raise ValueError(f'expected a script such as "486 after 2s", found {shown(value)}')
    return read_script(value)


def _press(value: object) -> Press:
    if not isinstance(value, str):
        raise ValueError(f'expected a key and when, such as "2 after 3s", found {shown(value)}')
    return read_press(value)


def _rung(value: object) -> str:
    if isinstance(value, str) and _ROW.fullmatch(value):
        return value
    return fields.name(value)


def _keys(value: object) -> str:
    return fields.matched(value, _KEYS, 'keys such as "12#", in quotes')


Ago = Annotated[float, fields.duration(0, _DAY)]
At = Annotated[
    datetime,
    BeforeValidator(_at),
    fields.text(f"^{fields.DATE_TEXT}[ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}})?$"),
]
Dialled = Annotated[str, BeforeValidator(_dialled), WithJsonSchema({"type": "string"})]
Rung = Annotated[
    str, BeforeValidator(_rung), fields.text(rf"{fields.NAME_TEXT}|^({_ROW.pattern})$")
]
Keys = Annotated[str, BeforeValidator(_keys), fields.text("^[0-9*#]*$")]
Status = Annotated[int, Field(ge=100, le=699)]


class CallFacts(StrictModel):
    """The call that comes in."""

    from_: Dialled = Field(
        default="",
        alias="from",
        description="The caller's number as sent; empty when there is none.",
        examples=["+8613800138000"],
    )
    to: Dialled = Field(description="The called number.", examples=["4010"])
    at: At = Field(
        default=USUAL_TIME,
        description="When, in the dialplan's time zone. When left out: Monday 5 January 2026, "
        "10:00.",
        examples=["2026-03-07 12:01"],
    )
    trunk: Name | None = Field(
        default=None,
        description="The trunk it comes in on. When left out: the one of `source`, else the "
        "first of the dialplan.",
        examples=["lab"],
    )
    source: str | None = Field(
        default=None,
        description="The address it comes from. When left out: the first of the trunk.",
        examples=["127.0.0.1"],
    )
    to_header: Dialled = Field(
        default="", description="The user of the To: header.", examples=["101"]
    )
    to_ext: Dialled = Field(
        default="", description="The `ext` parameter of the To: header.", examples=["101"]
    )


class State(StrictModel):
    """What is going on when the call comes in."""

    down: list[Name] = Field(
        default=[], description="Gateways that do not work.", examples=[["carrier_a"]]
    )
    override: dict[Name, Literal["open", "closed"]] = Field(
        default={}, description="Schedules switched by hand.", examples=[{"office": "closed"}]
    )
    lines: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default={},
        description="Calls in progress, by what they hold a line of.",
        examples=[{"number 4014": 2}],
    )
    calls_before: list[Ago] = Field(
        default=[],
        description="How long ago this caller called this number before.",
        examples=[["8s", "3s"]],
    )
    blocked_for: Ago | None = Field(
        default=None,
        description="This caller is blocked automatically for so much longer.",
        examples=["20s"],
    )
    away: dict[Name, str] = Field(
        default={},
        description="Extensions that are not to be rung, and why.",
        examples=[{"101": "on leave"}],
    )
    forwards: dict[Name, dict[Literal["all", "busy", "no_answer"], Dialled]] = Field(
        default={},
        description="Where calls of extensions were switched to go on to; empty for nowhere.",
        examples=[{"101": {"busy": "102"}}],
    )
    turns: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default={},
        description="How often a rotation was used before.",
        examples=[{"sales": 1}],
    )
    owner: str = Field(
        default="",
        description="The extension that the number's look-up names; empty for nobody.",
        examples=["101"],
    )
    carrier: str = Field(
        default="",
        description="The carrier that `carrier_lookup` names; empty for none.",
        examples=["China Mobile"],
    )
    barred: list[Name] = Field(
        default=[],
        description="Extensions whose calls abroad a guard against fraud has barred.",
        examples=[["101"]],
    )
    spent: dict[Name, Amount] = Field(
        default={},
        description="What calls of extensions to outside have cost in the last hour.",
        examples=[{"101": "19.50"}],
    )
    seed: int = Field(default=0, description="For all that is drawn by chance.", examples=[7])


class Expected(StrictModel):
    """What is to become of the call. What is not named is not compared."""

    number: str | None = Field(
        default=None,
        description="The key under `numbers:` that matches; empty when none does.",
        examples=["4010"],
    )
    direction: Literal["inbound", "internal", "outbound"] | None = Field(
        default=None,
        description="Whether it comes from a trunk, stays in the house, or goes out by a line.",
        examples=["outbound"],
    )
    line: str | None = Field(
        default=None,
        description="The line that it goes out by; empty for none.",
        examples=["main"],
    )
    targets: list[str] | None = Field(
        default=None,
        description="What rings, in order; a line as `line main`.",
        examples=[["uas_5081", "uas_5082"]],
    )
    ring: dict[str, Ago] | None = Field(
        default=None,
        description="How long each of these targets rings.",
        examples=[{"uas_5082": "55s"}],
    )
    final: Status | None = Field(
        default=None,
        description="SIP answer to the caller when nobody answers; nothing (`final:`) when it is "
        "the last target's.",
        examples=[480],
    )
    reason: str | None = Field(
        default=None,
        description="Why it is refused in the end; with `legs`: why it was.",
        examples=["out_of_hours"],
    )
    cause: int | None = Field(
        default=None, description="Q.850 cause of the refusal.", examples=[21]
    )
    prompt: str | None = Field(
        default=None, description="What the caller hears before.", examples=["closed"]
    )
    matched: list[str] | None = Field(
        default=None, description="Rules that match.", examples=[["number 4010"]]
    )
    missed: list[str] | None = Field(
        default=None,
        description="Rules that are looked at and do not match.",
        examples=[["list a"]],
    )
    answered_by: str | None = Field(
        default=None, description="Who answers; needs `legs`.", examples=["uas_5082"]
    )
    disposition: str | None = Field(
        default=None, description="How the call ends; needs `legs`.", examples=["ANSWERED"]
    )
    status: Status | None = Field(
        default=None, description="SIP answer that the caller gets; needs `legs`.", examples=[200]
    )
    legs: list[str] | None = Field(
        default=None,
        description="The result of each target that was rung, in order; needs `legs`.",
        examples=[["busy", "answered"]],
    )
    heard: list[str] | None = Field(
        default=None,
        description="The prompts that callrouter plays to the caller, in order; needs `legs` or "
        "`press`.",
        examples=[["welcome", "goodbye"]],
    )
    keys: Keys | None = Field(
        default=None,
        description="The caller's keys that callrouter hears; needs `legs` or `press`.",
        examples=["12"],
    )
    voicemail: str | None = Field(
        default=None,
        description="The box in which the caller leaves a message; empty for none. Needs `legs` or "
        "`press`.",
        examples=["office"],
    )
    queue: str | None = Field(
        default=None,
        description="What came of the last wait in a queue, such as `answered`, `timeout` or "
        "`full`; empty for none. Needs `legs` or `press`.",
        examples=["timeout"],
    )
    cost: Amount | None = Field(
        default=None,
        description="What the call costs, all legs together; nothing (`cost:`) when none is "
        "charged. Needs `legs` or `press`.",
        examples=["0.9000"],
    )


HUNTED: Final = frozenset(
    {"answered_by", "disposition", "status", "legs", "heard", "keys", "voicemail", "queue", "cost"}
)
"""What only a call that was played can tell."""


class Case(StrictModel):
    """One test."""

    name: fields.Label = Field(
        description="What it shows.", examples=["Saturday afternoon goes to the mobile"]
    )
    call: CallFacts = Field(description="The call that comes in.", examples=[{"to": "4010"}])
    state: State = Field(
        default=State(),
        description="What is going on when it comes in. When left out: nothing.",
        examples=[{"down": ["carrier_a"]}],
    )
    legs: (
        dict[
            Rung,
            Annotated[
                Script,
                BeforeValidator(_script),
                fields.text(r"^\s*([1-6][0-9]{2}(\s|,|$)|silence\s*$)"),
            ],
        ]
        | None
    ) = Field(
        default=None,
        description="What each target does when it is rung; the call is then played on a virtual "
        "clock. A target that is left out rings and answers after 5 s. Once it has answered it can "
        "press keys and hang up: `200 after 2s, key 1 after 4s, bye after 9s`.",
        examples=[{"uas_5081": "486 after 2s", "uas_5082": "180 after 1s, 200 after 3s"}],
    )
    press: (
        list[Annotated[Press, BeforeValidator(_press), fields.text(r"^\s*[0-9*#]\s+after\s")]]
        | None
    ) = Field(
        default=None,
        description="The caller's keys, each with its seconds from the start; the call is then "
        "played, as with `legs`.",
        examples=[["2 after 3s", "# after 4s"]],
    )
    cancel: Ago | None = Field(
        default=None,
        description="The caller gives up after so long, or hangs up while callrouter speaks to it "
        "or lets it wait, else 60s after the answer; needs `legs` or `press`.",
        examples=["8s"],
    )
    expect: Expected = Field(
        description="What is to become of the call.", examples=[{"targets": ["uas_5081"]}]
    )

    @property
    def is_played(self) -> bool:
        """Say whether the call is played, and not only decided."""
        return self.legs is not None or self.press is not None


class CaseFile(StrictModel):
    """A test file."""

    dialplan: fields.Label = Field(
        description="The dialplan; relative to this file.", examples=["lab.yaml"]
    )
    tests: list[Case] = Field(
        min_length=1,
        description="The tests.",
        examples=[[{"name": "a", "call": {"to": "4000"}, "expect": {"number": "4000"}}]],
    )


def differing(expected: StrictModel, got: dict[str, Any]) -> dict[str, tuple[object, object]]:
    """Return what was expected and came otherwise, by key; of rules and times, only those named."""
    differences: dict[str, tuple[object, object]] = {}
    for key in type(expected).model_fields:
        if key not in expected.model_fields_set:
            continue
        wanted = getattr(expected, key)
        came = got[key]
        if key in {"matched", "missed"}:
            if not set(wanted or ()) <= set(came):
                differences[key] = (wanted, came)
            continue
        if key == "ring":
            came = {name: came.get(name) for name in wanted}
        if wanted != came:
            differences[key] = (wanted, came)
    return differences
