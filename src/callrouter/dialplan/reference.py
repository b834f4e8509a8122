"""The key references in docs/dialplan.md and docs/billing.md, written from the grammars themselves.

After a change of a grammar: python -m callrouter.dialplan.reference docs/{dialplan,billing}.md
"""

import inspect
import sys
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic.fields import FieldInfo

from callrouter.dialplan.grammar import dialplan_file as schema
from callrouter.dialplan.grammar import rate_plans
from callrouter.yamlfile.wording import span

BEGIN: Final = "<!-- generated from the grammar: do not edit from here -->"
PLANS_BEGIN: Final = "<!-- generated from the grammar of rate plans: do not edit from here -->"
END: Final = "<!-- to here -->"

_Chapters = tuple[tuple[str, type[schema.StrictModel]], ...]
_CHAPTERS: Final[_Chapters] = (
    ("The file", schema.DialplanFile),
    ("A trunk", schema.TrunkEntry),
    ("A gateway", schema.GatewayEntry),
    ("A session timer", schema.TimerEntry),
    ("Probes of a gateway", schema.ProbeEntry),
    ("Rests of a gateway", schema.RestEntry),
    ("A password", schema.AuthEntry),
    ("A registration with a gateway", schema.RegisterEntry),
    ("A group of gateways", schema.GatewayGroup),
    ("A gateway in a group", schema.MemberEntry),
    ("A target", schema.TargetEntry),
    ("An extension", schema.ExtensionEntry),
    ("An extension's telephones", schema.PhoneEntry),
    ("Forwarded calls of an extension", schema.ForwardEntry),
    ("Calls to outside", schema.OutboundEntry),
    ("Guards against fraud", schema.GuardsEntry),
    ("A first call to a country", schema.NewCountryEntry),
    ("Short calls to a range", schema.ShortCallsEntry),
    ("A line to outside", schema.LineEntry),
    ("A permission", schema.PermissionEntry),
    ("A schedule", schema.ScheduleEntry),
    ("A list of callers", schema.NumberListEntry),
    ("A prompt", schema.Prompt),
    ("A sound for each language", schema.Languages),
    ("A tone", schema.Tone),
    ("Hold music", schema.Music),
    ("A look-up", schema.LookupEntry),
    ("A voicemail box", schema.VoicemailBox),
    ("Messages by mail", schema.MailEntry),
    ("Messages to a webhook", schema.WebhookEntry),
    ("What a voicemail box holds", schema.BoxQuota),
    ("A number", schema.NumberEntry),
    ("Leads in a CRM", schema.CrmEntry),
    ("A table of numbers", schema.NumberTableEntry),
    ("A step of a route", schema.StepEntry),
    ("When a step is taken", schema.When),
    ("A greeting", schema.GreetingEntry),
    ("Confirmation by key", schema.ConfirmEntry),
    ("Call-backs", schema.CallBackEntry),
    ("A promised call-back", schema.CallBackStepEntry),
    ("A feature", schema.FeatureEntry),
    ("A menu", schema.MenuEntry),
    ("What a key of a menu does", schema.ChoiceEntry),
    ("A queue", schema.QueueEntry),
    ("An agent of a queue", schema.QueueAgentEntry),
    ("Announcements of a queue", schema.AnnounceEntry),
    ("The wait in a queue", schema.QueueStepEntry),
    ("Recording", schema.RecordEntry),
    ("A survey", schema.SurveyEntry),
    ("A group", schema.Group),
    ("Options of a hunt, in a step or a group", schema.HuntOptions),
    ("Areas", schema.Areas),
    ("Countries", schema.Countries),
    ("Automatic blocking", schema.AutoBlockEntry),
    ("Reasons", schema.Reasons),
    ("A reason", schema.Reason),
)

_PLANS_CHAPTERS: Final[_Chapters] = (
    ("The file", rate_plans.RatePlanFile),
    ("A rate plan", rate_plans.RatePlanEntry),
    ("A rate", rate_plans.RateEntry),
    ("A period", rate_plans.PricePeriodEntry),
    ("When a period is", schema.When),
    ("A step of the price", rate_plans.PriceStepEntry),
    ("An unanswered call", rate_plans.UnansweredEntry),
    ("An account", rate_plans.AccountEntry),
    ("A fee", rate_plans.FeeEntry),
    ("Mail of an account", rate_plans.AccountMailEntry),
)
_CHAPTERS_BELOW: Final = {BEGIN: _CHAPTERS, PLANS_BEGIN: _PLANS_CHAPTERS}

_INHERITED: Final[dict[type[schema.StrictModel], str]] = {
    schema.HuntOptions: "the options of a hunt",
    schema.StepEntry: "the options of a step of a route",
    schema.NumberEntry: "the keys of a number, which are for all of its numbers",
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


def _chapter(title: str, model: type[schema.StrictModel]) -> str:
    lines = [f"### {title}", "", inspect.getdoc(model) or "", ""]
    lines += ["| key | needed | meaning | example |", "|---|---|---|---|"]
    base: Any = model.__bases__[0]
    inherits = issubclass(base, (schema.HuntOptions, schema.NumberEntry))
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
