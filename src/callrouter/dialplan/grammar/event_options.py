"""The grammar of what events say of a number: leads in a CRM, calls that last long."""

from typing import Annotated, Literal

from pydantic import Field

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.names import ListName
from callrouter.yamlfile.mistakes import StrictModel


class CrmEntry(StrictModel):
    """Leads: what a CRM that hears of the calls of a number is to make of them."""

    create: Literal["inbound", "outbound", "both"] = Field(
        description="Calls that a lead is created for, when the CRM does not know who calls, or "
        "who is called. Outbound ones are those by a line whose `caller_id` is the number.",
        examples=["both"],
    )
    source: fields.Label | None = Field(
        default=None, description="The source of such leads.", examples=["Advertisement in May"]
    )
    # `except` is a word of Python's own.
    except_: list[ListName] = Field(
        default=[],
        alias="except",
        description="Lists of those that no lead is created for.",
        examples=[["partners"]],
    )


class EventOptions(StrictModel):
    """What events say of a number. See docs/events.md."""

    notify: Annotated[float, fields.duration(1, fields.LONGEST_CALL_EVER)] | None = Field(
        default=None,
        description="How long a call lasts from its answer on until it is told of as `call.long`, "
        "once: 1s to 168h. When left out: never.",
        examples=["30m"],
    )
    crm: CrmEntry | None = Field(
        default=None,
        description="Leads that a CRM is to create. When left out: none.",
        examples=[{"create": "inbound", "source": "Web"}],
    )
