"""`callrouter queues` and `callrouter agents`: who waits, who is free, and how well it went."""

from pathlib import Path
from typing import Any

import click

from callrouter.commands.asking import last_option, moment, put, table
from callrouter.commands.options import json_and_config
from callrouter.operations.queues import (
    AgentHistory,
    AgentList,
    MovedCaller,
    QueueList,
    QueueStatus,
    list_agents,
    list_history,
    list_queues,
    move_caller,
)
from callrouter.printable import json_text
from callrouter.settings.settings_file import load_settings
from callrouter.storage.queue_history import QueueHistoryReader


@click.group(invoke_without_command=True)
@json_and_config
@click.pass_context
def queues(context: click.Context, as_json: bool, config: Path) -> None:
    """Show who waits in the queues of the running server, and how well they went since its start.

    The service level is the share of callers answered in time; who hung up in time is left out.
    """
    if context.invoked_subcommand is None:
        put(config, list_queues, {}, as_json, _show_queues)


@queues.command()
@click.argument("call")
@click.option("--to", metavar="QUEUE", help="The queue; when left out: the one that it is in.")
@click.option("--front", is_flag=True, help="Before all who wait there.")
@json_and_config
def move(call: str, to: str | None, front: bool, as_json: bool, config: Path) -> None:
    """Let a caller who waits go to another queue, or before all others. CALL: its id."""
    if to is None and not front:
        raise click.UsageError("expected --to, --front or both")
    put(config, move_caller, {"call": call, "to": to, "front": front}, as_json, _show_moved)


@click.group(invoke_without_command=True)
@json_and_config
@click.pass_context
def agents(context: click.Context, as_json: bool, config: Path) -> None:
    """Show what the agents of the running server's queues do."""
    if context.invoked_subcommand is None:
        put(config, list_agents, {}, as_json, _show_agents)


@agents.command()
@click.argument("agent")
@last_option
@json_and_config
def history(agent: str, last: int, as_json: bool, config: Path) -> None:
    """Show what AGENT did lately: calls offered, answered and missed, and when it was away."""
    put(config, list_history, {"agent": agent, "most": last}, as_json, _show_history)


@queues.command("history")
@click.option("--queue", metavar="QUEUE", help="What happened in it.")
@click.option("--call", metavar="ID", help="What happened to a caller.")
@click.option("--agent", metavar="EXTENSION", help="What an agent did, or was done to it.")
@last_option
@json_and_config
def queue_history(
    queue: str | None,
    call: str | None,
    agent: str | None,
    last: int,
    as_json: bool,
    config: Path,
) -> None:
    """Show what happened in the queues in the last months, with a server or without."""
    asked = {"queue": queue, "call": call, "agent": agent}
    wanted = {name: value for name, value in asked.items() if value is not None}
    with QueueHistoryReader(load_settings(config).records.database) as history:
        rows = history.last(last, **wanted)
    if as_json:
        click.echo(json_text({"history": rows}))
        return
    shown = [
        {**row, "at": moment(row["at"]), "what": _words(row["kind"]), "waited": _waited(row)}
        for row in rows
    ]
    table(shown, "at", "what", "queue", "call", "agent", "why", "waited")


def _waited(row: dict[str, Any]) -> str:
    return _seconds(row["waited"]) if row["waited"] else ""


def _show_queues(answer: QueueList) -> None:
    rows = [
        {
            "queue": it.name,
            "waiting": it.waiting,
            "longest": _seconds(it.longest),
            "agents": ", ".join(
                f"{count} {_words(state)}" for state, count in sorted(it.agents.items())
            ),
            "offered": it.offered,
            "answered": it.answered,
            "abandoned": it.abandoned,
            "overflowed": it.overflowed,
            "mean wait": "-" if it.answer_wait is None else _seconds(it.answer_wait),
            "service level": _level(it),
        }
        for it in answer.queues
    ]
    table(
        rows,
        *("queue", "waiting", "longest", "agents", "offered", "answered", "abandoned"),
        *("overflowed", "mean wait", "service level"),
    )
    waiting = [
        {
            "queue": it.name,
            "place": caller.position,
            "call": caller.call,
            "waits": _seconds(caller.waits),
            "priority": caller.priority,
            "rings": ", ".join(caller.rings),
            "calls": "is called back" if caller.called_back else "",
        }
        for it in answer.queues
        for caller in it.callers
    ]
    if waiting:
        click.echo()
        table(waiting, "queue", "place", "call", "waits", "priority", "rings", "calls")


def _show_moved(answer: MovedCaller) -> None:
    click.echo(f"{answer.call} is at place {answer.position} of queue {answer.queue}")


def _show_agents(answer: AgentList) -> None:
    rows = [
        {
            "agent": it.extension,
            "queues": ", ".join(it.queues),
            "state": _words(it.state),
            "why": it.why,
            "call": it.call,
            "ready in": _seconds(it.ready_in) if it.state == "wrap_up" else "",
            "idle": _seconds(it.idle),
            "missed": it.missed,
        }
        for it in answer.agents
    ]
    table(rows, "agent", "queues", "state", "why", "call", "ready in", "idle", "missed")


def _show_history(answer: AgentHistory) -> None:
    rows = [
        {
            "at": moment(it.at),
            "what": _words(it.kind),
            "queue": it.queue,
            "call": it.call,
            "why": it.why,
            "waited": _seconds(it.waited) if it.waited else "",
        }
        for it in answer.history
    ]
    table(rows, "at", "what", "queue", "call", "why", "waited")


def _level(queue: QueueStatus) -> str:
    level = next(iter(queue.service_level.values()))
    return "-" if level is None else f"{level:.1f} %"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f}s"
