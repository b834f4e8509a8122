"""References to what callers hear, by steps, menus and numbers, held against the file."""

from typing import TYPE_CHECKING, Any, Final

from callrouter.dialplan.grammar.hunts import ACTS, HuntOptions
from callrouter.yamlfile.reader import Mapping

if TYPE_CHECKING:
    from callrouter.dialplan.check.validation import Checker

Path = tuple[str | int, ...]

_OF_HUNTS: Final = (*HuntOptions.model_fields, "confirm")
_MENU_SAYS: Final = ("invalid", "silent", "farewell")
_MAX_LISTED: Final = 20


def check_step(checker: "Checker", path: Path, step: Mapping) -> None:
    """Check what a step says of media. Its hunt is looked at elsewhere."""
    _prompts(checker, (*path, "play"), step.get("play"))
    greet = step.get("greet")
    if isinstance(greet, Mapping):
        _prompts(checker, (*path, "greet", "prompts"), greet.get("prompts"))
    else:
        _prompts(checker, (*path, "greet"), greet)
    confirm = step.get("confirm")
    if isinstance(confirm, Mapping):
        checker.prompt(confirm.get("prompt"), (*path, "confirm", "prompt"))
    checker.refer((*path, "menu"), "menu", step.get("menu"))
    for key in ("voicemail", "messages"):
        name = step.get(key)
        boxes = checker.names("voicemail")
        if isinstance(name, str) and name not in boxes:
            checker.mistakes.unknown((*path, key), "voicemail box", name, boxes)
    feature: Any = step.get("feature")
    if isinstance(feature, Mapping):
        checker.refer((*path, "feature", "schedule"), "schedule", feature.get("schedule"))
    _misplaced(checker, path, step)


def _misplaced(checker: "Checker", path: Path, step: Mapping) -> None:
    if "hunt" not in step and any(act in step for act in ACTS):
        for option in _OF_HUNTS:
            if option in step:
                checker.mistakes.at_key((*path, option), f"'{option}' belongs to a hunt")
        if "greet" in step and "menu" not in step:
            checker.mistakes.at_key((*path, "greet"), "'greet' belongs to a hunt or a menu")
    if "answer" in step and "play" not in step:
        message = "'answer' belongs to 'play'; a greeting has its own, in 'greet'"
        checker.mistakes.at_key((*path, "answer"), message)


def check_number(checker: "Checker", path: Path, raw: Any) -> None:
    """Check what a number says of the media of its calls."""
    if not isinstance(raw, Mapping):
        return
    checker.music(raw.get("hold_music"), (*path, "hold_music"))
    for key, names in (("record", ("notice",)), ("survey", ("prompt", "thanks"))):
        entry: Any = raw.get(key)
        for name in names if isinstance(entry, Mapping) else ():
            checker.prompt(entry.get(name), (*path, key, name))


def check_menus(checker: "Checker") -> None:
    """Check all menus."""
    for name, raw in checker.entries("menus").items():
        if not isinstance(raw, Mapping):
            continue
        path = ("menus", name)
        _prompts(checker, (*path, "prompt"), raw.get("prompt"))
        for key in _MENU_SAYS:
            checker.prompt(raw.get(key), (*path, key))
        keys = raw.get("keys")
        for key, step in keys.items() if isinstance(keys, Mapping) else ():
            place = (*path, "keys", key)
            if isinstance(step, str):
                checker.rung(place, step)
            elif isinstance(step, Mapping):
                checker.step(place, step)
        if not keys and not raw.get("extensions"):
            message = "a menu needs 'keys', or 'extensions: true'"
            checker.mistakes.at_key(path, message)


def check_boxes(checker: "Checker") -> None:
    """Check all voicemail boxes."""
    for name, raw in checker.entries("voicemail").items():
        if isinstance(raw, Mapping):
            checker.prompt(raw.get("greeting"), ("voicemail", name, "greeting"))


def _prompts(checker: "Checker", path: Path, named: Any) -> None:
    if isinstance(named, list):
        for index, name in enumerate(named[:_MAX_LISTED]):
            checker.prompt(name, (*path, index))
    else:
        checker.prompt(named, path)
