import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.observed import answered, refused

from callrouter.cli import main
from callrouter.observe.cdr.rows import encode
from callrouter.storage.cdr_table import Store


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["cdr", "--database", url, *arguments])


@pytest.fixture
def filled(url: str) -> str:
    store = Store(url)
    store.insert([encode(answered("a")), encode(refused("b"))])
    store.close()
    return url


def found(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [call["id"] for call in json.loads(result.output)]


def test_last_calls_as_table_json_and_csv(filled: str):
    assert "REJECTED" in run(filled).output
    assert found(run(filled, "--json")) == ["b", "a"]
    assert found(run(filled, "--json", "--last", "1")) == ["b"]
    assert run(filled, "--csv").output.startswith("id,call_id,started,")


def test_ids_are_whole_in_a_narrow_terminal(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "60")
    store = Store(url)
    store.insert([encode(answered("1a203d718d0-0483344ab4d9d6e4"))])
    store.close()
    assert "1a203d718d0-0483344ab4d9d6e4" in run(url).output


def test_filters_narrow_what_is_shown(filled: str):
    assert found(run(filled, "--json", "--disposition", "answered")) == ["a"]
    assert found(run(filled, "--json", "--number", "4000", "--caller", "+8675612345")) == ["a"]
    assert found(run(filled, "--json", "--called", "4999")) == ["b"]
    assert found(run(filled, "--json", "--since", "2023-11-14T22:13:21+00:00")) == ["b"]
    assert found(run(filled, "--json", "--since", "15m")) == []


def test_one_call_in_detail_or_a_clear_error(filled: str):
    assert "lab.yaml:17" in run(filled, "a").output
    assert found(run(filled, "a", "--json")) == ["a"]
    missing = run(filled, "zzz")
    assert (missing.exit_code, missing.output) == (1, "callrouter: error: there is no call zzz\n")


@pytest.mark.parametrize("when", ["yesterday", "5 minutes", "0000-01-01", ""])
def test_a_moment_that_is_none_is_refused(filled: str, when: str):
    result = run(filled, "--since", when)
    assert result.exit_code == 2
    assert "expected a time such as" in " ".join(result.output.split())


def test_missing_database_is_a_clear_error_and_is_not_made(url: str):
    result = run(url)
    assert result.exit_code == 1
    assert "there is no database" in result.output
    assert not Path(url.removeprefix("sqlite:///")).parent.exists()


def test_json_and_csv_together_are_refused(filled: str):
    assert run(filled, "--json", "--csv").exit_code == 2


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:s3cret@127.0.0.1:1/calls",
        "postgresql://me:s3c/r@et@127.0.0.1:1/calls",
        "postgresql://me@127.0.0.1:1/calls?password=s3cret",
        "postgresql://me:s3cret@127.0.0.1:1/calls?pasword=s3cret",
    ],
)
def test_password_of_a_database_out_of_reach_is_shown_nowhere(text: str) -> None:
    result = run(text)
    assert result.exit_code == 1
    assert result.output.startswith("callrouter: error: ")
    assert "s3c" not in result.output
    assert "et@" not in result.output
