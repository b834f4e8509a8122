"""`callrouter check`: find what is wrong with a dialplan before it goes live."""

import time
from pathlib import Path

import click

from callrouter.commands.options import config_option
from callrouter.config import load_settings
from callrouter.dialplan.compiler import compile_dialplan
from callrouter.dialplan.yaml import load
from callrouter.errors import Diagnostic
from callrouter.lint.certificates import check_certificates
from callrouter.lint.dialplan import lint
from callrouter.lint.settings import check_settings
from callrouter.media.prompts import check as check_prompts
from callrouter.secret import secret_files, weaknesses


@click.command()
@click.argument("dialplan", required=False, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Exit with 1 when there is a warning.")
@config_option
def check(dialplan: Path | None, strict: bool, config: Path) -> None:
    """Check DIALPLAN, or the settings file, its certificates and the dialplan it names.

    Every mistake is printed as file:line:column with what was expected; the exit code is 1 then.
    What is allowed but hardly meant, such as a rule that no call can reach, is a warning.
    """
    listen: list[tuple[str, str, int]] = []
    warnings: list[Diagnostic] = []
    keys: list[str | Path] = []
    path = dialplan
    if path is None:
        settings = load_settings(config)
        path = settings.dialplan
        warnings = check_settings(load(config), settings)
        if settings.tls is not None:
            warnings += check_certificates(load(config), settings.tls, time.time())
            options = settings.tls.options()
            keys = [own.key for own in (options.own, *options.by_name.values())]
        listen = [place for listener in settings.listen for place in listener.places]
    document = load(path)
    plan = compile_dialplan(document)
    warnings += lint(document, listen) + check_prompts(plan)
    weak = weaknesses([*keys, *secret_files(plan)])
    warnings += [Diagnostic(what, file, severity="warning") for file, what in weak]
    for warning in warnings:
        click.echo(str(warning), err=True)
    told = f", {len(warnings)} warning{'s' if len(warnings) > 1 else ''}" if warnings else ""
    click.echo(f"{path}: ok, {len(plan.numbers)} numbers, version {plan.version}{told}")
    if warnings and strict:
        raise click.exceptions.Exit(1)
