"""Names that one key uses and another defines, told by the kinds of values in the grammar.

A key whose value is of one of these kinds is checked, and counts as a use, by nothing more than
that: `uses` finds all of them in what was read, in entries with other mistakes too.
"""

from collections.abc import Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel

from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.dialplan.grammar.field_types import Name

Path = tuple[str | int, ...]

EXTENSIONS: Final = "extensions"
ANYONE: Final = "anyone"


class Named(NamedTuple):
    """What a name is of. sections: that define it. also: names that are always there."""

    kind: str
    sections: tuple[str, ...]
    also: tuple[str, ...] = ()


class Short(NamedTuple):
    """A mapping of which one key can stand for all of it."""

    key: str


class Use(NamedTuple):
    """A name that is used, and where."""

    path: Path
    named: Named
    name: str


RUNG: Final = Named("target", ("targets", "groups"))
Origin = Annotated[Name, Named("trunk", ("trunks",), (EXTENSIONS, ANYONE))]
Gateway = Annotated[Name, Named("gateway", ("gateways",))]
GatewayOrGroup = Annotated[Name, Named("gateway", ("gateways", "gateway_groups"))]
TargetName = Annotated[Name, Named("target", ("targets",))]
GroupName = Annotated[Name, Named("group", ("groups",))]
Extension = Annotated[Name, Named("extension", ("extensions",))]
ListName = Annotated[Name, Named("list", ("lists",))]
ScheduleName = Annotated[Name, Named("schedule", ("schedules",))]
LookupName = Annotated[Name, Named("lookup", ("lookups",))]
CallBackName = Annotated[Name, Named("rule of call-backs", ("call_backs",))]
QueueName = Annotated[Name, Named("queue", ("queues",))]
MenuName = Annotated[Name, Named("menu", ("menus",))]
BoxName = Annotated[Name, Named("voicemail box", ("voicemail",))]
PromptName = Annotated[Name, Named("prompt", ("prompts",), tuple(BUILTIN))]
MusicName = Annotated[Name, Named("music file", ("hold_music",))]
LineName = Annotated[Name, Named("line", ("outbound_lines",))]
PermissionName = Annotated[Name, Named("permission", ("permissions",))]
PlanName = Annotated[Name, Named("plan", ("plans",))]
AccountName = Annotated[Name, Named("account", ("accounts",))]
RatePlanName = Annotated[Name, Named("rate plan", ("rate_plans",))]


def uses(model: type[BaseModel], value: Any, path: Path = ()) -> Iterator[Use]:
    """Give all names that are used in what was read for a model, at a path."""
    yield from _uses(_model(model), value, path)


class _Shape(NamedTuple):
    """Where names are in a value: itself, under keys, in items, in the entries of a section."""

    named: Named | None = None
    short: str = ""
    keys: "dict[str, _Shape] | None" = None
    items: "_Shape | None" = None
    entries: "_Shape | None" = None


_NOTHING: Final = _Shape()


def _uses(shape: _Shape, value: Any, path: Path) -> Iterator[Use]:
    if isinstance(value, dict):
        if shape.entries is not None:
            for key, each in value.items():
                yield from _uses(shape.entries, each, (*path, key))
        elif shape.keys:
            for key in value.keys() & shape.keys.keys():
                yield from _uses(shape.keys[key], value[key], (*path, key))
        elif shape.named is not None:  # a name with a weight
            yield from _uses(shape, value.get("name"), path)
    elif isinstance(value, str) and shape.named is not None:
        yield Use(path, shape.named, value)
    elif isinstance(value, str | list) and shape.short and shape.keys:
        yield from _uses(shape.keys[shape.short], value, path)
    elif shape.items is not None and isinstance(value, str):
        yield from _uses(shape.items, value, path)
    elif shape.items is not None and isinstance(value, list):
        for index, each in enumerate(value):
            yield from _uses(shape.items, each, (*path, index))


@cache
def _model(model: type[BaseModel]) -> _Shape:
    keys = {
        field.alias or key: _of(field.annotation, tuple(field.metadata))
        for key, field in model.model_fields.items()
    }
    keys = {key: shape for key, shape in keys.items() if shape != _NOTHING}
    return _Shape(keys=keys) if keys else _NOTHING


def _of(kind: Any, more: tuple[Any, ...] = ()) -> _Shape:
    """Where names are in values of a kind. more: what it is annotated with."""
    origin, of = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _of(of[0], (*of[1:], *more))
    if origin in {Union, UnionType}:
        shape = _NOTHING
        for each in map(_of, of):
            said: dict[str, Any] = {
                name: part for name, part in zip(_Shape._fields, each, strict=True) if part
            }
            shape = shape._replace(**said)
    elif origin is list:
        items = _of(of[0])
        shape = _NOTHING if items == _NOTHING else _Shape(items=items)
    elif origin is dict:
        entries = _of(of[1])
        shape = _NOTHING if entries == _NOTHING else _Shape(entries=entries)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        shape = _model(kind)
    else:
        shape = _NOTHING
    for each in more:
        if isinstance(each, Named):
            shape = shape._replace(named=each)
        elif isinstance(each, Short):
            shape = shape._replace(short=each.key)
    return shape
