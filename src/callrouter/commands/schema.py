"""`callrouter schema`: the JSON Schema of a dialplan, for editors."""

import click

from callrouter.json_schema import as_text, dialplan_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of the dialplan.

    An editor with a YAML language server completes and underlines by it in a file that begins with
    `# yaml-language-server: $schema=` and the schema's place.
    """
    click.echo(as_text(dialplan_schema()), nl=False)
