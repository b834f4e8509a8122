"""The key references in docs/dialplan.md and docs/billing.md, written from the grammars themselves.

After a change of a grammar: python -m callrouter.dialplan.reference docs/{dialplan,billing}.md
"""

import inspect
import sys
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic.fields import FieldInfo

from callrouter.dialplan.grammar import rate_plans
from callrouter.dialplan.grammar.call_back_entries import CallBackEntry, CallBackStepEntry
from callrouter.dialplan.grammar.call_queues import AnnounceEntry, QueueAgentEntry, QueueEntry
from callrouter.dialplan.grammar.call_screening import (
    Areas,
    AutoBlockEntry,
    Countries,
    NumberListEntry,
    Reason,
    Reasons,
)
from callrouter.dialplan.grammar.dialplan_file import (
    DialplanFile,
    NumberEntry,
    NumberTableEntry,
    TargetEntry,
)
from callrouter.dialplan.grammar.event_options import CrmEntry
from callrouter.dialplan.grammar.extensions import ExtensionEntry, ForwardEntry
from callrouter.dialplan.grammar.gateway_failover import (
    GatewayGroup,
    MemberEntry,
    ProbeEntry,
    RestEntry,
)
from callrouter.dialplan.grammar.hunts import Group, HuntOptions, QueueStepEntry, StepEntry
from callrouter.dialplan.grammar.login_credentials import AuthEntry, PhoneEntry, RegisterEntry
from callrouter.dialplan.grammar.lookups import LookupEntry
from callrouter.dialplan.grammar.media_options import (
    ConfirmEntry,
    FeatureEntry,
    GreetingEntry,
    RecordEntry,
    SurveyEntry,
)
from callrouter.dialplan.grammar.menus import ChoiceEntry, MenuEntry
from callrouter.dialplan.grammar.outbound import (
    GuardsEntry,
    LineEntry,
    NewCountryEntry,
    OutboundEntry,
    PermissionEntry,
    ShortCallsEntry,
)
from callrouter.dialplan.grammar.peers import HeadersEntry, TimerEntry
from callrouter.dialplan.grammar.prompts_music import Languages, Music, Prompt, Tone
from callrouter.dialplan.grammar.schedules import ScheduleEntry, When
from callrouter.dialplan.grammar.trunks_gateways import GatewayEntry, TrunkEntry
from callrouter.dialplan.grammar.voicemail_boxes import (
    BoxQuota,
    MailEntry,
    VoicemailBox,
    WebhookEntry,
)
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import span

BEGIN: Final = "<!-- generated from the grammar: do not edit from here -->"
PLANS_BEGIN: Final = "<!-- generated from the grammar of rate plans: do not edit from here -->"
END: Final = "<!-- to here -->"

_Chapters = tuple[tuple[str, type[StrictModel]], ...]
_CHAPTERS: Final[_Chapters] = (
    ("The file", DialplanFile),
    ("A trunk", TrunkEntry),
    ("A gateway", GatewayEntry),
    ("A session timer", TimerEntry),
    ("Headers to a peer", HeadersEntry),
    ("Probes of a gateway", ProbeEntry),
    ("Rests of a gateway", RestEntry),
    ("A password", AuthEntry),
    ("A registration with a gateway", RegisterEntry),
    ("A group of gateways", GatewayGroup),
    ("A gateway in a group", MemberEntry),
    ("A target", TargetEntry),
    ("An extension", ExtensionEntry),
    ("An extension's telephones", PhoneEntry),
    ("Forwarded calls of an extension", ForwardEntry),
    ("Calls to outside", OutboundEntry),
    ("Guards against fraud", GuardsEntry),
    ("A first call to a country", NewCountryEntry),
    ("Short calls to a range", ShortCallsEntry),
    ("A line to outside", LineEntry),
    ("A permission", PermissionEntry),
    ("A schedule", ScheduleEntry),
    ("A list of callers", NumberListEntry),
    ("A prompt", Prompt),
    ("A sound for each language", Languages),
    ("A tone", Tone),
    ("Hold music", Music),
    ("A look-up", LookupEntry),
    ("A voicemail box", VoicemailBox),
    ("Messages by mail", MailEntry),
    ("Messages to a webhook", WebhookEntry),
    ("What a voicemail box holds", BoxQuota),
    ("A number", NumberEntry),
    ("Leads in a CRM", CrmEntry),
    ("A table of numbers", NumberTableEntry),
    ("A step of a route", StepEntry),
    ("When a step is taken", When),
    ("A greeting", GreetingEntry),
    ("Confirmation by key", ConfirmEntry),
    ("Call-backs", CallBackEntry),
    ("A promised call-back", CallBackStepEntry),
    ("A feature", FeatureEntry),
    ("A menu", MenuEntry),
    ("What a key of a menu does", ChoiceEntry),
    ("A queue", QueueEntry),
    ("An agent of a queue", QueueAgentEntry),
    ("Announcements of a queue", AnnounceEntry),
    ("The wait in a queue", QueueStepEntry),
    ("Recording", RecordEntry),
    ("A survey", SurveyEntry),
    ("A group", Group),
    ("Options of a hunt, in a step or a group", HuntOptions),
    ("Areas", Areas),
    ("Countries", Countries),
    ("Automatic blocking", AutoBlockEntry),
    ("Reasons", Reasons),
    ("A reason", Reason),
)

