"""`callrouter check` and `schema`: what is wrong with files, found before they go live."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from callrouter.commands.options import config_option
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.dialplan.compile.rate_plan_builder import compile_rate_plans
from callrouter.errors import ConfigError, Diagnostic
from callrouter.json_schema import as_text, dialplan_schema, plans_schema, tests_schema
from callrouter.lint.all_warnings import check_settings, lint
from callrouter.lint.certificates import check_certificates
from callrouter.lint.findings import Findings
from callrouter.lint.numbers_elsewhere import check_numbers, check_untold, check_webhooks
from callrouter.media.sounds.prompts import check as check_prompts
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.secret import secret_files, weaknesses
from callrouter.settings.settings_file import Settings, load_settings
from callrouter.testing.suite import SUFFIX, Tested, read
from callrouter.yamlfile.marked import Document, Mapping
from callrouter.yamlfile.mistakes import Mistakes
from callrouter.yamlfile.reader import MAX_BYTES, load, load_draft

_SETTINGS: Final = frozenset({"listen"})
_TESTS: Final = frozenset({"tests"})
_PLANS: Final = frozenset({"plans"})
_DIALPLAN: Final = frozenset({"trunks", "numbers"})
"""Keys that say what a file is."""


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Exit with 1 when there is a warning.")
@click.option("--stdin", is_flag=True, help="Read what is to stand in PATHS, one dialplan.")
@config_option
def check(paths: tuple[Path, ...], strict: bool, stdin: bool, config: Path) -> None:
    """Check PATHS: dialplans, their tests, rate plans, settings, or folders with any of them.

    Settings are checked with their certificates and the dialplan that they name. Without PATHS
    these are --config, or what is found in its place.

    Every mistake is printed as file:line:column with what was expected; the exit code is 1 then.
    What is allowed but hardly meant, such as a rule that no call can reach, is a warning.
    """
    checking = _Checking()
    if stdin:
        if len(paths) != 1:
            raise click.UsageError("--stdin takes one path: that of the dialplan")
        checking.file(paths[0], checking.draft)
    elif not paths:
        checking.file(config, checking.settings)
    for path in () if stdin else _settings_first(paths, checking):
        checking.file(*path)
    if checking.mistakes:
        raise ConfigError(checking.mistakes)
    if checking.warned and strict:
        raise click.exceptions.Exit(1)


class _Checking:
    """Checks file after file. mistakes: of all of them, each once. warned: there was a warning."""

    def __init__(self) -> None:
        self.mistakes: list[Diagnostic] = []
        self.warned = False
        self._seen: set[str] = set()
        self._tested: dict[Path, Tested] = {}
        self._read: dict[Path, Document] = {}

    def file(self, path: Path, look: Callable[[Path], None]) -> None:
        """Check one file, unless it was checked with another."""
        real = os.path.realpath(path)
        if real in self._seen:
            return
        self._seen.add(real)
        try:
            look(path)
        except ConfigError as error:
            self.note(error)

    def note(self, error: ConfigError) -> None:
        """Add to the mistakes what is not among them."""
        told = {str(mistake) for mistake in self.mistakes}
        self.mistakes += [mistake for mistake in error.diagnostics if str(mistake) not in told]

    def keys(self, path: Path) -> frozenset[str]:
        """The keys of a file that is checked afterwards. Raises ConfigError."""
        document = self._read[path] = load(path)
        return frozenset(document.data) if isinstance(document.data, Mapping) else frozenset()

    def settings(self, path: Path) -> None:
        """Check settings with what they name. Raises ConfigError."""
        settings = load_settings(path)
        document = self._read.pop(path, None) or load(path)
        _check_databases(document, settings)
        warnings = check_settings(document, settings)
        keys: list[str | Path] = []
        if settings.tls is not None:
            warnings += check_certificates(document, settings.tls, time.time())
            options = settings.tls.options()
            keys = [own.key for own in (options.own, *options.by_name.values())]
        listen = [place for listener in settings.listen for place in listener.places]
        self._seen.add(os.path.realpath(settings.dialplan))
        for endpoint in settings.webhooks or ():
            keys += [secret.file for secret in endpoint.endpoint().secrets if secret.file]
        self._dialplan(settings.dialplan, warnings, keys, listen, (document, settings))

    def dialplan(self, path: Path) -> None:
        """Check a dialplan alone. Raises ConfigError."""
        self._dialplan(path, [], [], [])

    def draft(self, path: Path) -> None:
        """Check what is to stand in a dialplan, from standard input. Raises ConfigError."""
        self._read[path] = load_draft(sys.stdin.buffer.read(MAX_BYTES + 1), str(path))
        self.dialplan(path)

    def tests(self, path: Path) -> None:
        """Check a file of tests, with its dialplan, and run none. Raises ConfigError."""
        suite = read(path, self._tested)
        click.echo(f"{path}: ok, {len(suite.tests)} tests")

    def plans(self, path: Path) -> None:
        """Check a file of rate plans. Raises ConfigError."""
        count = len(compile_rate_plans(self._read.pop(path)).plans)
        click.echo(f"{path}: ok, {count} plan{'' if count == 1 else 's'}")

    def _dialplan(
        self,
        path: Path,
        warnings: list[Diagnostic],
        keys: list[str | Path],
        listen: list[tuple[str, str, int]],
        served: tuple[Document, Settings] | None = None,
    ) -> None:
        document = self._read.pop(path, None) or load(path)
        plan = compile_dialplan(document)
        warnings += lint(document, listen) + check_prompts(plan)
        if served is not None:
            numbers = plan.numbers
            warnings += check_webhooks(*served, lambda key: numbers.get(key) is not None)
            warnings += check_untold(document, served[1])
            warnings += _compared(*served, plan)
        weak = weaknesses([*keys, *secret_files(plan)])
        warnings += [Diagnostic(what, file, severity="warning") for file, what in weak]
        for warning in warnings:
            click.echo(str(warning), err=True)
        self.warned = self.warned or bool(warnings)
        told = f", {len(warnings)} warning{'s' if len(warnings) > 1 else ''}" if warnings else ""
        click.echo(f"{path}: ok, {len(plan.numbers)} numbers, version {plan.version}{told}")


def _compared(document: Document, settings: Settings, plan: Dialplan) -> list[Diagnostic]:
    """Warnings of numbers whose lives in the records' database are not as they are routed."""
    from callrouter.storage.engine import StoreError, parse_url  # noqa: PLC0415 - as below
    from callrouter.storage.number_admin import LivesOfNumbers  # noqa: PLC0415

    url = settings.records.database
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists():
        return []  # nothing has been served yet
    try:
        with LivesOfNumbers(url) as lives:
            return check_numbers(document, plan, lives.states())
    except StoreError as error:
        found = Findings(document)
        message = f"numbers are not compared with the database: {error}"
        found.at_value(("records", "database"), message)
        return found.warnings()


