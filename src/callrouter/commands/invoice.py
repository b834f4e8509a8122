"""`callrouter invoice`: what an account pays for a calendar month."""

import csv
import io
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from callrouter.billing.invoices import Invoice
from callrouter.billing.months import Month, read_month
from callrouter.commands.moments import on_clocks
from callrouter.commands.options import config_option
from callrouter.commands.rate import plans_of
from callrouter.errors import CommandError
from callrouter.observe.terminal_table import Column, table
from callrouter.printable import inert, json_text
from callrouter.settings.settings_file import load_settings
from callrouter.storage.invoice_store import InvoiceStore
from callrouter.yamlfile.wording import shown, suggestion

_PAGE: Final = Path(__file__).with_name("invoice.html")
_NAMES: Final = ("month", "number", "kind", "what", "count", "seconds", "amount")
_COLUMNS: Final = (
    *(Column(name, 6, folds=True, most=64) for name in _NAMES[:4]),
    *(Column(name, right=True) for name in _NAMES[4:]),
)


class _MonthType(click.ParamType[Month]):
    name = "month"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Month:
        """Read 2026-03."""
        if isinstance(value, Month):
            return value
        try:
            return read_month(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("account")
@click.argument("month", type=_MonthType())
@click.option(
    "--close", is_flag=True, help="Close the month: from then on this invoice never changes."
)
@click.option("--json", "form", flag_value="json", help="As JSON.")
@click.option("--csv", "form", flag_value="csv", help="As CSV with a line for each line.")
@click.option("--html", "form", flag_value="html", help="As a page to be printed.")
@click.option(
    *("--plans", "file"),
    type=click.Path(path_type=Path),
    help="The file of rate plans.  [default: that of the dialplan of the settings]",
)
@config_option
@click.option("--database", help="The database itself: sqlite:///calls.db.")
def invoice(
    account: str,
    month: Month,
    close: bool,
    form: str | None,
    file: Path | None,
    config: Path,
    database: str | None,
) -> None:
    """Show what ACCOUNT pays for a calendar MONTH, such as 2026-03.

    Calls are summed by number and kind; fees follow. Until the month is closed it is a draft.
    """
    accounts = plans_of(config, file).accounts
    if account not in accounts:
        hint = suggestion(account, accounts)
        raise CommandError(f"no account is named {shown(account)}{hint}")
    with InvoiceStore(database or load_settings(config).records.database) as store:
        made = store.invoice(accounts[account], month, time.time(), close=close)
    click.echo(_FORMS[form or "text"](made).rstrip("\n"))


def _text(made: Invoice) -> str:
    state = "draft" if made.closed is None else f"closed {on_clocks(made.closed)}"
    rows = [{**row, "month": row["month"] or made.month} for row in _rows(made)]
    lines = table(rows, _COLUMNS)
    return f"invoice {made.id}, {state}\n\n{lines}\ntotal {made.total:f} {made.currency}"


def _csv(made: Invoice) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, ("invoice", *_NAMES, "currency"), lineterminator="\n")
    writer.writeheader()
    for row in _rows(made):
        said = {name: inert(row[name]) for name in ("number", "kind", "what")}
        known = {"invoice": inert(made.id), "currency": made.currency}
        writer.writerow({**row, **said, **known, "month": row["month"] or made.month})
    return text.getvalue()


def _json(made: Invoice) -> str:
    known = {**asdict(made), "lines": _rows(made), "total": f"{made.total:f}"}
    return json_text(known, indent=True)


def _html(made: Invoice) -> str:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - no other form needs it

    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        _PAGE.read_text(encoding="utf-8")
    )
    closed = "" if made.closed is None else on_clocks(made.closed)
    shown_so = {**asdict(made), "lines": _rows(made), "total": f"{made.total:f}"}
    return page.render(invoice=shown_so, closed=closed)


def _rows(made: Invoice) -> list[dict[str, Any]]:
    return [{**asdict(line), "amount": f"{line.amount:f}"} for line in made.lines]


_FORMS: Final = {"text": _text, "csv": _csv, "json": _json, "html": _html}
