"""Each key of the grammar, at each place where it may stand, changes what `route` gets.

The keys and their places are those of the JSON Schema, so a new key is walked too, with the example
of its own description. It is set in one of two entries that were written alike: what the compiler
keeps of the first must not be taken for the second. A key that changes nothing by itself stands in
`WITHOUT_EFFECT` with the reason.
"""

import json
from array import array
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml
from support.compiled import attributes

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.dialplan.grammar.field_types import NAME_TEXT
from callrouter.errors import ConfigError
from callrouter.json_schema import dialplan_schema
from callrouter.route.values.plan import Verdict
from callrouter.yamlfile.reader import parse

ROOT: Final = "DialplanFile"
SOUNDS: Final = ("welcome.wav", "welcome-en.wav", "welcome-zh.wav", "music.mp3", "piano.mp3")

PLANS: Final = """
country: CN
plans:
  toll_free: {currency: CNY, blocks: 60/60, price: 1/min}
  outbound: {currency: CNY, blocks: 60/60, price: 2/min}
accounts:
  acme: {kind: prepaid, currency: CNY}
  varied-account: {kind: prepaid, currency: CNY}
"""

DIALPLAN: Final[dict[str, Any]] = yaml.safe_load("""
country: CN
rate_plans: usual-plans.yaml
trunks:
  carrier: {addresses: [192.0.2.0/24]}
  varied-trunk: {addresses: [198.51.100.0/24]}
gateways:
  carrier_a: {address: 192.0.2.1, auth: {user: u, password_env: P}, register: {}}
  carrier_b: {address: 192.0.2.2}
  carrier_c: {address: 192.0.2.2}
  varied-gateway: {address: 192.0.2.2}
gateway_groups:
  out: {gateways: [{name: carrier_a}, {name: carrier_b}]}
  varied-out: {gateways: [{name: carrier_a}, {name: carrier_b}]}
targets:
  reception: {number: "1", via: carrier_a}
  desk: {number: "2", via: varied-gateway}
  mobile: {number: "3", via: varied-out}
  spare: {number: "4", via: carrier_b}
  li_mobile: {number: "5", via: carrier_b}
  varied-target: {number: "4", via: carrier_b}
extensions:
  "101":
    targets: [desk]
    phone: {user: "101", password_env: P}
    permission: varied-permission
  "102": {targets: [desk]}
  "103": {targets: [desk]}
outbound: {emergency: [main], permission: staff}
outbound_lines:
  main: {via: carrier_b}
  varied-line: {via: carrier_b}
permissions:
  staff: {}
  varied-permission: {}
groups:
  sales: {hunt: [reception, desk]}
  varied-group: {hunt: [reception, desk]}
menus:
  main: {prompt: closed, keys: {"9": reception}}
  service: {prompt: closed, keys: {"9": reception}}
  varied-menu: {prompt: closed, keys: {"9": reception}}
queues:
  support: {agents: ["101"]}
  varied-queue: {agents: ["101"]}
call_backs:
  missed: {queue: support, via: carrier_b}
  varied-rule: {queue: support, via: carrier_b}
balance_calls:
  varied-owner:
    account: varied-account
    number: "+8613800138000"
    via: carrier_b
    caller_id: "4001"
    prompt: closed
schedules:
  office: {open: ["Mon-Fri 08:00-17:00"]}
  varied-hours: {open: ["Mon-Fri 08:00-17:00"]}
lists:
  partners: {prefixes: ["0755"]}
  nuisance: {prefixes: ["0755"]}
  staff: {prefixes: ["0755"]}
  competitors: {prefixes: ["0755"]}
  varied-list: {prefixes: ["0755"]}
prompts:
  welcome: {text: Hello.}
  closed: {text: Hello.}
  please-wait: {text: Hello.}
  choose: {text: Hello.}
  press-one: {text: Hello.}
  wrong-key: {text: Hello.}
  lab-bye: {text: Hello.}
  sales-away: {text: Hello.}
  recorded: {text: Hello.}
  how-was-it: {text: Hello.}
  thanks: {text: Hello.}
  balance-is-low: {text: Hello.}
  varied-prompt: {text: Hello.}
hold_music:
  melody: piano.mp3
  varied-music: {file: piano.mp3}
lookups:
  crm: {url: "http://192.0.2.9/{caller}"}
  varied-lookup: {url: "http://192.0.2.9/{caller}"}
  portability: {url: "http://192.0.2.9/{called}"}
voicemail:
  sales: {pin_env: P}
  li: {pin_env: P}
  varied-box: {pin_env: P}
number_tables:
  usual-table: {file: usual.csv, route: [{hunt: [reception, desk]}]}
  varied-table: {file: varied.csv, route: [{hunt: [reception, desk]}]}
numbers:
  "4000": {route: [{hunt: [reception, desk]}]}
  "4001": {route: [{hunt: [reception, desk]}]}
  "4002":
    only: [varied-list]
    lookup: varied-lookup
    route:
      - {hunt: [reception, mobile, spare, varied-target], when: {schedule: varied-hours}}
      - {hunt: varied-group}
""")
VARIED: Final = {
    "trunks": "varied-trunk",
    "gateways": "varied-gateway",
    "gateway_groups": "varied-out",
    "targets": "varied-target",
    "extensions": "102",
    "outbound_lines": "varied-line",
    "permissions": "varied-permission",
    "groups": "varied-group",
    "menus": "varied-menu",
    "queues": "varied-queue",
    "call_backs": "varied-rule",
    "balance_calls": "varied-owner",
    "schedules": "varied-hours",
    "lists": "varied-list",
    "prompts": "varied-prompt",
    "hold_music": "varied-music",
    "lookups": "varied-lookup",
    "voicemail": "varied-box",
    "numbers": "4001",
    "number_tables": "varied-table",
    "keys": "1",
}
"""The entry that is changed, by the key of its section."""

