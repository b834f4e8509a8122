"""The console says everything in each of its languages."""

import re
from http import HTTPStatus
from importlib.resources import files
from typing import Final

import pytest

from callrouter.billing.account_rules import NOTICE, RESTORED
from callrouter.call.services.record import Disposition
from callrouter.queues.queue_rules import LONGEST_IDLE, RING_ALL, ROUND_ROBIN, SKILLS
from callrouter.route.values.refusal_reasons import USUAL
from callrouter.route.values.snapshot import FORWARDS
from callrouter.web.access.audit import DONE
from callrouter.web.access.roles import MEANINGS, ROLES
from callrouter.web.pages.accounts_page import STATES as ACCOUNTS
from callrouter.web.pages.blocks_page import KINDS, LENGTHS
from callrouter.web.pages.call_backs_page import STATES as CALL_BACKS
from callrouter.web.pages.catalogues import (
    ENGLISH,
    LANGUAGES,
    catalogue,
    translator,
    wanted_language,
)
from callrouter.web.pages.filled_forms import SAID
from callrouter.web.pages.navigation import MENU
from callrouter.web.pages.numbers_page import CHANGES
from callrouter.web.pages.numbers_page import STATES as LIVES
from callrouter.web.pages.page_rendering import THEMES
from callrouter.web.pages.queues_page import AGENT_STATES
from callrouter.web.pages.reports_page import LENGTHS as REPORTS
from callrouter.web.pages.schedules_page import WEEKDAYS
from callrouter.web.pages.webhooks_page import STATES as EVENTS

_SAID: Final = re.compile(r"""\b_\((?:"([^"]+)"|'([^']+)')\)""")
_STATES: Final = {
    *("routing", "ringing", "answered", "passed", "refused", "not asked"),
    *("up", "down", "resting", "drained", "unknown"),
    *AGENT_STATES,
    *ACCOUNTS,
    *CALL_BACKS,
    *LIVES,
    *EVENTS,
    *FORWARDS,
    *USUAL,
    *("caller", "callee"),
    *("busy", "no_answer", "unreachable", "rejected", "redirected", "cancelled"),
    *("abandoned", "timeout", "full", "key", "moved", "removed", "failed", "unavailable", "lost"),
    *("complete", "broken", "short", "empty"),
    *("played", "menu", "survey"),
    *(RING_ALL, LONGEST_IDLE, ROUND_ROBIN, SKILLS),
    *("trying", "registered", "stopped"),
    *("top_up", "adjustment", "call", "rerated", "fee", "written_off"),
    *(NOTICE, RESTORED, "resumed"),
}
"""Values of records and operations, as pages say them."""
_BY_PAGES: Final = {
    "The name, the password or the code is wrong.",
    "The two passwords differ.",
    "The password is changed.",
    "Each login asks for a code from now on.",
    "No code is asked for any more.",
}
"""What pages give their templates to say."""


def said() -> set[str]:
    """All texts that templates ask for."""
    found = {*_STATES, *_BY_PAGES, *ROLES, *THEMES, *MEANINGS.values(), *map(str, Disposition)}
    found |= {DONE, *(HTTPStatus(status).phrase for status in (400, 403, 404, 409, 429, 503))}
    found |= {group.title for group in MENU}
    found |= {entry.title for group in MENU for entry in group.entries}
    found |= {
        *SAID.values(),
        *LENGTHS.values(),
        *KINDS.values(),
        *CHANGES.values(),
        *REPORTS.values(),
        *WEEKDAYS,
    }
    for template in files("callrouter.web.pages").joinpath("templates").iterdir():
        pairs = _SAID.findall(template.read_text(encoding="utf-8"))
        found |= {double or single for double, single in pairs}
    return found


@pytest.mark.parametrize("language", sorted(LANGUAGES.keys() - {ENGLISH}))
def test_each_language_has_every_text_and_no_other(language: str) -> None:
    known = catalogue(language)
    assert said() - known.keys() == set()
    assert known.keys() - said() == set()
    assert all(known.values())


def test_language_is_chosen_or_the_browsers_or_english() -> None:
    assert wanted_language("vi", "zh-CN,zh;q=0.9") == "vi"
    assert wanted_language("", "fr, zh-TW;q=0.8, en;q=0.5") == "zh"
    assert wanted_language("xx", "") == ENGLISH
    assert translator(ENGLISH)("Calls") == "Calls"


def test_values_of_the_api_are_said_in_words() -> None:
    said = translator(ENGLISH)
    assert [said(text) for text in ("on_call", "top_up")] == ["on call", "top up"]
    assert translator("zh")("top_up") == "充值"
    assert said("GET /api/v1/no_such") == "GET /api/v1/no_such"
    assert translator("zh")("on_call") == catalogue("zh")["on_call"]


def test_scripts_are_small_and_none_is_in_a_page() -> None:
    """All JavaScript together has less than 120 kB, as it is sent."""
    pages = files("callrouter.web.pages")
    scripts = [one for one in pages.joinpath("static").iterdir() if one.name.endswith(".js")]
    assert sum(len(one.read_bytes()) for one in scripts) < 120_000
    for template in pages.joinpath("templates").iterdir():
        found = re.findall(r"<script\b[^>]*>(.)", template.read_text(encoding="utf-8"))
        assert set(found) <= {"<"}, template.name
