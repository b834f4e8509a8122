"""`callrouter schema`: the JSON Schemas of dialplans and of their tests, for editors."""

import click

from callrouter.json_schema import as_text, dialplan_schema, tests_schema


@click.command()
@click.option("--tests", is_flag=True, help="That of *.test.yaml files.")
def schema(tests: bool) -> None:
    """Print the JSON Schema of the dialplan.

    An editor with a YAML language server completes and underlines by it in a file that begins with
    `# yaml-language-server: $schema=` and the schema's place.
    """
    click.echo(as_text(tests_schema() if tests else dialplan_schema()), nl=False)
