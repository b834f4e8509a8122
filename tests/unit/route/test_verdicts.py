"""What a verdict says in records and in `explain --json`."""

from callrouter.route.values.plan import Verdict


def test_verdict_as_a_dict_has_all_that_it_says() -> None:
    verdict = Verdict("number 4000", True, "4000", "written so", "plan.yaml", 7)
    said = verdict.as_dict()
    assert list(said) == ["rule", "matched", "result", "value", "why", "file", "line"]
    assert said == {name: getattr(verdict, name) for name in said}
