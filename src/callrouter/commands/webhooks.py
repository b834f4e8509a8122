"""`callrouter webhooks`: who is told of events, what became of each, and the stream of them."""

from pathlib import Path

import click

from callrouter.commands.asking import last_option, moment, put, put_each, table
from callrouter.commands.moments import CLOCKS, since, zone_of_settings
from callrouter.commands.options import json_and_config
from callrouter.operations.operation import SentEvent
from callrouter.operations.webhooks import (
    LATEST,
    AttemptList,
    FollowEvents,
    ResentEvents,
    WebhookList,
    disable_webhook,
    enable_webhook,
    follow_events,
    list_attempts,
    list_webhooks,
    resend_events,
)
from callrouter.printable import brief


@click.group(invoke_without_command=True)
@json_and_config
@click.pass_context
def webhooks(context: click.Context, as_json: bool, config: Path) -> None:
    """Show the endpoints that the running server tells of events, and how they are."""
    if context.invoked_subcommand is None:
        put(config, list_webhooks, {}, as_json, _show)


@webhooks.command()
@click.option("--endpoint", help="Of this one alone.")
@click.option("--event", help="The event with this id.")
@click.option("--call", help="Events of the call with this id.")
@last_option
@json_and_config
def attempts(
    endpoint: str | None,
    event: str | None,
    call: str | None,
    last: int,
    as_json: bool,
    config: Path,
) -> None:
    """Show the newest events, and what became of each at each endpoint."""
    named = {"endpoint": endpoint, "event": event, "call": call}
    values: dict[str, object] = {name: value for name, value in named.items() if value is not None}
    put(config, list_attempts, {**values, "most": last}, as_json, _show_attempts)


@webhooks.command()
@click.argument("endpoint")
@click.argument("event", required=False)
@click.option("--since", "begin", help=f"All from then on, or so long ago: 15m, 2h, 7d. {CLOCKS}")
@json_and_config
def resend(
    endpoint: str, event: str | None, begin: str | None, as_json: bool, config: Path
) -> None:
    """Tell ENDPOINT again of the EVENT with this id, or of all since a time, in their order."""
    if (event is None) == (begin is None):
        raise click.UsageError("expected either EVENT or --since")
    values: dict[str, object] = {"endpoint": endpoint}
    if event is not None:
        values["event"] = event
    if begin is not None:
        values["since"] = since("--since", begin, zone_of_settings(config))
    put(config, resend_events, values, as_json, _show_resent)


@webhooks.command()
@click.argument("endpoint")
@click.option("--why", help="For who looks later.  [default: by hand]")
@json_and_config
def disable(endpoint: str, why: str | None, as_json: bool, config: Path) -> None:
    """Tell ENDPOINT of nothing more until it is enabled, over restarts too; its events wait."""
    said: dict[str, object] = {} if why is None else {"why": why}
    put(config, disable_webhook, {"endpoint": endpoint, **said}, as_json, _show)


@webhooks.command()
@click.argument("endpoint")
@json_and_config
def enable(endpoint: str, as_json: bool, config: Path) -> None:
    """Tell ENDPOINT of events again, first of those that wait."""
    put(config, enable_webhook, {"endpoint": endpoint}, as_json, _show)


@webhooks.command()
@click.option("--after", type=click.IntRange(0, LATEST), help="From the event behind this id on.")
@json_and_config
def follow(after: int | None, as_json: bool, config: Path) -> None:
    """Show events as they come, a line each; none is missing and none comes twice."""
    put_each(config, follow_events, FollowEvents(after=after), as_json, _show_event)


def _show(answer: WebhookList) -> None:
    rows = [
        {
            "endpoint": it.name,
            "url": it.url,
            "state": "disabled" if it.disabled else "failing" if it.error else "on",
            "waiting": it.waiting,
            "since": moment(it.since) if it.since else "",
            "failed": it.failed,
            "last attempt": moment(it.tried) if it.tried else "never",
            "why": it.disabled or it.error,
        }
        for it in answer.webhooks
    ]
    table(rows, "endpoint", "url", "state", "waiting", "since", "failed", "last attempt", "why")


def _show_attempts(answer: AttemptList) -> None:
    rows = [
        {
            "id": it.event,
            "at": moment(it.at),
            "endpoint": it.endpoint,
            "state": it.state,
            "tries": it.tries or "",
            "next": moment(it.due) if it.state == "waiting" else "",
            "status": it.status or "",
            "why": it.error,
        }
        for it in answer.attempts
    ]
    table(rows, "id", "at", "endpoint", "state", "tries", "next", "status", "why")


def _show_resent(answer: ResentEvents) -> None:
    click.echo(f"{answer.endpoint} is told again of {answer.events} events")


def _show_event(event: SentEvent) -> None:
    call = event.data["data"].get("call") or {}
    said = [call["id"], call["caller"], "->", call["called"]] if call else []
    words = (event.id, event.data["timestamp"], f"{event.event:16}", *map(brief, said))
    click.echo(" ".join(word for word in words if word).rstrip())