LOGIN: Final = {"user": "u", "password_env": "P"}
AT_LEAST: Final[dict[str, dict[str, Any]]] = {
    "AuthEntry": LOGIN,
    "PhoneEntry": LOGIN,
    "MemberEntry": {"name": "varied-gateway"},
    "OutboundEntry": {"emergency": ["main"]},
    "StepEntry": {"hunt": ["reception", "desk"]},
    "ChoiceEntry": {"hunt": ["reception", "desk"]},
    "hunt": {"name": "mobile", "weight": 1},
    "backup": {"name": "mobile", "weight": 1},
    "When": {"schedule": "varied-hours"},
    "GreetingEntry": {"prompts": "closed"},
    "ConfirmEntry": {"key": "9"},
    "FeatureEntry": {"presence": "back"},
    "CrmEntry": {"create": "inbound"},
    "AutoBlockEntry": {"calls": 9, "within": "9s", "for": "9s"},
    "QueueEntry": {"agents": ["101"]},
    "QueueAgentEntry": {"extension": "102"},
    "QueueStepEntry": {"name": "support"},
    "CallBackEntry": {"queue": "support", "via": "carrier_b"},
    "CallBackStepEntry": {"name": "varied-rule"},
    "Areas": {"refuse": ["0755"]},
    "Countries": {"allow": ["VN"]},
    "Tone": {"hertz": 400, "for": "1s"},
    "SoundEntry": {"text": "Hello."},
    "Languages": {"en": {"text": "Hello."}},
    "MailEntry": {"to": "a@example.org", "from": "b@example.org", "server": "mail.example.org"},
    "WebhookEntry": {"url": "http://192.0.2.9/", "secret_env": "P"},
}
"""What a mapping of a kind has at least, where that is something."""


class Mapped(NamedTuple):
    """A mapping on the way to a key: its kind, the key of what is in it, and how that is in it.

    within: [] for an item of a list, {} for an entry of a section.
    """

    kind: str
    key: str
    within: str


