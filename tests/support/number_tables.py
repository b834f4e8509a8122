"""A dialplan with a table of numbers, whose rows and rules a test writes."""

from pathlib import Path
from typing import Final

from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.route.rules.compiled_dialplan import Dialplan

HEAD: Final = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
gateways: {out: {address: 192.0.2.1}, spare: {address: sip.example.com}}
gateway_groups: {any: {gateways: [{name: out}, {name: spare, priority: 2}]}}
targets:
  desk: {uri: "sip:desk@192.0.2.9"}
  slow: {uri: "sip:slow@192.0.2.9", ring: 99s}
extensions:
  "101": {phone: {user: "101", password_env: PHONE_101}}
  "102": {targets: [desk]}
lists: {bad: {prefixes: ["0898"]}}
prompts: {hello: {text: Hello}}
schedules: {office: {open: ["Mon-Fri 08:30-17:30"]}}
"""
ALONE: Final = "route: [{hunt: [row]}]"
TABLE: Final = "numbers: {}\nnumber_tables: {customers: {file: rows.csv, ROUTE}}\n"


def loaded(folder: Path, rows: str | bytes, route: str = ALONE, head: str = HEAD) -> Dialplan:
    """Write both files, and load them. Raises ConfigError."""
    raw = rows.encode() if isinstance(rows, str) else rows
    (folder / "rows.csv").write_bytes(raw)
    path = folder / "plan.yaml"
    path.write_text(head + TABLE.replace("ROUTE", route), encoding="utf-8")
    return load_dialplan(path)
