from callrouter.webhooks.event_catalogue import EXAMPLES, EventData
from callrouter.webhooks.event_kinds import GROUPS, KINDS, kinds_of


def test_every_kind_has_an_example_of_its_own():
    assert list(EXAMPLES) == list(KINDS)
    for kind, example in EXAMPLES.items():
        text = example.model_dump_json(exclude_none=True)
        assert EventData.model_validate_json(example.model_dump_json()) == example
        assert ('"call":' in text) == (
            not kind.startswith(("agent.", "account.", "number.", "fraud."))
        )


def test_groups_stand_for_all_of_their_kinds():
    assert GROUPS == ("call.*", "queue.*", "agent.*", "account.*", "number.*", "fraud.*")
    assert kinds_of(["agent.*", "call.ended"]) == {"agent.away", "agent.back", "call.ended"}
