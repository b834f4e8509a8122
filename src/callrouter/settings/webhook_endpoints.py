"""Settings of webhooks: which endpoints are told of which events."""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.login_credentials import SecretFile, Variable
from callrouter.dialplan.grammar.voicemail_boxes import Url
from callrouter.route.rules.mailboxes import Secret
from callrouter.webhooks.endpoint import Endpoint
from callrouter.webhooks.event_kinds import GROUPS, KINDS, kinds_of
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown, suggestion


def _kind(value: object) -> str:
    names = (*KINDS, *GROUPS)
    if isinstance(value, str) and value in names:
        return value
    hint = suggestion(value, names) if isinstance(value, str) else ""
    raise ValueError(f"expected a kind of event such as call.ended, found {shown(value)}{hint}")


EventName = Annotated[str, BeforeValidator(_kind)]


class EndpointEntry(StrictModel):
    """An endpoint that events are posted to, signed as Standard Webhooks 1.0.0 says."""

    name: fields.Name = Field(
        description="What commands, the log and metrics call it.", examples=["crm"]
    )
    url: Url = Field(description="Where to post.", examples=["https://crm.example.com/events"])
    secret_file: SecretFile | None = Field(
        default=None,
        description="File whose first line is the secret: `whsec_` and 24 to 64 bytes in base64; "
        "relative to the settings.",
        examples=["/etc/callrouter/crm-secret"],
    )
    secret_env: Variable | None = Field(
        default=None,
        description="Environment variable that has the secret.",
        examples=["CALLROUTER_CRM_SECRET"],
    )
    old_secret_file: SecretFile | None = Field(
        default=None,
        description="File of the secret before, which signs too while the endpoint changes over.",
        examples=["/etc/callrouter/crm-secret.old"],
    )
    old_secret_env: Variable | None = Field(
        default=None,
        description="Environment variable that has the secret before.",
        examples=["CALLROUTER_CRM_SECRET_OLD"],
    )
    events: list[EventName] | None = Field(
        default=None,
        min_length=1,
        description="The kinds of events that it is told of; `call.*` is all of one group. When "
        "left out: all.",
        examples=[["call.missed", "call.ended", "queue.*"]],
    )
    numbers: list[fields.NumberKey] | None = Field(
        default=None,
        min_length=1,
        description="The numbers, as the dialplan's `numbers` has them, that events have to be "
        "about; those about no number come anyhow. When left out: all.",
        examples=[["4000"]],
    )
    allow_private: bool = Field(
        default=False,
        description="`true`: it may be on this machine or in a private network. Else addresses of "
        "these are refused, also when a name leads there.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if (self.secret_file is None) == (self.secret_env is None):
            raise ValueError("expected one of 'secret_file' and 'secret_env'")
        if self.old_secret_file is not None and self.old_secret_env is not None:
            raise ValueError("expected one of 'old_secret_file' and 'old_secret_env', not both")
        return self

    def placed(self, folder: Path) -> Self:
        """The same, its files named from the folder of the settings."""
        files = {name: getattr(self, name) for name in ("secret_file", "old_secret_file")}
        placed = {name: os.path.normpath(folder / file) for name, file in files.items() if file}
        return self.model_copy(update=placed)

    def endpoint(self) -> Endpoint:
        """The same, as the delivery wants it."""
        places = (
            (self.secret_file, self.secret_env),
            (self.old_secret_file, self.old_secret_env),
        )
        return Endpoint(
            name=self.name,
            url=self.url,
            secrets=tuple(
                Secret(file=file or "", env=env or "") for file, env in places if file or env
            ),
            kinds=None if self.events is None else kinds_of(self.events),
            numbers=None if self.numbers is None else frozenset(self.numbers),
            allow_private=self.allow_private,
        )
