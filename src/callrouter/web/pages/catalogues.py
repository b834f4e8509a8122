"""Catalogues of the console's texts: English is the key, a TOML file for each other language."""

import re
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Final

LANGUAGES: Final = {"en": "English", "zh": "中文", "vi": "Tiếng Việt"}
"""By the tag that browsers send, each in its own words."""
ENGLISH: Final = "en"
_VALUE: Final = re.compile(r"[a-z]+(?:_[a-z]+)+", re.ASCII)


@cache
def catalogue(language: str) -> dict[str, str]:
    """The texts of a language by their English; none for English itself."""
    if language == ENGLISH:
        return {}
    file = files("callrouter.web.pages").joinpath("catalogues", f"{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def translator(language: str) -> Callable[[str], str]:
    """What says an English text in a language; what has no translation stays English.

    A value of the API, such as `on_call`, is said in words.
    """
    texts = catalogue(language)
    return lambda text: texts.get(text) or _in_words(text)


def _in_words(text: str) -> str:
    return text.replace("_", " ") if _VALUE.fullmatch(text) else text


def wanted_language(chosen: str, accepted: str) -> str:
    """The language of a page. chosen: by its reader, "" for none. accepted: by the browser."""
    if chosen in LANGUAGES:
        return chosen
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return ENGLISH
