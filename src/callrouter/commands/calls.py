"""`callrouter calls`: the calls in progress, and what happens to calls as it happens."""

from pathlib import Path

import click

from callrouter.call.services.supervision import MODES
from callrouter.commands.asking import and_more, put, put_each, table
from callrouter.commands.moments import on_clocks
from callrouter.commands.options import json_and_config
from callrouter.operations.call_feed import EventFile, EventLeg, FollowedEvent
from callrouter.operations.calls import (
    CallList,
    EndedCall,
    HeardCall,
    end_call,
    follow_calls,
    hear_call,
    list_calls,
)
from callrouter.operations.operation import MOST, NoValues
from callrouter.printable import brief


@click.group(invoke_without_command=True)
@click.option("--last", type=click.IntRange(1, MOST), help="Calls at most.  [default: 100]")
@click.option("--follow", is_flag=True, help="What happens to calls from now on, a line each.")
@json_and_config
@click.pass_context
def calls(
    context: click.Context, last: int | None, follow: bool, as_json: bool, config: Path
) -> None:
    """Show the calls in progress of the running server, the newest first."""
    if context.invoked_subcommand is not None:
        return
    if not follow:
        put(config, list_calls, {"most": last or 100}, as_json, _show)
    elif last is not None:
        raise click.UsageError("--follow shows what comes; --last is of the calls in progress")
    else:
        put_each(config, follow_calls, NoValues(), as_json, _show_event)


@calls.command()
@click.argument("call")
@json_and_config
def hangup(call: str, as_json: bool, config: Path) -> None:
    """End the call with the id CALL."""
    put(config, end_call, {"call": call}, as_json, _ended)


@calls.command()
@click.argument("call")
@click.option("--by", required=True, metavar="EXTENSION", help="Who is rung, and hears the call.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default=MODES[0],
    show_default=True,
    help="Whether it is heard by nobody, our side, or both.",
)
@json_and_config
def listen(call: str, by: str, mode: str, as_json: bool, config: Path) -> None:
    """Let an extension hear the conversation with the id CALL."""
    put(config, hear_call, {"call": call, "by": by, "mode": mode}, as_json, _rung)


def _rung(answer: HeardCall) -> None:
    click.echo(f"extension {answer.by} is rung, and hears {answer.call} then")


def _ended(answer: EndedCall) -> None:
    click.echo(f"{answer.call} is ended")


def _show(answer: CallList) -> None:
    rows = [{**call.model_dump(), "for": f"{call.seconds:.0f}s"} for call in answer.calls]
    table(rows, "id", "caller", "called", "number", "state", "for")
    and_more(answer.all - len(rows))


def _show_event(event: FollowedEvent) -> None:
    if event.lost:
        click.echo(f"{event.lost} events were not read in time")
    call = event.call
    at = on_clocks(call.since + event.seconds, "milliseconds")
    words = (brief(word) for word in _words(event) if word)
    click.echo(" ".join((at, f"{call.id}  {event.event:11}", *words)).rstrip())


def _words(event: FollowedEvent) -> tuple[str, ...]:
    """What there is to say of an event, beside its kind."""
    call = event.call
    words: tuple[str, ...] = ()
    match event:
        case FollowedEvent(leg=EventLeg() as leg):
            words = (
                leg.target,
                leg.state,
                str(leg.status or ""),
                leg.gateway and f"by {leg.gateway}",
            )
        case FollowedEvent(file=EventFile() as file):
            words = file.of, file.result, f"{file.ms / 1000:.1f}s"
        case FollowedEvent(event="started"):
            words = call.caller, "->", call.called
        case FollowedEvent(event="moved"):
            words = "with", *call.talking
        case FollowedEvent(event="held"):
            words = "by" if event.on else "no more by", event.by
        case FollowedEvent(event="transferred"):
            words = "by", event.by, "to", *call.talking
        case FollowedEvent(event="switched"):
            words = event.what, event.to
        case FollowedEvent(event="ended"):
            words = call.disposition, str(call.status), call.reason, "by", call.hung_up_by
    return words
