"""The search of records: which index it takes, its pages, and who finds what."""

import sqlite3

import pytest
from sqlalchemy.dialects import sqlite
from support.kept_recordings import call_row

from callrouter.operations.operation import BadValueError
from callrouter.storage.cdr_query import Filter, newest
from callrouter.storage.cdr_table import Store
from callrouter.web.access.roles import ROLES, WebIdentity
from callrouter.web.core.records import RecordSearch

DAY = 1_800_000_000.0


def person(role: str, extension: str = "") -> WebIdentity:
    return WebIdentity(
        name="ann", role=role, scopes=ROLES[role], extension=extension, address="127.0.0.1"
    )


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Calls a second after each other, three of them at the same time."""
    found = f"sqlite:///{tmp_path_factory.mktemp('records')}/calls.db"
    store = Store(found)
    rows = [call_row(f"c{index:03}", DAY + min(index, 57)) for index in range(60)]
    leg = '[{"target":"801","uri":"","started_ms":0,"progress_ms":null,"answered_ms":5}]'
    rows.append(call_row("mine", DAY + 100, extension="801"))
    rows.append(call_row("taken", DAY + 101, legs=leg.replace("}", ',"ended_ms":9,"status":200}')))
    rows.append(call_row("other", DAY + 102, extension="8011", caller="02012345678"))
    elsewhere = {"caller": "anonymous", "called": "9", "number": "9"}
    desk = leg.replace("801", "desk").replace("}", ',"ended_ms":9,"status":200}')
    rows.append(call_row("desk", DAY + 103, legs=desk, **elsewhere))
    store.insert(rows)
    store.close()
    return found


def test_pages_follow_each_other_without_gap_or_repetition(url: str) -> None:
    search, found, cursor = RecordSearch(url, targets_of), [], ""
    while True:
        page = search.page(person("ops"), Filter(since=DAY, until=DAY + 90), cursor, 7)
        found += [record["id"] for record in page.records]
        cursor = page.next
        if not cursor:
            break
    assert found == [f"c{index:03}" for index in reversed(range(60))]
    with pytest.raises(BadValueError):
        search.page(person("ops"), Filter(), "no cursor", 7)


def test_part_of_a_number_is_found_wherever_it_stands_and_is_no_pattern(url: str) -> None:
    search = RecordSearch(url, targets_of)

    def found(part: str) -> int:
        return len(search.page(person("ops"), Filter(since=DAY, part=part), "", 200).records)

    assert found("12345") == 1
    assert found("138001") == 62
    assert found("%") == found("1_3") == 0


def test_who_sees_numbers_masked_finds_them_by_nothing_else(url: str) -> None:
    """Or else a number is spelled out, a digit in a search."""
    search = RecordSearch(url, targets_of)

    def found(part: str) -> int:
        return len(search.page(person("viewer"), Filter(since=DAY, part=part), "", 200).records)

    assert found("12345") == found("0800") == found("138") == 0
    assert found("02012345678") == found("+138") == 0
    assert found("02") == found("78") == 1
    assert found("4000") == 63


def targets_of(who: WebIdentity) -> tuple[str, ...]:
    return ("desk",) if who.extension == "802" else ()


def test_agent_finds_their_own_calls_alone(url: str) -> None:
    search, agent = RecordSearch(url, targets_of), person("agent", "801")
    page = search.page(agent, Filter(), "", 200)
    assert [record["id"] for record in page.records] == ["taken", "mine"]
    assert search.one(agent, "other") is None
    assert search.one(agent, "mine") is not None
    assert search.page(person("agent"), Filter(), "", 200).records == []
    other = person("agent", "802")  # of a telephone that has no extension's name
    assert [record["id"] for record in search.page(other, Filter(), "", 200).records] == ["desk"]
    assert search.one(other, "desk") is not None
    assert search.one(agent, "desk") is None


def test_viewer_finds_masked_numbers(url: str) -> None:
    record = RecordSearch(url, targets_of).one(person("viewer"), "other")
    assert record is not None
    assert record["caller"] == "02···78"


def test_search_of_a_day_goes_by_the_index_of_time(url: str) -> None:
    """So it looks at the calls of that day, however many there are in all."""
    wanted = Filter(since=DAY, until=DAY + 90, part="138", before=(DAY + 50, "c050"), of="801")
    compiled = newest(50, wanted).compile(
        dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
    )
    base = sqlite3.connect(url.removeprefix("sqlite:///"))
    plan = " ".join(line[3] for line in base.execute(f"EXPLAIN QUERY PLAN {compiled}"))
    base.close()
    assert "USING INDEX calls_started (started>? AND started<?)" in plan
