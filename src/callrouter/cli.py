"""The `callrouter` command."""

import click

from callrouter import __version__
from callrouter.commands.ban import ban
from callrouter.commands.bench import bench
from callrouter.commands.block import block
from callrouter.commands.calls import calls
from callrouter.commands.cdr import cdr
from callrouter.commands.check import check
from callrouter.commands.demo import demo
from callrouter.commands.diff import diff
from callrouter.commands.explain import explain
from callrouter.commands.gateways import gateways
from callrouter.commands.media import media
from callrouter.commands.override import override
from callrouter.commands.presence import presence
from callrouter.commands.recordings import recordings
from callrouter.commands.registrations import registrations
from callrouter.commands.reload import reload
from callrouter.commands.schema import schema
from callrouter.commands.serve import serve
from callrouter.commands.simulate import simulate
from callrouter.commands.test import test
from callrouter.commands.voicemail import voicemail
from callrouter.errors import CallrouterError, ConfigError


class _Commands(click.Group):
    """Shows our own errors as text; anything else is a bug and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for diagnostic in error.diagnostics:
                click.echo(str(diagnostic), err=True)
            ctx.exit(2)
        except CallrouterError as error:
            click.echo(f"callrouter: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="callrouter")
def main() -> None:
    """A SIP back-to-back user agent that routes calls by a YAML dialplan."""


for command in (
    serve,
    demo,
    check,
    cdr,
    bench,
    test,
    diff,
    explain,
    schema,
    simulate,
    reload,
    block,
    ban,
    override,
    presence,
    gateways,
    registrations,
    calls,
    media,
    voicemail,
    recordings,
):
    main.add_command(command)
