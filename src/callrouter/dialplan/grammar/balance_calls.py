"""The grammar of calls to the owners of accounts: what they hear when a balance is low."""

from pydantic import Field

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.names import AccountName, GatewayOrGroup, PromptName
from callrouter.yamlfile.mistakes import StrictModel


class BalanceCallEntry(StrictModel):
    """Who is called, and hears a prompt, when the balance of an account falls below its notice."""

    account: AccountName = Field(description="Whose balance.", examples=["acme"])
    number: fields.Dial = Field(
        description="Who is called, as the gateway dials it.", examples=["13800138000"]
    )
    via: GatewayOrGroup = Field(
        description="The gateway, or group of gateways, that the call goes out by.",
        examples=["carrier_a"],
    )
    caller_id: fields.Dial = Field(
        description="The number of ours that is shown.", examples=["+862012345678"]
    )
    prompt: PromptName = Field(description="What is played, twice.", examples=["balance-is-low"])
