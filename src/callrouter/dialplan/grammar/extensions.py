"""The grammar of extensions: who an employee is, how one is reached, and what one may call."""

from typing import Literal, Self

from pydantic import Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.login_credentials import PhoneEntry
from callrouter.dialplan.grammar.media_options import Record
from callrouter.dialplan.grammar.names import (
    AccountName,
    BoxName,
    PermissionName,
    ScheduleName,
    TargetName,
)
from callrouter.yamlfile.mistakes import StrictModel


class ForwardEntry(StrictModel):
    """Where calls for an extension go on to: an extension, or a number that it may call outside.

    What is switched by a feature code or an operation goes before.
    """

    all: fields.Dial | None = Field(
        default=None, description="At once: its telephones do not ring.", examples=["302"]
    )
    busy: fields.Dial | None = Field(
        default=None,
        description="When it is busy: its telephones say so, no line of it is free, or it wants no "
        "calls (`do_not_disturb`).",
        examples=["302"],
    )
    no_answer: fields.Dial | None = Field(
        default=None,
        description="When nobody answers, no telephone is reached, or it is away.",
        examples=["013800138000"],
    )


class ExtensionEntry(StrictModel):
    """An employee, whom the To: header of a call can name, a look-up, a menu, or who dials it."""

    targets: list[TargetName] = Field(
        default=[],
        description="What rings, in this order. When left out: its registered telephones.",
        examples=[["desk", "mobile"]],
    )
    phone: PhoneEntry | None = Field(
        default=None,
        description="By what its telephones register, and call.",
        examples=[{"user": "101", "password_file": "/etc/callrouter/101-password"}],
    )
    name: fields.Label | None = Field(default=None, description="Who it is.", examples=["Ms Li"])
    lines: fields.Lines | None = Field(
        default=None,
        description="Calls they may have at the same time, those that they make counted too; one "
        "more finds them busy. `1`: busy when on a call.",
        examples=[1],
    )
    ring: fields.Ring | None = Field(
        default=None,
        description="How long they are rung: 1s to 300s. When left out: 15s, or 55s when nothing "
        "comes behind.",
        examples=["20s"],
    )
    schedule: ScheduleName | None = Field(
        default=None,
        description="Their hours: at any other time they are not rung.",
        examples=["office"],
    )
    mobile: TargetName | None = Field(
        default=None, description="Their mobile, for `on_no_answer`.", examples=["li_mobile"]
    )
    voicemail: BoxName | None = Field(
        default=None, description="Their own box, for `on_no_answer`.", examples=["li"]
    )
    on_no_answer: list[Literal["mobile", "voicemail"]] = Field(
        default=[],
        max_length=2,
        description="What comes, in this order, when they do not answer, are busy, away or not "
        "reached. When left out: what the number says that the call is for.",
        examples=[["mobile", "voicemail"]],
    )
    forward: ForwardEntry = Field(
        default=ForwardEntry(),
        description="Where their calls go on to.",
        examples=[{"no_answer": "302"}],
    )
    caller_id: fields.Dial | None = Field(
        default=None,
        description="The number that is shown when they call outside. When left out: that of the "
        "line.",
        examples=["+862012345105"],
    )
    permission: PermissionName | None = Field(
        default=None,
        description="What they may call outside. When left out: what `outbound` says.",
        examples=["staff"],
    )
    record: Record | None = Field(
        default=None,
        description="Record their answered calls to outside. When left out: as their permission "
        "says.",
        examples=[True],
    )
    account: AccountName | None = Field(
        default=None, description="The account that pays when they call out.", examples=["acme"]
    )

    @model_validator(mode="after")
    def _rings(self) -> Self:
        if not self.targets and self.phone is None:
            raise ValueError("expected 'targets', 'phone' or both")
        for name in self.on_no_answer:
            if getattr(self, name) is None:
                raise ValueError(f"expected '{name}' where 'on_no_answer' goes on to it")
        return self
