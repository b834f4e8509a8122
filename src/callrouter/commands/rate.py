"""`callrouter rate`: what a call would cost by a rate plan, block by block."""

import datetime
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from callrouter.commands.moments import moment
from callrouter.commands.options import SECONDS, json_and_config
from callrouter.commands.typed_numbers import NUMBER
from callrouter.dialplan.compile.rate_plan_builder import load_rate_plans
from callrouter.errors import CommandError
from callrouter.printable import json_text, printable
from callrouter.rating.charges import BlockRun, CallUsage, LegUsage
from callrouter.rating.charges import rate as rate_call
from callrouter.rating.packages import Package, PackagedCall, PackagedCharge, pay_legs
from callrouter.rating.rate_plan import RatePlan, RatePlans
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.settings.settings_file import load_settings
from callrouter.yamlfile.marked import Mapping
from callrouter.yamlfile.reader import load
from callrouter.yamlfile.wording import shown, suggestion

_BESIDE: Final = "plans.yaml"
_YEARS: Final = range(2000, 2060)
"""Those for which the clocks of time zones are known."""


@click.command()
@click.option("--plan", required=True, help="The rate plan, by name.")
@click.option(
    *("--plans", "file"),
    type=click.Path(path_type=Path),
    help="The file of rate plans.  [default: that of the dialplan, else plans.yaml beside it]",
)
@click.option(
    "--answered",
    required=True,
    help='When: 2026-03-07T12:01, "Sat 12:01". Without an offset: on the clocks of the plans.',
)
@click.option(
    "--seconds", type=SECONDS, required=True, help="From answer to end; 0 when nobody answered."
)
@click.option("--called", type=NUMBER, default="", help="The called number.")
@click.option("--ringing", type=SECONDS, default="0", help="How long it rang, when not answered.")
@click.option(
    "--forwarded-to", type=NUMBER, help="A number that the caller was put through to, on a leg."
)
@click.option(
    "--forwarded-after",
    type=SECONDS,
    default="0",
    help="Seconds from the call's answer to that of the forwarded leg.",
)
@click.option(
    *("--package", "packages"),
    multiple=True,
    metavar="SECONDS@DATE",
    help="Time that was paid for before, and when it expires: 6000@2026-04-01.",
)
@json_and_config
def rate(
    plan: str,
    file: Path | None,
    answered: str,
    seconds: Decimal,
    called: str,
    ringing: Decimal,
    forwarded_to: str | None,
    forwarded_after: Decimal,
    packages: tuple[str, ...],
    as_json: bool,
    config: Path,
) -> None:
    """Show what a call costs by a rate plan, and the blocks that make its cost.

    Both legs of a forwarded call end together. Of a call that nobody answered, --answered is when
    it began to ring.
    """
    plans = plans_of(config, file)
    zone = ZoneInfo(plans.timezone)
    at = moment("--answered", answered, lambda: zone)
    if at.year not in _YEARS:
        years = f"a year from {_YEARS[0]} to {_YEARS[-1]}"
        raise click.BadParameter(f"expected {years}", param_hint="--answered")
    start = int(at.timestamp())
    found = named_plan(plans, plan)
    legs = []
    if forwarded_to is not None:
        if found.forwarded is None:
            raise CommandError(f"plan {plan} says nothing of forwarded legs: it has no 'forwarded'")
        length = seconds - forwarded_after
        if length < 0:
            raise click.BadParameter("the call had ended by then", param_hint="--forwarded-after")
        target = _number("--forwarded-to", forwarded_to, plans.country)
        legs.append(LegUsage(number=target, at=start + int(forwarded_after), seconds=length))
    inbound = LegUsage(
        number=_number("--called", called, plans.country) if called else "",
        at=start,
        seconds=seconds,
        ringing=ringing,
    )
    charges = rate_call(found, CallUsage(inbound=inbound, forwarded=tuple(legs)))
    if len(set(packages)) < len(packages):
        raise click.BadParameter("one of them is there twice", param_hint="--package")
    paid = pay_legs(charges.legs, [_package(text, zone) for text in packages])
    if as_json:
        click.echo(json_text(_object(plan, charges.currency, paid, zone), indent=True))
        return
    click.echo(f"cost {paid.money:f} {charges.currency}")
    for one in paid.legs:
        _show(one, zone)


def _package(text: str, zone: ZoneInfo) -> Package:
    """Read a package. Raises BadParameter."""
    seconds, _, date = text.partition("@")
    if re.fullmatch("[0-9]{1,9}", seconds, re.ASCII) is None or not date:
        wanted = f"expected seconds and a date, such as 6000@2026-04-01, found {shown(text)}"
        raise click.BadParameter(wanted, param_hint="--package")
    expires = int(moment("--package", date, lambda: zone).timestamp())
    return Package(name=text, seconds=int(seconds), expires=expires)


def plans_of(config: Path, file: Path | None) -> RatePlans:
    """Load rate plans: of a file that was named, else those that the dialplan names.

    Raises ConfigError.
    """
    if file is None:
        dialplan = load_settings(config).dialplan
        data = load(dialplan).data if dialplan.is_file() else None
        named = data.get("rate_plans") if isinstance(data, Mapping) else None
        file = dialplan.parent / (named if isinstance(named, str) else _BESIDE)
    return load_rate_plans(file)


def named_plan(plans: RatePlans, name: str) -> RatePlan:
    """Find a plan. Raises CommandError."""
    if name not in plans.plans:
        hint = suggestion(name, plans.plans) or f"; expected one of {', '.join(plans.plans)}"
        raise CommandError(f"no plan is named {shown(name)}{hint}")
    return plans.plans[name]


def _number(option: str, text: str, country: str) -> str:
    """Read a number as plans know it. Raises BadParameter."""
    number = numbers.written(text, country)
    if not number:
        raise click.BadParameter(f"expected a number, found {shown(text)}", param_hint=option)
    return number


def _show(paid: PackagedCharge, zone: ZoneInfo) -> None:
    leg = paid.charge
    rate_name = f", {printable(leg.rate)}" if leg.rate else ""
    click.echo(f"{leg.plan}{rate_name}: {leg.seconds} s billed, {leg.cost:f}")
    if leg.fee:
        click.echo(f"  fee {leg.fee:f}")
    for run in leg.blocks:
        blocks = "1 block" if run.count == 1 else f"{run.count} blocks"
        period = f" ({run.period})" if run.period else ""
        start = _clock(run.start, zone)
        click.echo(f"  {blocks} of {run.seconds} s at {run.price}{period} from {start}")
    for package, seconds in paid.taken.items():
        click.echo(f"  {seconds} s of them from package {package}")


def _object(plan: str, currency: str, paid: PackagedCall, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "plan": plan,
        "currency": currency,
        "cost": f"{paid.money:f}",
        "legs": [
            {
                "plan": one.charge.plan,
                "rate": one.charge.rate,
                "seconds": one.charge.seconds,
                "fee": f"{one.charge.fee:f}",
                "cost": f"{one.charge.cost:f}",
                "blocks": [_block(run, zone) for run in one.charge.blocks],
                "packages": one.taken,
            }
            for one in paid.legs
        ],
    }


def _block(run: BlockRun, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "from": _clock(run.start, zone),
        "count": run.count,
        "seconds": run.seconds,
        "price": str(run.price),
        "period": run.period,
    }


def _clock(at: int, zone: ZoneInfo) -> str:
    return datetime.datetime.fromtimestamp(at, zone).isoformat(" ")