class Place(NamedTuple):
    """A key at a place. above: the mappings around it. schema: what the JSON Schema says of it."""

    above: tuple[Mapped, ...]
    kind: str
    key: str
    schema: dict[str, Any]

    @property
    def id(self) -> str:
        """The key and the kind of mapping it belongs to."""
        return f"{self.kind}.{self.key}"

    @property
    def name(self) -> str:
        """The whole way to it."""
        return ".".join([f"{it.key}{it.within}" for it in self.above] + [self.key])


def walked(kind: str, made: dict[str, Any], above: tuple[Mapped, ...]) -> Iterator[Place]:
    """All places of a mapping and of those inside."""
    for key, schema in made["properties"].items():
        yield Place(above, kind, key, schema)
        for inner, name, within in mappings(schema, key):
            yield from walked(name, inner, (*above, Mapped(kind, key, within)))


def mappings(schema: Any, name: str, within: str = "") -> Iterator[tuple[dict[str, Any], str, str]]:
    """The mappings that may stand under a key: what they are, their kind, and how they stand."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = SCHEMA["$defs"][name]
    if "properties" in schema:
        yield schema, name, within
        return
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from mappings(choice, name, within)
    yield from mappings(schema.get("items"), name, "[]")
    for entries in (
        schema.get("additionalProperties"),
        *schema.get("patternProperties", {}).values(),
    ):
        yield from mappings(entries, name, "{}")


SCHEMA: Final = dialplan_schema()
PLACES: Final = tuple(walked(ROOT, SCHEMA, ()))


BESIDE: Final[dict[str, dict[str, Any]]] = {
    "TrunkEntry.caller": {"trusted": True},
    "GatewayEntry.tls_name": {"transport": "tls"},
    "GatewayEntry.register": {"auth": LOGIN},
    "TargetEntry.tls_name": {"number": None, "via": None, "uri": "sips:a@192.0.2.9"},
    "ExtensionEntry.mobile": {"mobile": "spare", "on_no_answer": ["mobile"]},
    "ExtensionEntry.voicemail": {"voicemail": "sales", "on_no_answer": ["voicemail"]},
    "ExtensionEntry.on_no_answer": {"mobile": "li_mobile", "voicemail": "li"},
    "Group.every": {"strategy": "staggered", "every": "9s"},
    "StepEntry.every": {"strategy": "staggered", "every": "9s"},
    "ChoiceEntry.every": {"strategy": "staggered", "every": "9s"},
    "Group.hunt": {"strategy": "weighted"},
    "StepEntry.hunt": {"strategy": "weighted"},
    "ChoiceEntry.hunt": {"strategy": "weighted"},
    "StepEntry.answer": {"hunt": None, "play": "closed"},
    "ChoiceEntry.answer": {"hunt": None, "play": "closed"},
    "StepEntry.feature": {"hunt": None, "feature": {"presence": "back"}},
    "ChoiceEntry.feature": {"hunt": None, "feature": {"presence": "back"}},
    "StepEntry.queue": {"hunt": None, "queue": {"name": "support"}},
    "ChoiceEntry.queue": {"hunt": None, "queue": {"name": "support"}},
    "StepEntry.call_back": {"hunt": None, "call_back": {"name": "missed"}},
    "ChoiceEntry.call_back": {"hunt": None, "call_back": {"name": "missed"}},
    "FeatureEntry.forward": {"presence": None, "schedule": "office", "to": "open"},
    "FeatureEntry.to": {"presence": None, "schedule": "office", "to": "open"},
    "FeatureEntry.schedule": {"presence": None, "schedule": "varied-hours", "to": "open"},
    "MailEntry.user": LOGIN,
    "MailEntry.password_file": LOGIN,
    "MailEntry.password_env": LOGIN,
    "Prompt.tone": {"text": None, "tone": {"hertz": 400, "for": "1s"}},
    "Prompt.languages": {"text": None, "languages": {"en": "piano.mp3"}},
    "SoundEntry.tone": {"text": None, "tone": {"hertz": 400, "for": "1s"}},
    "NumberEntry.overflow": {"lines": 9, "overflow": [{"hunt": ["spare"]}]},
    "NumberTableEntry.overflow": {"lines": 9, "overflow": [{"hunt": ["spare"]}]},
}
"""What a mapping has beside a key, or under it before; None: not what it has at least."""

FROM_A_FILE: Final = {"password_env": None, "password_file": "secret"}
INSTEAD: Final[dict[str, dict[str, Any]]] = {
    "DialplanFile.country": {"country": "VN"},
    "DialplanFile.gateway_groups": {
        "gateway_groups": {"varied-out": {"gateways": [{"name": "carrier_c"}]}}
    },
    "DialplanFile.groups": {"groups": {"varied-group": {"hunt": ["spare"]}}},
    "DialplanFile.lists": {"lists": {"varied-list": {"prefixes": ["0898"]}}},
    "DialplanFile.lookups": {"lookups": {"varied-lookup": {"url": "http://192.0.2.9/of/{caller}"}}},
    "DialplanFile.number_tables": {
        "number_tables": {"varied-table": {"file": "customers.csv", "route": [{"hunt": ["desk"]}]}}
    },
    "DialplanFile.session_timer": {"session_timer": "off"},
    "DialplanFile.longest_call": {"longest_call": "9h"},
    "DialplanFile.reasons": {"reasons": {"unknown_number": {"status": 499}}},
    "TrunkEntry.phones": {"addresses": None, "phones": True},
    "TrunkEntry.registered": {"addresses": None, "registered": "carrier_a"},
    "TimerEntry.expires": {"expires": "1200s"},
    "TimerEntry.min": {"min": "120s"},
    "TimerEntry.ask_every": {"ask_every": "120s"},
    "AuthEntry.password_file": FROM_A_FILE,
    "MemberEntry.name": {"name": "carrier_c"},
    "RegisterEntry.expires": {"expires": "9m"},
    "TargetEntry.uri": {"number": None, "via": None, "uri": "sip:a@192.0.2.9"},
    "TargetEntry.extension": {"number": None, "via": None, "extension": "101"},
    "ExtensionEntry.phone": {"phone": LOGIN},
    "ExtensionEntry.permission": {"permission": "varied-permission"},
    "OutboundEntry.emergency": {"emergency": ["varied-line"]},
    "PermissionEntry.international_calls": {"international_calls": 9},
    "PermissionEntry.longest_international": {"longest_international": "9m"},
    "PhoneEntry.user": {"user": "v"},
    "PhoneEntry.password_file": FROM_A_FILE,
    "hunt.name": {"name": "spare"},
    "hunt.weight": {"weight": 9},
    "backup.name": {"name": "spare"},
    "backup.weight": {"weight": 9},
    "Group.ring": {"ring": "9s"},
    "Group.progress": {"progress": "9s"},
    "StepEntry.ring": {"ring": "9s"},
    "StepEntry.progress": {"progress": "9s"},
    "StepEntry.hunt": {"hunt": ["desk", "reception"]},
    "StepEntry.play": {"hunt": None, "play": "closed"},
    "StepEntry.menu": {"hunt": None, "menu": "main"},
    "StepEntry.queue": {"hunt": None, "queue": "varied-queue"},
    "StepEntry.voicemail": {"hunt": None, "voicemail": "sales"},
    "StepEntry.call_back": {"hunt": None, "call_back": "varied-rule"},
    "StepEntry.messages": {"hunt": None, "messages": "sales"},
    "ChoiceEntry.ring": {"ring": "9s"},
    "ChoiceEntry.progress": {"progress": "9s"},
    "ChoiceEntry.hunt": {"hunt": ["desk", "reception"]},
    "ChoiceEntry.play": {"hunt": None, "play": "closed"},
    "ChoiceEntry.menu": {"hunt": None, "menu": "main"},
    "ChoiceEntry.queue": {"hunt": None, "queue": "varied-queue"},
    "ChoiceEntry.voicemail": {"hunt": None, "voicemail": "sales"},
    "ChoiceEntry.call_back": {"hunt": None, "call_back": "varied-rule"},
    "ChoiceEntry.messages": {"hunt": None, "messages": "sales"},
    "DialplanFile.queues": {"queues": {"varied-queue": {"agents": ["102"]}}},
    "AnnounceEntry.every": {"every": "9s"},
    "QueueEntry.music": {"music": "melody"},
    "QueueEntry.agents": {"agents": ["102"]},
    "QueueAgentEntry.extension": {"extension": "103"},
    "QueueStepEntry.name": {"name": "varied-queue"},
    "NumberEntry.call_back": {"call_back": "varied-rule"},
    "NumberTableEntry.call_back": {"call_back": "varied-rule"},
    "CallBackEntry.queue": {"queue": "varied-queue"},
    "CallBackEntry.via": {"via": "varied-gateway"},
    "CallBackEntry.delay": {"delay": "9s"},
    "CallBackStepEntry.name": {"name": "missed"},
    "CallBackStepEntry.prompt": {"prompt": "closed"},
    "QueueEntry.after_no_answer": {"after_no_answer": "9s"},
    "FeatureEntry.forward": {"schedule": None, "to": None, "forward": "none"},
    "FeatureEntry.supervise": {"presence": None, "supervise": "barge"},
    "MenuEntry.between": {"between": "9s"},
    "Prompt.file": {"text": None, "file": "welcome.wav"},
    "SoundEntry.file": {"text": None, "file": "welcome.wav"},
    "LookupEntry.cache": {"cache": "9m"},
    "LookupEntry.cache_unknown": {"cache_unknown": "9m"},
    "VoicemailBox.pin_file": {"pin_env": None, "pin_file": "secret"},
    "VoicemailBox.keep": {"keep": "9d"},
    "MailEntry.password_file": FROM_A_FILE,
    "WebhookEntry.secret_file": {"secret_env": None, "secret_file": "secret"},
    "Areas.withheld": {"withheld": "refuse"},
    "RecordEntry.keep": {"keep": "9d"},
    "SurveyEntry.wait": {"wait": "9s"},
    "Reason.status": {"status": 499},
    "Reason.cause": {"cause": 99},
    "Reasons.unknown_number": {"unknown_number": {"status": 499}},
}
"""What a mapping gets, where the example of the key is no other value or cannot be alone."""

WITHOUT_EFFECT: Final[dict[str, str]] = {
    "ExtensionEntry.name": "it is for people",
    "NumberEntry.virtual": "`check` holds it against the caller IDs",
    "NumberTableEntry.virtual": "`check` holds it against the caller IDs",
    "TrunkEntry.answer_within": "`check` warns by it",
}
"""Why the route is the same with a key and without it."""

REFUSED: Final[dict[str, str]] = {
    "gateways{}.auth.without_qop": "a gateway's challenge says whether it wants qop",
    "menus{}.keys{}.final": "it belongs to the last step",
    "queues{}.keys{}.final": "it belongs to the last step",
    **{
        f"{place}.feature.supervise": "whom it is about is dialled behind the code"
        for place in (
            *("menus{}.keys{}", "queues{}.keys{}", "numbers{}.route[]", "numbers{}.overflow[]"),
            *("number_tables{}.route[]", "number_tables{}.overflow[]"),
        )
    },
}
"""What is said at a place where a key must not stand though its mapping has it."""


def mapping_at(place: Place) -> tuple[dict[str, Any], dict[str, Any]]:
    """A dialplan that has a mapping at a place, and that mapping."""
    whole = node = deepcopy(DIALPLAN)
    kinds = [outer.kind for outer in place.above] + [place.kind]
    for outer, kind in zip(place.above, kinds[1:], strict=True):
        said(node, BESIDE.get(f"{outer.kind}.{outer.key}", {}))
        inner = deepcopy(AT_LEAST.get(kind, {}))
        if outer.within == "{}":
            entries = node.setdefault(outer.key, {})
            inner = entries.setdefault(VARIED[outer.key], inner)
        else:
            node[outer.key] = [*node.get(outer.key, ()), inner] if outer.within else inner
        node = inner
    return whole, node


def said(node: dict[str, Any], more: dict[str, Any]) -> None:
    """Say more in a mapping, and in those of it that are sections; None takes back."""
    for key, value in deepcopy(more).items():
        if value is None:
            node.pop(key, None)
        elif key in VARIED and isinstance(value, dict):
            node[key] = {**node.get(key, {}), **value}
        else:
            node[key] = value


@cache
def compiled(text: str, folder: Path) -> Any:
    """What a dialplan is compiled to, without the places in its file and the words of verdicts."""
    return laid_out(compile_dialplan(parse(text, str(folder / "dialplan.yaml"))), {})


_PLAIN: Final = (str, int, float, Decimal, type(None))
_OF_THE_FILE: Final = {"column", "file", "files", "line", "numbers_line", "version"}


def laid_out(value: Any, known: dict[int, Any]) -> Any:
    """Lay out a value and all that hangs on it. known: what was laid out before, by identity."""
    if isinstance(value, _PLAIN):
        return value
    if id(value) not in known:
        known[id(value)] = _laid_out(value, known)
    return known[id(value)]


def _laid_out(value: Any, known: dict[int, Any]) -> Any:
    if isinstance(value, Verdict):
        return None
    if isinstance(value, dict):
        return [(key, laid_out(each, known)) for key, each in value.items()]
    if isinstance(value, list | tuple | array):
        return [laid_out(each, known) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(value)
    assert type(value).__module__.startswith("callrouter."), value
    own = attributes(type(value)) or vars(value)
    kept = [name for name in own if name not in _OF_THE_FILE]
    return type(value).__name__, [laid_out(getattr(value, name), known) for name in kept]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the dialplan, with its sounds."""
    made = tmp_path_factory.mktemp("dialplan")
    for name in SOUNDS:
        (made / name).write_bytes(name.encode())
    (made / "nuisance.txt").write_text("0898*\n")
    for at, name in enumerate(("usual", "varied", "customers")):
        (made / f"{name}.csv").write_text(f"number\n500{at}\n")
    (made / "usual-plans.yaml").write_text(PLANS)
    (made / "plans.yaml").write_text(PLANS.replace("2/min", "3/min"))
    return made


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_key_changes_what_route_gets(place: Place, folder: Path) -> None:
    plain, before = mapping_at(place)
    said(before, BESIDE.get(place.id, {}))
    changed, after = mapping_at(place)
    said(after, BESIDE.get(place.id, {}))
    said(after, INSTEAD.get(place.id) or {place.key: place.schema["examples"][0]})
    assert changed != plain, "the example says what is so already"
    if place.name in REFUSED:
        with pytest.raises(ConfigError, match=REFUSED[place.name]):
            compiled(json.dumps(changed), folder)
        return
    same = compiled(json.dumps(plain), folder) == compiled(json.dumps(changed), folder)
    assert same == (place.id in WITHOUT_EFFECT)


def named(schema: dict[str, Any]) -> list[Any]:
    """What a key can have that is a name, or has one: each with a name that nothing has."""
    if schema.get("pattern") == NAME_TEXT:
        return ["nobody"]
    found = [value for each in schema.get("anyOf", ()) for value in named(each)]
    return found + ([[value] for value in named(schema["items"])] if "items" in schema else [])


NAMED: Final = [(place, value) for place in PLACES for value in named(place.schema)]


@pytest.mark.parametrize(
    ("place", "value"), NAMED, ids=[f"{place.name}={value}" for place, value in NAMED]
)
def test_name_that_nothing_has_is_a_mistake(place: Place, value: Any, folder: Path) -> None:
    whole, mapping = mapping_at(place)
    said(mapping, BESIDE.get(place.id, {}))
    said(mapping, INSTEAD.get(place.id, {}) | {place.key: value})
    with pytest.raises(ConfigError, match="is named 'nobody'"):
        compiled(json.dumps(whole), folder)


def test_only_keys_of_the_grammar_are_excused() -> None:
    assert {place.id for place in PLACES} >= {*BESIDE, *INSTEAD, *WITHOUT_EFFECT}
    assert {place.name for place in PLACES} >= {*REFUSED}
