"""`callrouter test`: run the tests that are written beside a dialplan."""

from pathlib import Path

import click

from callrouter.commands.options import config_option
from callrouter.errors import ConfigError, Diagnostic
from callrouter.settings.settings_file import load_settings
from callrouter.testing.rate_plan_tests import RatePlanSuite
from callrouter.testing.report import covered, failure, junit
from callrouter.testing.rule_coverage import Coverage
from callrouter.testing.runner import Result, run_all
from callrouter.testing.suite import Suite, Tested, find, read


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--junit", "xml", type=click.Path(path_type=Path), help="Write the results here as JUnit XML."
)
@config_option
def test(paths: tuple[Path, ...], xml: Path | None, config: Path) -> None:
    """Run the tests in PATHS: files, dialplans or rate plans that have them beside, or folders.

    Without PATHS those in the folder of the dialplan that the settings name.

    Prints each failure as expected (-) and got (+) with the rules that were looked at, then the
    rules that no test reaches. The exit code is 1 when a test fails or a file is broken.
    """
    known: dict[Path, Tested] = {}
    suites = _read_all(find(paths or (load_settings(config).dialplan.parent,)), known)
    coverage = {path: Coverage(tested.document) for path, tested in known.items()}
    ran: list[tuple[Suite | RatePlanSuite, list[Result]]] = []
    failed = 0
    for suite in suites:
        results = run_all(suite)
        ran.append((suite, results))
        for result in results:
            if isinstance(suite, Suite):
                coverage[suite.tested.path].add(result.trace, result.rung)
            if result.differences:
                failed += 1
                click.echo("\n".join((*failure(suite, result), "")))
    for one in coverage.values():
        click.echo("\n".join(covered(one)))
    total = sum(len(results) for _, results in ran)
    click.echo(f"{total} tests, {total - failed} passed, {failed} failed")
    if xml is not None:
        xml.write_text(junit(ran), encoding="utf-8")
    if failed:
        raise click.exceptions.Exit(1)


def _read_all(files: list[Path], known: dict[Path, Tested]) -> list[Suite | RatePlanSuite]:
    """Read all test files; the mistakes of all are told at once."""
    suites: list[Suite | RatePlanSuite] = []
    wrong: list[Diagnostic] = []
    for file in files:
        try:
            suites.append(read(file, known))
        except ConfigError as error:
            told = {str(mistake) for mistake in wrong}
            wrong += [mistake for mistake in error.diagnostics if str(mistake) not in told]
    if wrong:
        raise ConfigError(wrong)
    return suites
