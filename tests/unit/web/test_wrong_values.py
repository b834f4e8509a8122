"""What is wrong with a request is said in our own words."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callrouter.web.http.wrong_values import said_wrong


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    count: Annotated[int, Field(ge=0, le=9)] = 1
    names: Annotated[list[str], Field(min_length=1)] = ["a"]
    role: Literal["viewer", "agent"] = "agent"
    open: bool = True


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text": "abcd"}, "text: expected 3 characters at most"),
        ({"text": "a"}, "text: expected 2 characters or more"),
        ({"text": 7}, "text: expected text"),
        ({"count": -1}, "count: expected 0 or more"),
        ({"count": "many"}, "count: expected a whole number"),
        ({"names": []}, "names: expected a list of 1 or more"),
        ({"role": "king"}, "role: expected one of 'viewer' or 'agent'"),
        ({"open": "maybe"}, "open: expected true or false"),
        ({"other": 1}, "other: expected nothing of this name"),
    ],
)
def test_wrong_value_says_what_was_expected(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Asked.model_validate(given)
    wrong = raised.value.errors()[0]
    assert said_wrong(str(wrong["loc"][0]), wrong) == said