_PLANS_CHAPTERS: Final[_Chapters] = (
    ("The file", rate_plans.RatePlanFile),
    ("A rate plan", rate_plans.RatePlanEntry),
    ("A rate", rate_plans.RateEntry),
    ("A period", rate_plans.PricePeriodEntry),
    ("When a period is", When),
    ("A step of the price", rate_plans.PriceStepEntry),
    ("An unanswered call", rate_plans.UnansweredEntry),
    ("An account", rate_plans.AccountEntry),
    ("A fee", rate_plans.FeeEntry),
    ("Mail of an account", rate_plans.AccountMailEntry),
)
_CHAPTERS_BELOW: Final = {BEGIN: _CHAPTERS, PLANS_BEGIN: _PLANS_CHAPTERS}

_INHERITED: Final[dict[type[StrictModel], str]] = {
    HuntOptions: "the options of a hunt",
    StepEntry: "the options of a step of a route",
    NumberEntry: "the keys of a number, which are for all of its numbers",
}


def reference(begin: str = BEGIN) -> str:
    """Render what stands below a mark as Markdown."""
    return "\n\n".join(_chapter(title, model) for title, model in _CHAPTERS_BELOW[begin])


def update(text: str) -> str:
    """Return a document with the part between its two marks renewed. ValueError without marks."""
    begin = PLANS_BEGIN if PLANS_BEGIN in text else BEGIN
    before, rest = _cut(text, begin)
    _, after = _cut(rest, END)
    return f"{before}{begin}\n\n{reference(begin)}\n\n{END}{after}"


def _cut(text: str, mark: str) -> tuple[str, str]:
    before, found, after = text.partition(mark)
    if not found:
        raise ValueError(f"the document has no line {mark}")
    return before, after


def _chapter(title: str, model: type[StrictModel]) -> str:
    lines = [f"### {title}", "", inspect.getdoc(model) or "", ""]
    lines += ["| key | needed | meaning | example |", "|---|---|---|---|"]
    base: Any = model.__bases__[0]
    inherits = issubclass(base, (HuntOptions, NumberEntry))
    elsewhere = base.model_fields if inherits else {}
    for key, field in model.model_fields.items():
        if key not in elsewhere:
            lines.append(_row(field.alias or key, field))
    if inherits:
        lines += ["", f"And {_INHERITED[base]}."]
    return "\n".join(lines)


def _row(key: str, field: FieldInfo) -> str:
    example = _example({key: (field.examples or [None])[0]})
    return f"| `{key}` | {_needed(field)} | {field.description} | `{example}` |"


def _needed(field: FieldInfo) -> str:
    if field.is_required():
        return "yes"
    default = field.default
    if isinstance(default, bool):
        return f"no; `{str(default).lower()}`"
    if isinstance(default, float):
        return f"no; `{span(default)}`"
    return f"no; `{default}`" if isinstance(default, str) else "no"


def _example(entry: dict[str, Any]) -> str:
    """Write one key and its value as YAML on one line."""
    written: str = yaml.safe_dump(entry, default_flow_style=True, width=1000, sort_keys=False)
    return written.strip().removeprefix("{").removesuffix("}")


if __name__ == "__main__":
    for _document in map(Path, sys.argv[1:]):
        _document.write_text(update(_document.read_text(encoding="utf-8")), encoding="utf-8")
