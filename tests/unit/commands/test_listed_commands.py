"""The list of commands that `--help` shows: written down, so that none is imported for it."""

import click
import pytest

from callrouter.cli import main


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_list_is_what_click_makes_of_the_commands_own_helps(width: int) -> None:
    assert isinstance(main, click.Group)
    context = click.Context(main)
    written, own = click.HelpFormatter(width=width), click.HelpFormatter(width=width)
    main.format_commands(context, written)
    click.Group.format_commands(main, context, own)
    assert written.getvalue() == own.getvalue()
