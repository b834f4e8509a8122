"""`callrouter bench`: what a call costs, beside what it costs others."""

import signal
import sys
from dataclasses import asdict
from functools import partial
from typing import Any

import click
import orjson

from callrouter import build
from callrouter.bench.call_profile import PARTS, profile
from callrouter.bench.decision_cost import measure
from callrouter.bench.figures_table import measured_table
from callrouter.bench.flood_measurement import measure_flood
from callrouter.bench.measurement import measure_memory, measure_speed
from callrouter.bench.overload_measurement import measure_overload
from callrouter.bench.sipp import Load
from callrouter.bench.soak import measure_soak
from callrouter.bench.systems_under_test import OTHERS, Callrouter, Subject

_RATIOS = ("cpu_us_per_call", "kib_per_held_call")
_RATE = 1000
_SOAK_RATE = 10
_PROFILE_RATE = 300
_PROFILE_LAG = "5s"  # each look at it makes it late, and calls are not to be refused for that
_SIZES = (10, 100_000)
_ROWS = {
    "known_us": "decide, number called before, us",
    "new_us": "decide, number not called yet, us",
    "list_us": "list of 10, of 1,000,000, us",
    "seconds": "load, s of processor",
    "mib": "load, peak MiB",
}
_LABEL = 34
_COLUMN = 19


@click.command()
@click.option(
    "--rate",
    type=click.IntRange(1),
    help="Calls/s.  [default: 1000; --profile: 300; --soak: 10]",
)
@click.option("--calls", type=click.IntRange(1), help="How many calls to make.")
@click.option("--seconds", type=click.IntRange(1), help="For how long.  [default: 20]")
@click.option("--held", type=click.IntRange(0), default=0, help="Hold so many calls at once, too.")
@click.option(
    "--vs", type=click.Choice(sorted(OTHERS)), multiple=True, help="Measure that as well."
)
@click.option(
    "--transport",
    type=click.Choice(("udp", "tcp", "tls")),
    default="udp",
    show_default=True,
    help="Of callrouter's calls, on both sides.",
)
@click.option(
    "--flood",
    type=click.IntRange(1),
    help="Measure the calls beside so many INVITEs a second from strangers.",
)
@click.option(
    "--sources",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="How many addresses these come from.",
)
@click.option(
    "--soak",
    type=click.IntRange(1),
    metavar="MINUTES",
    help="Measure calls of 30 s for so long, and what they leave behind.",
)
@click.option(
    "--overload",
    type=click.IntRange(2, 20),
    metavar="TIMES",
    help="Measure so many times the calls that there is room for.",
)
@click.option(
    "--capacity",
    type=click.IntRange(100),
    help="Calls/s that --overload lets callrouter take.  [default: what the processor allows]",
)
@click.option("--decide", "decides", is_flag=True, help="Measure decisions and loading instead.")
@click.option("--table", "tabulates", is_flag=True, help="Measure everything: ten minutes.")
@click.option("--profile", "profiles", is_flag=True, help="Say where the time of a call goes.")
def bench(
    rate: int | None,
    calls: int | None,
    seconds: int | None,
    held: int,
    vs: tuple[str],
    transport: str,
    flood: int | None,
    sources: int,
    soak: int | None,
    overload: int | None,
    capacity: int | None,
    decides: bool,
    profiles: bool,
    tabulates: bool,
) -> None:
    """Measure callrouter under SIPp's basic call and print one JSON line.

    callrouter and SIPp are started here, on loopback ports of their own, and stopped in the end.
    A call has failed unless both ends of SIPp saw it through.

    With --table all of it is measured in turn with Kamailio, and written as a table in Markdown.

    With --decide no call is made: a table says what a decision costs, and what it costs to load a
    dialplan of 10 and of 100,000 numbers, plain ones and with all rules on half of them.

    With --profile a table says which parts of callrouter the time of a call goes to. It needs
    py-spy; docs/performance.md says what the parts are.
    """
    # Whoever ends the bench ends what it has started: SystemExit takes it all down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if decides:
        click.echo(_decisions())
        return
    if calls and seconds:
        raise click.UsageError("--calls and --seconds exclude each other")
    if tabulates:
        click.echo(measured_table(seconds or 20, partial(click.echo, err=True)))
        return
    if soak is not None:
        click.echo(orjson.dumps(asdict(measure_soak(rate or _SOAK_RATE, soak))))
        return
    if overload is not None:
        click.echo(orjson.dumps(asdict(measure_overload(overload, seconds or 20, capacity))))
        return
    if profiles:
        rate = rate or _PROFILE_RATE
        click.echo(_profile(transport, Load(calls=calls or rate * (seconds or 20), rate=rate)))
        return
    rate = rate or _RATE
    load = Load(calls=calls or rate * (seconds or 20), rate=rate)
    if flood is not None:
        click.echo(orjson.dumps(asdict(measure_flood(load, flood, sources))))
        return
    click.echo(orjson.dumps(_compared(transport, load, held, vs)))


def _compared(transport: str, load: Load, held: int, vs: tuple[str]) -> dict[str, Any]:
    """Give callrouter's figures by name, with those of others and their ratios in `vs`."""
    ours = _measure(Callrouter(transport), load, held) | {"build": build()}
    others = {name: _measure(OTHERS[name], load, held) for name in dict.fromkeys(vs)}
    for theirs in others.values():
        theirs["ratio"] = {key: _ratio(ours.get(key), theirs.get(key)) for key in _RATIOS}
    if others:
        ours["vs"] = others
    return ours


def _measure(subject: Subject, load: Load, held: int) -> dict[str, Any]:
    """Give the figures of one system by name; those of memory only when calls were to be held."""
    click.echo(f"{subject.name}: {load.calls} calls at {load.rate}/s", err=True)
    figures = asdict(measure_speed(subject, load))
    if held:
        click.echo(f"{subject.name}: {held} calls held", err=True)
        figures |= asdict(measure_memory(subject, held, load.rate))
    return figures


def _decisions() -> str:
    """Measure four dialplans and write a table: microseconds, seconds, MiB."""
    figures = [measure(count, rules) for count in _SIZES for rules in (False, True)]
    plain, ruled = "plain", "all rules"
    heads = [f"{count:,} {kind}" for count in _SIZES for kind in (plain, ruled)]
    lines = [" " * _LABEL + "".join(f"{head:>{_COLUMN}}" for head in heads)]
    for key, label in _ROWS.items():
        cells = "".join(f"{measured[key]:>{_COLUMN}.1f}" for measured in figures)
        lines.append(f"{label:<{_LABEL}}{cells}")
    return "\n".join(lines)


def _profile(transport: str, load: Load) -> str:
    """Profile calls and write a table: each part's share of the time, and microseconds a call."""
    click.echo(f"callrouter: {load.calls} calls at {load.rate}/s", err=True)
    found = profile(Callrouter(transport, lag=_PROFILE_LAG), load)
    lines = [f"{'part':<14}{'share':>8}{'us a call':>12}"]
    for part in PARTS:
        share = found.shares[part]
        lines.append(f"{part:<14}{share:>7.1%}{share * found.cpu_us_per_call:>13.0f}")
    lines += [
        f"{'together':<14}{1:>7.1%}{found.cpu_us_per_call:>13.0f}",
        f"{build()}, {load.rate} calls/s: {found.calls} calls, {found.failed} failed, "
        f"{found.retransmissions} retransmissions, {found.samples} samples",
    ]
    return "\n".join(lines)


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    """Give ours as a multiple of theirs."""
    return round(ours / theirs, 3) if ours and theirs else None
