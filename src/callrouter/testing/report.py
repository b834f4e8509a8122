"""Reports of a run of tests: to a person, and as JUnit XML to a build server."""

from collections.abc import Iterator
from xml.etree import ElementTree

from callrouter.outcomes import verdict_lines, written
from callrouter.testing.rate_plan_tests import RatePlanSuite
from callrouter.testing.rule_coverage import Coverage
from callrouter.testing.runner import Result
from callrouter.testing.suite import Suite


def failure(suite: Suite | RatePlanSuite, result: Result) -> Iterator[str]:
    """Say what one test expected, what came, and by which rules."""
    yield f"FAIL {suite.file}:{result.line}: {result.name}"
    for key, (wanted, came) in result.differences.items():
        yield f"  - {key}: {written(wanted)}"
        yield f"  + {key}: {written(came)}"
    yield from (f"  {line}" for line in verdict_lines(result.trace))


def covered(coverage: Coverage) -> Iterator[str]:
    """Say how many rules of a dialplan the tests reach, and which they do not."""
    left = coverage.unreached()
    reached = len(coverage.rules) - len(left)
    yield f"{coverage.file}: {reached} of {len(coverage.rules)} rules reached"
    for rule in left:
        yield f"  {coverage.file}:{rule.line}: not reached: {rule.name}"


def junit(ran: list[tuple[Suite | RatePlanSuite, list[Result]]]) -> str:
    """Write all results as JUnit XML."""
    root = ElementTree.Element("testsuites")
    for suite, results in ran:
        element = ElementTree.SubElement(root, "testsuite", name=suite.file)
        element.set("tests", str(len(results)))
        element.set("failures", str(sum(bool(result.differences) for result in results)))
        element.set("errors", "0")
        for result in results:
            case = ElementTree.SubElement(
                element,
                "testcase",
                name=result.name,
                classname=suite.file,
                file=suite.file,
                line=str(result.line),
            )
            if result.differences:
                keys = ", ".join(result.differences)
                told = ElementTree.SubElement(case, "failure", message=f"not as expected: {keys}")
                told.text = "\n".join(failure(suite, result))
    ElementTree.indent(root)
    text: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'
