"""Base model of every mapping in a file of ours."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Base of all mappings in a file: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
