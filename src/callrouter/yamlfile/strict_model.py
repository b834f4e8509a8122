"""What every mapping of a file of ours has in common."""

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    """What all mappings have in common: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