def _check_databases(document: Document, settings: Settings) -> None:
    """See what `serve` would see before it connects. Raises ConfigError."""
    # Here, because only settings name databases, and a dialplan alone takes a third longer with it.
    from callrouter.storage.engine import StoreError, open_engine, parse_url  # noqa: PLC0415

    mistakes = Mistakes(document)
    urls = {("records", "database"): settings.records.database, ("state",): settings.state}
    for place, url in urls.items():
        try:
            open_engine(parse_url(url)).dispose()
        except StoreError as error:
            mistakes.at_value(place, str(error))
    if mistakes.any():
        raise mistakes.error()


def _settings_first(
    paths: tuple[Path, ...], checking: _Checking
) -> Iterator[tuple[Path, Callable[[Path], None]]]:
    """The files that paths name, each with its check: settings first, for their dialplans."""
    found = [
        (file, look)
        for path in paths
        for file in _files(path, checking)
        if (look := _kind(file, checking, alone=not path.is_dir())) is not None
    ]
    yield from (one for one in found if one[1] == checking.settings)
    yield from (one for one in found if one[1] != checking.settings)


def _files(path: Path, checking: _Checking) -> list[Path]:
    if not path.is_dir():
        return [path]
    below = sorted(path.rglob("*.yaml"))
    if not below:
        checking.note(ConfigError([Diagnostic("there is no *.yaml below", str(path))]))
    return below


def _kind(file: Path, checking: _Checking, *, alone: bool) -> Callable[[Path], None] | None:
    """How a file is checked, by what is in it; None for one of other programs in a folder."""
    if file.name.endswith(SUFFIX):
        return checking.tests
    try:
        keys = checking.keys(file)
    except ConfigError as error:
        checking.note(error)
        return None
    if keys & _SETTINGS:
        return checking.settings
    if keys & _TESTS:
        return checking.tests
    if keys & _PLANS:
        return checking.plans
    return checking.dialplan if alone or keys & _DIALPLAN else None


@click.command()
@click.option("--tests", is_flag=True, help="That of *.test.yaml files.")
@click.option("--plans", is_flag=True, help="That of rate plans.")
def schema(tests: bool, plans: bool) -> None:
    """Print the JSON Schema of the dialplan.

    An editor with a YAML language server completes and underlines by it in a file that begins with
    `# yaml-language-server: $schema=` and the schema's place.
    """
    if tests and plans:
        raise click.UsageError("expected one of --tests and --plans")
    made = plans_schema if plans else tests_schema if tests else dialplan_schema
    click.echo(as_text(made()), nl=False)
