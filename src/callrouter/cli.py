"""The `callrouter` command.

Rules for all commands:

- The exit code is 0 when all is well, 1 when what was asked for is wrong or has failed, such as a
  dialplan with a mistake or a call that is not there, and 2 when the command line says nothing that
  can be done.
- An error is one line on standard error: `FILE:LINE:COLUMN: error: ...` where it has a place in a
  file, `callrouter: error: ...` elsewhere. So is what the system refuses, such as a full disk.
"""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final

import click

from callrouter import __version__, build
from callrouter.errors import CallrouterError, ConfigError, masked

FAILED: Final = 1
USAGE: Final = 2
_COMMANDS: Final = {
    "accounts": "Show the accounts of the running server, and pay in, adjust, suspend and resume.",
    "agents": "Show what the agents of the running server's queues do.",
    "ban": "List, add or remove banned addresses of the running server.",
    "barrings": (
        "Show the extensions of the running server that may not call abroad, and lift that."
    ),
    "bench": "Measure callrouter under SIPp's basic call and print one JSON line.",
    "block": "List, add or remove blocked callers of the running server.",
    "callbacks": (
        "Show who is to be called back by the running server, and add or cancel call-backs."
    ),
    "calls": "Show the calls in progress of the running server, the newest first.",
    "cdr": "Show the last calls, newest first, or the call with this ID in full.",
    "check": (
        "Check PATHS: dialplans, their tests, rate plans, settings, or folders with any of them."
    ),
    "demo": "Play a call to three phones, one after the other, and show all that happened.",
    "diff": "Replay calls on dialplans OLD and NEW and show those that are decided differently.",
    "drain": (
        "Have the running server take no new calls, and wait until its last call and itself end."
    ),
    "explain": (
        "Show every rule that is looked at for a call, what it says, and what becomes of the call."
    ),
    "forward": "Say where calls of extensions of the running server go on to.",
    "gateways": "Show how the gateways of the running server are, or drain and enable them.",
    "init": "Write settings, a dialplan and its tests into FOLDER, ready to be served.",
    "invoice": "Show what ACCOUNT pays for a calendar MONTH, such as 2026-03.",
    "media": "Show the media workers of the running server, and what they hold.",
    "numbers": "Show the lives of the running server's numbers, and change them.",
    "override": "Switch schedules of the running server open or closed, whatever their hours say.",
    "presence": "Say which extensions of the running server are away.",
    "queues": (
        "Show who waits in the queues of the running server, and how well they went since its "
        "start."
    ),
    "rate": "Show what a call costs by a rate plan, and the blocks that make its cost.",
    "recordings": (
        "Show, fetch and delete recordings, with a server or without; begin and end one in a call."
    ),
    "registrations": (
        "Show the telephones registered with the running server, and its own registrations."
    ),
    "reload": "Load the dialplan again and serve new calls by it; calls in progress keep theirs.",
    "rerate": "Charge the calls in the records anew, and show what would cost more or less.",
    "schema": "Print the JSON Schema of the dialplan.",
    "serve": "Answer calls until SIGTERM or CTRL-C, then let the running ones finish.",
    "simulate": "Play a call with scripted targets, and print what happens when.",
    "test": (
        "Run the tests in PATHS: files, dialplans or rate plans that have them beside, or folders."
    ),
    "trace": (
        "Show the SIP messages of the call with this ID, or with this Call-ID in one of its legs."
    ),
    "voicemail": "Show, fetch, play and delete messages.",
    "web": "Serve the console and the API until SIGTERM or CTRL-C; `serve` does it by itself.",
    "webhooks": "Show the endpoints that the running server tells of events, and how they are.",
}
"""Each with its own help's first sentence, which `--help` shows without importing any of them. In
the order of the alphabet; each is in a module of its name in `callrouter.commands`, but:"""
_TOGETHER: Final = {
    **dict.fromkeys(("media", "registrations", "reload"), "running_server"),
    "schema": "check",
    "agents": "queues",
    "barrings": "block",
}


class _Commands(click.Group):
    """Shows our own errors, and those of the system, as text; anything else is a bug and keeps its
    traceback.

    A command is imported when it is asked for: most would wait longest for what others need.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names, as `--help` shows them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None when there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        # What is imported stays; to walk it again and again takes a fifth of the time.
        gc.disable()
        try:
            module = import_module(f"callrouter.commands.{_TOGETHER.get(cmd_name, cmd_name)}")
        finally:
            gc.enable()
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of `--help` as click would, but from the table."""
        limit = formatter.width - 6 - max(map(len, _COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, click.Command(name, help=said).get_short_help_str(limit))
                    for name, said in _COMMANDS.items()
                ]
            )

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; it has failed when what it wrote does not arrive."""
        done = super().invoke(ctx)
        sys.stdout.flush()
        return done

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command that is named; as the program, leave the process with its exit code."""
        # Typed by hand: by click's own types a call that ends the process never returns.
        run: Callable[[], Any] = partial(
            super().main, args, prog_name, complete_var, standalone_mode=False, **extra
        )
        if not standalone_mode:
            return run()
        if sys.stdout is None:
            # Said before anything is done; and a file that is opened would get its descriptor.
            sys.exit(_failed("standard output is closed"))
        code = _exit_code(run, sys.argv[1:] if args is None else args)
        _let_go_of_output()
        sys.exit(code)


def _exit_code(run: Callable[[], Any], words: Sequence[str]) -> Any:
    """Run the command with these words, and say what is wrong."""
    try:
        code = run()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = USAGE
    except click.UsageError as error:
        if error.ctx is not None:
            click.echo(error.ctx.get_usage(), err=True)
        code = _failed(error.format_message(), USAGE)
    except click.ClickException as error:
        code = _failed(error.format_message())
    except click.Abort:
        code = _failed("given up")
    except UnicodeEncodeError:
        if all(_is_utf8(word) for word in words):
            raise
        code = _failed("expected UTF-8 on the command line, found other bytes", USAGE)
    except ConfigError as error:
        for diagnostic in error.diagnostics:
            click.echo(masked(str(diagnostic)), err=True)
        code = FAILED
    except CallrouterError as error:
        code = _failed(str(error))
    except OSError as error:
        code = _refused(error)
    return code


def _is_utf8(word: str) -> bool:
    """Whether a word of the command line is text; other bytes are half a surrogate pair each."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def _refused(error: OSError) -> int:
    if error.errno is None:  # Python's own, such as a TimeoutError: a bug
        raise error
    place = "" if error.filename is None else f"{error.filename}: "
    return _failed(f"{place}{error.strerror}")


def _let_go_of_output() -> None:
    """Leave nothing that the end of the process would fail to write, with a code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(why: str, code: int = FAILED) -> int:
    click.echo(f"callrouter: error: {masked(why)}", err=True)
    return code


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(message=f"callrouter, version {__version__}, {build()}")
def main() -> None:
    """A SIP back-to-back user agent that routes calls by a YAML dialplan.

    Exit codes: 0 all is well, 1 what was asked for is wrong or has failed, 2 the command line is
    wrong.
    """
