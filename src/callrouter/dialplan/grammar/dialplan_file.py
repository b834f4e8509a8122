"""The grammar of a dialplan file: each key, what it means and an example.

The reference in docs/dialplan.md is generated from here, and so are the error messages' lists of
keys. Names that one key uses and another defines are checked by the compiler.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.call_back_entries import CallBackEntry
from callrouter.dialplan.grammar.call_queues import QueueEntry
from callrouter.dialplan.grammar.call_screening import (
    Areas,
    AutoBlockEntry,
    Countries,
    FileName,
    From,
    NumberListEntry,
    NumberReasons,
    Reasons,
)
from callrouter.dialplan.grammar.event_options import EventOptions
from callrouter.dialplan.grammar.extensions import ExtensionEntry
from callrouter.dialplan.grammar.field_types import Country, Name
from callrouter.dialplan.grammar.gateway_failover import (
    GatewayGroup,
)
from callrouter.dialplan.grammar.hunts import (
    Group,
    Rings,
    StepEntry,
)
from callrouter.dialplan.grammar.login_credentials import (
    Realm,
)
from callrouter.dialplan.grammar.lookups import LookupEntry
from callrouter.dialplan.grammar.media_options import (
    Record,
    Survey,
)
from callrouter.dialplan.grammar.menus import MenuEntry
from callrouter.dialplan.grammar.names import (
    AccountName,
    CallBackName,
    Extension,
    GatewayOrGroup,
    ListName,
    LookupName,
    MusicName,
    RatePlanName,
)
from callrouter.dialplan.grammar.outbound import (
    BalanceCallEntry,
    LineEntry,
    OutboundEntry,
    PermissionEntry,
)
from callrouter.dialplan.grammar.peers import SessionTimer
from callrouter.dialplan.grammar.prompts_music import Language, Music, Prompt
from callrouter.dialplan.grammar.schedules import ScheduleEntry, Timezone
from callrouter.dialplan.grammar.trunks_gateways import GatewayEntry, TrunkEntry
from callrouter.dialplan.grammar.voicemail_boxes import (
    VoicemailBox,
)
from callrouter.route.rules.number_rules import LONGEST_CALL
from callrouter.yamlfile.mistakes import StrictModel


class TargetEntry(StrictModel):
    """One place to ring: a number by way of a gateway, a SIP URI, or registered telephones."""

    number: fields.Dial | None = Field(
        default=None,
        description="Number to dial, as the gateway wants it.",
        examples=["07561234567"],
    )
    via: GatewayOrGroup | None = Field(
        default=None,
        description="The gateway, or group of gateways, that `number` is dialled by.",
        examples=["carrier_a"],
    )
    uri: fields.Uri | None = Field(
        default=None,
        description="SIP URI to ring, with an IP address or a DNS name as its host.",
        examples=["sip:desk@192.0.2.9:5060;transport=tcp"],
    )
    extension: Extension | None = Field(
        default=None,
        description="All telephones that are registered for this extension, together.",
        examples=["101"],
    )
    tls_name: fields.HostName | None = Field(
        default=None,
        description="The name that the certificate must have where `uri` goes by TLS. When left "
        "out: the IP address.",
        examples=["desk.example.com"],
    )
    ring: fields.Ring | None = Field(
        default=None,
        description="How long this target rings, wherever it is used: 1s to 300s.",
        examples=["25s"],
    )
    rate_plan: RatePlanName | None = Field(
        default=None,
        description="The rate plan that its legs are charged by. When left out: the one that is "
        "`forwarded` of the number's, and only what is dialled by a gateway.",
        examples=["outbound"],
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.number, self.uri, self.extension).count(None) != 2:
            raise ValueError("expected either 'number' with 'via', or 'uri', or 'extension'")
        if (self.number is None) != (self.via is None):
            raise ValueError("expected 'number' and 'via' together")
        if self.tls_name is not None and (self.uri is None or self.uri.transport != "tls"):
            raise ValueError("expected a 'uri' that goes by TLS where there is 'tls_name'")
        return self


Backup = Annotated[list[Rings], Field(min_length=1)]


class NumberEntry(EventOptions):
    """What happens to calls for a number. Callers are looked at first, then lines, then steps."""

    name: fields.Label | None = Field(
        default=None, description="What it is for.", examples=["Head office"]
    )
    suspended: bool = Field(
        default=False, description="`true`: it takes no calls.", examples=[True]
    )
    virtual: bool = Field(
        default=False,
        description="`true`: it can be called, and has no line to call out by, so that it can be "
        "no `caller_id`.",
        examples=[True],
    )
    from_: From | None = Field(
        default=None,
        alias="from",
        description="From where it may be called: trunks by name, `extensions` for the telephones "
        "that register, or `anyone`. From elsewhere it is as if it did not exist. When left out: "
        "`anyone`, or `extensions` where the route has `feature` or `messages` and beside them at "
        "most `play`. Other routes and menus lead only extensions, and whom `from` names, there.",
        examples=[["carrier", "extensions"]],
    )
    only: list[ListName] | None = Field(
        default=None,
        min_length=1,
        description="Lists whose callers alone may call it, beside those of `allow`.",
        examples=[["staff"]],
    )
    allow: list[ListName] | None = Field(
        default=None,
        description="Lists whose callers pass all other rules about callers, here and for all "
        "numbers: `only`, `block`, `areas`, `countries` and every block, by hand or automatic.",
        examples=[["partners"]],
    )
    block: list[ListName] | None = Field(
        default=None, description="Lists whose callers are refused.", examples=[["nuisance"]]
    )
    areas: Areas | None = Field(
        default=None,
        description="From which areas it may be called.",
        examples=[{"allow": ["Guangdong", "0756"]}],
    )
    countries: Countries | None = Field(
        default=None,
        description="From which countries it may be called.",
        examples=[{"allow": ["CN"], "except": ["partners"]}],
    )
    auto_block: AutoBlockEntry | None = Field(
        default=None,
        description="Block callers who call it too often. When left out: that of the dialplan.",
        examples=[{"calls": 3, "within": "10s", "for": "20s"}],
    )
    lines: fields.Lines | None = Field(
        default=None, description="Calls it may have at the same time.", examples=[10]
    )
    longest_call: fields.LongestCall | None = Field(
        default=None,
        description="How long a call to it may last from its answer on. When left out: as long as "
        "the dialplan says.",
        examples=["30m"],
    )
    rate_plan: RatePlanName | None = Field(
        default=None,
        description="The rate plan that its calls are charged by. When left out: they cost "
        "nothing, but for legs to targets that have one.",
        examples=["toll_free"],
    )
    account: AccountName | None = Field(
        default=None, description="The account that pays for its calls.", examples=["acme"]
    )
    overflow: list[StepEntry] | None = Field(
        default=None,
        min_length=1,
        description="Steps for calls beyond `lines`, instead of the refusal.",
        examples=[[{"hunt": ["mobile"]}]],
    )
    to_header: Literal["extensions"] | None = Field(
        default=None,
        description="`extensions`: the extension that the To: header names (its user, or "
        "`;ext=`) rings first; not answered, the route follows.",
        examples=["extensions"],
    )
    lookup: LookupName | None = Field(
        default=None,
        description="The look-up that says which extension is responsible for the caller: that "
        "one rings first; not answered, the route follows. Who is named by `To:` comes before.",
        examples=["crm"],
    )
    call_back: CallBackName | None = Field(
        default=None,
        description="How callers of it are called back whom nobody has answered.",
        examples=["support"],
    )
    route: list[StepEntry] = Field(
        min_length=1,
        description="Steps, taken one after the other until somebody answers.",
        examples=[[{"hunt": ["reception"]}]],
    )
    language: Language | None = Field(
        default=None,
        description="The language of its prompts. When left out: that of the dialplan.",
        examples=["zh"],
    )
    hold_music: MusicName | None = Field(
        default=None,
        description="What a party on hold hears. When left out: what the other party's telephone "
        "does about it.",
        examples=["melody"],
    )
    record: Record | None = Field(
        default=None,
        description="Record its answered calls; `true` is the usual way.",
        examples=[{"sides": "stereo", "keep": "30d"}],
    )
    survey: Survey | None = Field(
        default=None,
        description="Ask the caller for one key when the callee has hung up; `true` is the usual "
        "question.",
        examples=[{"keys": "12345"}],
    )
    backup: Backup | None = Field(
        default=None,
        description="Rings when every gateway of the route is down. When left out: that of the "
        "dialplan.",
        examples=[["mobile"]],
    )
    reasons: NumberReasons | None = Field(
        default=None,
        description="Refusals of this number; what is left out is as for all numbers.",
        examples=[{"blocked_caller": {"status": 603}}],
    )


class NumberTableEntry(NumberEntry):
    """Numbers with the same rules, each in a row of a CSV file.

    `row` in a hunt, or in `backup`, is what the row of the called number says that it rings.
    """

    file: FileName = Field(
        description="A CSV file in the folder of the dialplan or below, in UTF-8. Its first line "
        "names the columns. `number`: a number or code, no prefix or pattern. What `row` rings, of "
        "which each row has one: `uri`; `dial` and `via`; `target`; `extension`, each as in "
        "`targets`. `name`: what it is for.",
        examples=["customers.csv"],
    )


class DialplanFile(StrictModel):
    """A dialplan file."""

    country: Country = Field(description="How national numbers are read.", examples=["CN"])
    timezone: Timezone | None = Field(
        default=None,
        description="The time zone its hours are in. When left out: UTC.",
        examples=["Asia/Shanghai"],
    )
    language: Language = Field(
        default="en",
        description="The language callers hear, unless they or a number choose another: `en`, "
        "`zh` or `vi`.",
        examples=["zh"],
    )
    realm: Realm = Field(
        default="callrouter",
        description="What telephones, and trunks that are known by their credentials alone, are "
        "challenged with. A change of it needs new settings at each of them.",
        examples=["office.example.com"],
    )
    algorithms: list[Literal["SHA-256", "MD5"]] = Field(
        default=["SHA-256", "MD5"],
        min_length=1,
        max_length=2,
        description="How passwords are proven to us, in the order offered. Some telephones look at "
        "the first alone, and know only MD5: put that first for them.",
        examples=[["MD5", "SHA-256"]],
    )
    trunks: dict[Name, TrunkEntry] = Field(
        description="Where calls come from, by name.",
        examples=[{"carrier": {"addresses": ["203.0.113.0/24"]}}],
    )
    gateways: dict[Name, GatewayEntry] = Field(
        default={},
        description="Where calls to telephone numbers go out, by name.",
        examples=[{"carrier_a": {"address": "192.0.2.1:5060"}}],
    )
    gateway_groups: dict[Name, GatewayGroup] = Field(
        default={},
        description="Gateways that stand in for each other, by name.",
        examples=[{"out": {"gateways": [{"name": "carrier_a"}, {"name": "carrier_b"}]}}],
    )
    targets: dict[Name, TargetEntry] = Field(
        default={},
        description="What can ring, by name.",
        examples=[{"reception": {"number": "07561234567", "via": "carrier_a"}}],
    )
    extensions: dict[Name, ExtensionEntry] = Field(
        default={},
        description="Employees, by extension.",
        examples=[{"101": {"targets": ["desk"]}}],
    )
    outbound: OutboundEntry | None = Field(
        default=None,
        description="How extensions call outside. When left out: they do not.",
        examples=[{"default": "main", "emergency": ["main"], "permission": "staff"}],
    )
    outbound_lines: dict[Name, LineEntry] = Field(
        default={},
        description="The lines by which extensions call outside, by name.",
        examples=[{"main": {"via": "carrier_a", "caller_id": "+862012345678"}}],
    )
    permissions: dict[Name, PermissionEntry] = Field(
        default={},
        description="What extensions may call outside, by name.",
        examples=[{"staff": {"international": ["VN"]}}],
    )
    groups: dict[Name, Group] = Field(
        default={},
        description="Hunts that several numbers share, by name.",
        examples=[{"sales": {"hunt": ["reception", "desk"], "ring": "15s"}}],
    )
    menus: dict[Name, MenuEntry] = Field(
        default={},
        description="Menus, by name.",
        examples=[{"main": {"prompt": "choose", "keys": {"1": "reception"}}}],
    )
    queues: dict[Name, QueueEntry] = Field(
        default={},
        description="Call queues, by name.",
        examples=[{"support": {"agents": ["301", "302"], "music": "piano"}}],
    )
    call_backs: dict[Name, CallBackEntry] = Field(
        default={},
        description="How callers are called back, by name.",
        examples=[{"support": {"queue": "support", "via": "carrier_a"}}],
    )
    balance_calls: dict[Name, BalanceCallEntry] = Field(
        default={},
        description="Who is called, and hears a prompt, when the balance of an account is low.",
        examples=[
            {
                "owner": {
                    "account": "acme",
                    "number": "13800138000",
                    "via": "carrier_a",
                    "caller_id": "+862012345678",
                    "prompt": "balance-is-low",
                }
            }
        ],
    )
    schedules: dict[Name, ScheduleEntry] = Field(
        default={},
        description="Opening hours, by name.",
        examples=[{"office": {"open": ["Mon-Fri 08:30-17:30"], "holidays": "CN"}}],
    )
    lists: dict[Name, NumberListEntry] = Field(
        default={},
        description="Lists of callers, by name.",
        examples=[{"nuisance": {"prefixes": ["0898"]}}],
    )
    prompts: dict[Name, Prompt] = Field(
        default={},
        description="What callers can hear, by name. One with the name of a built-in prompt takes "
        "its place.",
        examples=[{"welcome": "welcome.wav", "closed": {"text": "We are closed today."}}],
    )
    hold_music: dict[Name, Music] = Field(
        default={},
        description="Music for callers on hold, by name.",
        examples=[{"piano": "piano.mp3"}],
    )
    lookups: dict[Name, LookupEntry] = Field(
        default={},
        description="Where to ask who is responsible for a caller, by name.",
        examples=[{"crm": {"url": "https://192.0.2.20/owner?caller={caller}"}}],
    )
    voicemail: dict[Name, VoicemailBox] = Field(
        default={},
        description="Voicemail boxes, by name.",
        examples=[{"sales": {"max": "3m", "pin_env": "CALLROUTER_SALES_PIN"}}],
    )
    allow: list[ListName] = Field(
        default=[],
        description="Lists whose callers pass all other rules about callers, whatever number they "
        "call: `only`, `block`, `areas`, `countries` and every block, by hand or automatic.",
        examples=[["partners"]],
    )
    block: list[ListName] = Field(
        default=[],
        description="Lists whose callers are refused, whatever number they call.",
        examples=[["nuisance"]],
    )
    auto_block: AutoBlockEntry | None = Field(
        default=None,
        description="Block callers who call one number too often, whichever it is.",
        examples=[{"calls": 5, "within": "1m", "for": "1h"}],
    )
    backup: Backup | None = Field(
        default=None,
        description="Rings when every gateway of a route is down.",
        examples=[["mobile"]],
    )
    session_timer: SessionTimer | None = Field(
        default=None,
        description="How calls find out that the other side has vanished (RFC 4028), at trunks, "
        "gateways and targets that have no `session_timer` of their own. When left out: `{expires: "
        "1800s, min: 90s, ask_every: 300s}`. `off`: nobody is ever asked.",
        examples=[{"expires": "1800s", "min": "90s", "ask_every": "300s"}, "off"],
    )
    longest_call: fields.LongestCall = Field(
        default=LONGEST_CALL,
        description="How long a call may last from its answer on, at numbers that do not say it: "
        "1s to 168h. Then it is hung up on, and the record's reason is `too_long`.",
        examples=["4h"],
    )
    numbers: dict[fields.NumberKey, NumberEntry] = Field(
        description="What is called: a number (`4000`), a prefix (`0756*`), a pattern (`4xxx`, x "
        "is any digit) or a code (`*21`).",
        examples=[{"4000": {"route": [{"hunt": ["reception"]}]}}],
    )
    number_tables: dict[Name, NumberTableEntry] = Field(
        default={},
        description="Many numbers with the same rules, by name: each is a row of a file.",
        examples=[{"customers": {"file": "customers.csv", "route": [{"hunt": ["row"]}]}}],
    )
    rate_plans: FileName | None = Field(
        default=None,
        description="The file of rate plans that numbers and targets name; in the folder of the "
        "dialplan or below.",
        examples=["plans.yaml"],
    )
    reasons: Reasons = Field(
        default=Reasons(),
        description="Refusals that are not to be answered in the usual way.",
        examples=[{"unknown_number": {"status": 404, "cause": 1}}],
    )
