"""What the commands that ask a server share: spans of time, answers, refusals, exit codes."""

import time
from collections.abc import Callable
from pathlib import Path

import click
import orjson
import pytest
from click.testing import CliRunner, Result

from callrouter.api.client import AskedError
from callrouter.commands import asking
from callrouter.commands.asking import moment, put, table
from callrouter.commands.options import DurationType, json_and_config
from callrouter.operations.blocks import AddBlock, BlockAdded, add_block
from callrouter.operations.operation import OperationAnswer, Problem

Server = Callable[..., OperationAnswer]
BLOCKED = BlockAdded(number="", callers=["4001"], until=0.0, kept=True)


@click.command()
@click.argument("caller")
@json_and_config
@click.option("--for", "span", type=DurationType())
def command(caller: str, as_json: bool, config: Path, span: float | None) -> None:
    """A command as those that ask are."""
    values: dict[str, object] = {"caller": caller, "seconds": span}
    put(config, add_block, values, as_json, lambda answer: click.echo(answer.callers[0]))


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Server], None]:
    """Puts a server in the place of the socket."""
    (tmp_path / "s.yaml").write_text(
        "listen: ['udp:127.0.0.1:5060']\ndialplan: d.yaml\ncontrol: there.sock\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    return lambda server: monkeypatch.setattr(asking, "ask", server)


def run(*argv: str) -> Result:
    return CliRunner().invoke(command, [*argv, "--config", "s.yaml"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90.0), ("15m", 900.0), ("2h", 7200.0), ("1d", 86400.0)]
)
def test_span_is_read_in_each_unit(text: str, seconds: float) -> None:
    assert DurationType().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "90", "1w", "1.5h", "-1s", "1 h", "٣s", "1000000" + "0s"]
)
def test_span_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time such as 90s, 15m, 2h or 1d"):
        DurationType().convert(text, None, None)


def test_span_of_nothing_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="more than nothing"):
        DurationType().convert("0s", None, None)


def test_server_of_the_settings_is_asked_and_its_answer_shown(
    ask: Callable[[Server], None],
) -> None:
    asked: list[tuple[object, ...]] = []

    def server(*told: object) -> OperationAnswer:
        asked.append(told)
        return BLOCKED

    ask(server)
    result = run("4001", "--for", "2m")
    assert (result.exit_code, result.stdout) == (0, "4001\n")
    request = AddBlock(caller="4001", seconds=120.0)
    assert asked == [(Path("there.sock"), add_block, request, 10.0)]
    shown = '{"ok":true,"kept":true,"number":"","callers":["4001"],"until":0.0}\n'
    assert run("4001", "--json").stdout == shown


def test_value_that_no_request_may_have_is_a_wrong_use(ask: Callable[[Server], None]) -> None:
    def never(*_: object) -> OperationAnswer:
        raise AssertionError("asked")

    ask(never)
    result = run("")
    assert result.exit_code == 2
    assert "Error: caller: " in result.stderr  # without the group that words errors


def test_refusal_is_told_and_exits_with_1(ask: Callable[[Server], None]) -> None:
    def server(*_: object) -> OperationAnswer:
        raise AskedError(Problem(code="not_found", error="no number is \x1b[31m"))

    ask(server)
    result = run("4001")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("callrouter: error: no number is ")
    assert "\x1b" not in result.stderr
    as_json = run("4001", "--json")
    assert (as_json.exit_code, as_json.stderr) == (1, "")
    assert orjson.loads(as_json.stdout) == {"ok": False, "error": "no number is \x1b[31m"}


def test_command_that_is_interrupted_says_that_the_server_is_not(
    ask: Callable[[Server], None],
) -> None:
    def server(*_: object) -> OperationAnswer:
        raise KeyboardInterrupt

    ask(server)
    assert str(run("4001").exception) == "given up; the server goes on with what it was asked"


def test_change_that_is_not_kept_says_so(ask: Callable[[Server], None]) -> None:
    ask(lambda *_: BLOCKED.model_copy(update={"kept": False}))
    result = run("4001")
    assert (result.exit_code, result.stdout) == (0, "4001\n")
    assert result.stderr.startswith("callrouter: warning: a restart undoes this")
    as_json = run("4001", "--json")
    assert (orjson.loads(as_json.stdout)["kept"], as_json.stderr) == (False, "")


def test_mistakes_of_a_file_are_told_one_a_line_and_exit_with_2(
    ask: Callable[[Server], None],
) -> None:
    mistakes = ["d.yaml:1:1: a", "d.yaml:2:1: b"]

    def server(*_: object) -> OperationAnswer:
        raise AskedError(Problem(code="dialplan_mistakes", error="wrong", diagnostics=mistakes))

    ask(server)
    result = run("4001")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "d.yaml:1:1: a",
        "d.yaml:2:1: b",
        "callrouter: error: wrong",
    ]


def test_table_has_a_column_for_each_name_and_no_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table([{"a": 1, "b": "x\x1b[1m", "c": "left out"}, {"a": 22, "b": "[bold]"}], "a", "b")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["a", "b"]
    assert lines[1][0] == "1"
    assert "\x1b" not in lines[1][1]
    assert lines[2] == ["22", "[bold]"]


@pytest.mark.parametrize("zone", ["America/New_York", None])
def test_moment_is_on_the_clocks_of_the_dialplan_or_else_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str | None
) -> None:
    config = tmp_path / "settings.yaml"
    if zone is not None:
        config.write_text("listen: ['udp:127.0.0.1:5060']\ndialplan: d.yaml\n")
        (tmp_path / "d.yaml").write_text(f"timezone: {zone}\n")
    context = click.Context(click.Command("any"))
    context.params["config"] = config
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    shown = "2026-03-05 23:00:00-05:00" if zone else "2026-03-06 12:00:00+08:00"
    try:
        with context:
            assert moment(1772769600.0) == shown
            assert moment(0.0) == "no end"
    finally:
        monkeypatch.undo()
        time.tzset()
