"""References to what callers hear, by steps, menus and numbers, held against the file."""

from collections.abc import Callable
from typing import Any, Final

from callrouter.dialplan.check.references import Path, References
from callrouter.dialplan.grammar.hunts import ACTS, HuntOptions
from callrouter.yamlfile.reader import Mapping

_OF_HUNTS: Final = (*HuntOptions.model_fields, "confirm")
_MENU_SAYS: Final = ("invalid", "silent", "farewell")
_MAX_LISTED: Final = 20


def check_step(references: References, path: Path, step: Mapping) -> None:
    """Check what a step says of media. Its hunt is looked at elsewhere."""
    _prompts(references, (*path, "play"), step.get("play"))
    greet = step.get("greet")
    if isinstance(greet, Mapping):
        _prompts(references, (*path, "greet", "prompts"), greet.get("prompts"))
    else:
        _prompts(references, (*path, "greet"), greet)
    confirm = step.get("confirm")
    if isinstance(confirm, Mapping):
        references.prompt(confirm.get("prompt"), (*path, "confirm", "prompt"))
    references.refer((*path, "menu"), "menu", step.get("menu"))
    for key in ("voicemail", "messages"):
        name = step.get(key)
        boxes = references.names("voicemail")
        if isinstance(name, str) and name not in boxes:
            references.mistakes.unknown((*path, key), "voicemail box", name, boxes)
    feature: Any = step.get("feature")
    if isinstance(feature, Mapping):
        references.refer((*path, "feature", "schedule"), "schedule", feature.get("schedule"))
    _misplaced(references, path, step)


def _misplaced(references: References, path: Path, step: Mapping) -> None:
    if "hunt" not in step and any(act in step for act in ACTS):
        for option in _OF_HUNTS:
            if option in step:
                references.mistakes.at_key((*path, option), f"'{option}' belongs to a hunt")
        if "greet" in step and "menu" not in step:
            references.mistakes.at_key((*path, "greet"), "'greet' belongs to a hunt or a menu")
    if "answer" in step and "play" not in step:
        message = "'answer' belongs to 'play'; a greeting has its own, in 'greet'"
        references.mistakes.at_key((*path, "answer"), message)


def check_number(references: References, path: Path, raw: Any) -> None:
    """Check what a number says of the media of its calls."""
    if not isinstance(raw, Mapping):
        return
    references.music(raw.get("hold_music"), (*path, "hold_music"))
    for key, said in (("record", ("notice",)), ("survey", ("prompt", "thanks"))):
        entry: Any = raw.get(key)
        for name in said if isinstance(entry, Mapping) else ():
            references.prompt(entry.get(name), (*path, key, name))


def check_menus(references: References, check: Callable[[Path, Mapping], None]) -> None:
    """Check all menus. check: checks a step that a key chooses."""
    for name, raw in references.entries("menus").items():
        if not isinstance(raw, Mapping):
            continue
        path = ("menus", name)
        _prompts(references, (*path, "prompt"), raw.get("prompt"))
        for key in _MENU_SAYS:
            references.prompt(raw.get(key), (*path, key))
        keys = raw.get("keys")
        for key, step in keys.items() if isinstance(keys, Mapping) else ():
            place = (*path, "keys", key)
            if isinstance(step, str):
                references.rung(place, step)
            elif isinstance(step, Mapping):
                check(place, step)
        if not keys and not raw.get("extensions"):
            message = "a menu needs 'keys', or 'extensions: true'"
            references.mistakes.at_key(path, message)


def check_boxes(references: References) -> None:
    """Check all voicemail boxes."""
    for name, raw in references.entries("voicemail").items():
        if isinstance(raw, Mapping):
            references.prompt(raw.get("greeting"), ("voicemail", name, "greeting"))


def _prompts(references: References, path: Path, named: Any) -> None:
    if isinstance(named, list):
        for index, name in enumerate(named[:_MAX_LISTED]):
            references.prompt(name, (*path, index))
    else:
        references.prompt(named, path)
