"""Edits of a YAML text: one value changes, and every other byte stays."""

import pytest
import yaml

from callrouter.yamlfile.text_edits import (
    TextEditError,
    scalars_of,
    with_item,
    with_value,
    without_item,
    without_key,
)

TEXT = """\
# The head office.
schedules:
  office:
    open: ["Mon-Fri 08:30-17:30"]  # as the door says
    closed:
      - "2026-12-31"   # stocktaking
  flow: {open: ['08:00-09:00'], closed: [2026-01-02]}
  bare:
    open: ["08:00-09:00"]
queues:
  sales: {agents: ["801", {extension: "802", skills: [a]}, "803"]}
  block:
    agents:
    - "801"
    - extension: "802"
      skills: [a]
    - "803"  # on Mondays
numbers:
  "4000": {lines: 10, route: [{hunt: [desk]}]}  # the reception
  "4001":
    route: [{hunt: [desk]}]
"""


def changed(after: str) -> tuple[list[str], list[str]]:
    """The lines that are gone, and those that came."""
    old, new = TEXT.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize(
    ("schedule", "gone", "came"),
    [
        ("office", [], ['      - "2027-01-01"']),
        (
            "flow",
            ["  flow: {open: ['08:00-09:00'], closed: [2026-01-02]}"],
            ["  flow: {open: ['08:00-09:00'], closed: [2026-01-02, \"2027-01-01\"]}"],
        ),
        ("bare", [], ['    closed: ["2027-01-01"]']),
    ],
)
def test_day_is_added_however_the_schedule_is_written(
    schedule: str, gone: list[str], came: list[str]
) -> None:
    after = with_item(TEXT, ("schedules", schedule), "closed", '"2027-01-01"')
    assert changed(after) == (gone, came)
    assert "2027-01-01" in yaml.safe_load(after)["schedules"][schedule]["closed"]


def test_value_is_replaced_or_added() -> None:
    after = with_value(TEXT, ("numbers", "4000"), "lines", "5")
    assert '  "4000": {lines: 5, route: [{hunt: [desk]}]}  # the reception' in after
    after = with_value(TEXT, ("numbers", "4001"), "lines", "5")
    assert changed(after) == ([], ["    lines: 5"])
    assert yaml.safe_load(after)["numbers"]["4001"]["lines"] == 5


@pytest.mark.parametrize(
    ("path", "key", "gone", "came"),
    [
        (
            ("schedules", "office"),
            "closed",
            ["    closed:", '      - "2026-12-31"   # stocktaking'],
            [],
        ),
        (
            ("schedules", "flow"),
            "closed",
            ["  flow: {open: ['08:00-09:00'], closed: [2026-01-02]}"],
            ["  flow: {open: ['08:00-09:00']}"],
        ),
        (
            ("numbers", "4000"),
            "lines",
            ['  "4000": {lines: 10, route: [{hunt: [desk]}]}  # the reception'],
            ['  "4000": {route: [{hunt: [desk]}]}  # the reception'],
        ),
        (("schedules", "bare"), "open", ['    open: ["08:00-09:00"]'], []),
    ],
)
def test_key_is_removed_with_its_line(
    path: tuple[str, str], key: str, gone: list[str], came: list[str]
) -> None:
    assert scalars_of(TEXT, path, key)
    after = without_key(TEXT, path, key)
    assert changed(after) == (gone, came)
    assert key not in (yaml.safe_load(after)[path[0]][path[1]] or {})


@pytest.mark.parametrize("queue", ["sales", "block"])
def test_agent_is_added_and_taken_out(queue: str) -> None:
    path = ("queues", queue)

    def agents(text: str) -> list[object]:
        found: list[object] = yaml.safe_load(text)["queues"][queue]["agents"]
        return found

    before = agents(TEXT)
    after = with_item(TEXT, path, "agents", '"804"')
    assert agents(after) == [*before, "804"]
    for index, name in enumerate(("801", "802", "803")):
        left = agents(without_item(TEXT, path, "agents", name, "extension"))
        assert left == before[:index] + before[index + 1 :]
    assert without_item(after, path, "agents", "804", "extension") == TEXT


def test_what_cannot_be_edited_alone_is_said() -> None:
    with pytest.raises(TextEditError, match="no numbers 4999 of its own"):
        with_value(TEXT, ("numbers", "4999"), "lines", "5")
    with pytest.raises(TextEditError, match="agents has no 899"):
        without_item(TEXT, ("queues", "sales"), "agents", "899", "extension")
    with pytest.raises(TextEditError, match="mistakes"):
        with_value("a: [", (), "b", "1")
    with pytest.raises(TextEditError, match="office has no holidays"):
        without_key(TEXT, ("schedules", "office"), "holidays")
    with pytest.raises(TextEditError, match="several lines"):
        without_key(TEXT, ("queues",), "block")
    alone = "queues: {a: {agents: [x]}}"
    with pytest.raises(TextEditError, match="last one"):
        without_item(alone, ("queues", "a"), "agents", "x", "extension")
