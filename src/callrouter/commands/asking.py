"""Common parts of the commands that ask a running server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from callrouter.api.client import AskedError, ask, follow
from callrouter.api.routes import route_of
from callrouter.commands.moments import on_clocks
from callrouter.errors import CommandError
from callrouter.observe import terminal_table as tables
from callrouter.observe.terminal_table import Column
from callrouter.operations.operation import (
    MOST,
    AnswerT,
    ChangeAnswer,
    Operation,
    RequestT,
    StreamedT,
    StreamOperation,
    wrong_value,
)
from callrouter.printable import json_text, printable
from callrouter.settings.settings_file import load_settings

_WHOLE = frozenset({"id", "started", "for"})
"""Columns that never fold."""

last_option = click.option("--last", default=100, show_default=True, type=click.IntRange(1, MOST))


def request_of(operation: Operation[RequestT, AnswerT], values: dict[str, object]) -> RequestT:
    """Make a request of an operation. Raises UsageError for a value that it cannot have."""
    model: type[RequestT] = route_of(operation).request
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise click.UsageError(wrong_value(model, error)["error"]) from error


def put(
    config: Path,
    operation: Operation[RequestT, AnswerT],
    values: dict[str, object],
    as_json: bool,
    show: Callable[[AnswerT], None],
    seconds: float = 10.0,
) -> None:
    """Ask the server that the settings name, and show its answer; exit with 1 on a refusal."""
    request = request_of(operation, values)
    try:
        answer = ask(load_settings(config).control, operation, request, seconds)
    except KeyboardInterrupt:
        raise CommandError("given up; the server goes on with what it was asked") from None
    except AskedError as error:
        raise _refused(error, as_json) from error
    if as_json:
        click.echo(json_text({"ok": True, **answer.model_dump(exclude_unset=True)}))
        return
    show(answer)
    if isinstance(answer, ChangeAnswer) and not answer.kept:
        click.echo(
            "callrouter: warning: a restart undoes this: the state cannot be kept on disk, and the "
            "log says why",
            err=True,
        )


def put_each(
    config: Path,
    operation: StreamOperation[RequestT, StreamedT],
    request: RequestT,
    as_json: bool,
    show: Callable[[StreamedT], None],
) -> None:
    """Ask the server that the settings name for a stream, and show each answer as it comes.

    It ends with the server, or when whoever reads has enough (SIGINT); with 1 on a refusal.
    """
    try:
        for answer in follow(load_settings(config).control, operation, request):
            if as_json:
                click.echo(json_text(answer.model_dump(exclude_unset=True)))
            else:
                show(answer)
    except AskedError as error:
        raise _refused(error, as_json) from error
    except KeyboardInterrupt:
        return
    click.echo("the server has stopped", err=True)


def _refused(error: AskedError, as_json: bool) -> click.exceptions.Exit:
    """Say why a request was refused; returns how the command ends."""
    problem = error.problem
    if as_json:
        said = problem.model_dump(include={"error", "diagnostics", "serving"}, exclude_unset=True)
        click.echo(json_text({"ok": False, **said}))
    else:
        for mistake in problem.diagnostics:
            click.echo(printable(mistake), err=True)
        click.echo(f"callrouter: error: {printable(str(error))}", err=True)
    return click.exceptions.Exit(1)


def table(rows: list[dict[str, Any]], *columns: str) -> None:
    """Print rows under the names of their columns; ids are whole, what is wide folds."""
    kinds = [
        Column(name) if name in _WHOLE else Column(name, 6, folds=True, most=100)
        for name in columns
    ]
    click.echo(tables.table(rows, kinds))


def and_more(count: int) -> None:
    """Say how many rows a table does without, if any."""
    if count > 0:
        click.echo(f"and {count} more")


def moment(seconds: float) -> str:
    """Write a Unix time; 0 as `no end`."""
    return on_clocks(seconds) if seconds else "no end"
