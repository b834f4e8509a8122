"""The `callrouter` command."""

from importlib import import_module
from typing import Final

import click

from callrouter import __version__
from callrouter.errors import CallrouterError, ConfigError

_COMMANDS: Final = (
    *("ban", "bench", "block", "calls", "cdr", "check", "demo", "diff", "explain", "gateways"),
    *("media", "override", "presence", "recordings", "registrations", "reload", "schema", "serve"),
    *("simulate", "test", "voicemail"),
)
"""In the order of the alphabet; each is in a module of its name in `callrouter.commands`."""


class _Commands(click.Group):
    """Shows our own errors as text; anything else is a bug and keeps its traceback.

    A command is imported when it is asked for: most would wait longest for what others need.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names, as `--help` shows them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None when there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"callrouter.commands.{cmd_name}"), cmd_name)
        return command

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
