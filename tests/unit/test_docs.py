"""What the documents say of the program, held against the program."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import click
import pytest
import yaml
from pydantic.fields import FieldInfo

from callrouter.app.metric_table import METRICS
from callrouter.cli import main
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.settings import settings_file as config
from callrouter.testing.case_file import CaseFile
from callrouter.testing.rate_plan_tests import RatePlanCaseFile
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.reader import parse

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
OPERATIONS: Final = (DOCS / "operations.md").read_text(encoding="utf-8")
GENERATED: Final = "docs/operations.md is behind: put this in it\n"
EVERY: Final = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def settings() -> str:
    """The table of all settings, from their model."""
    return "\n".join(["| key | when left out | meaning |", "|---|---|---|", *rows(config.Settings)])


def rows(model: type[StrictModel], before: str = "") -> Iterator[str]:
    for key, field in model.model_fields.items():
        kind = (get_args(field.annotation) or (field.annotation,))[0]
        if isinstance(kind, type) and issubclass(kind, StrictModel):
            yield from rows(kind, f"{before}{key}.")
        else:
            yield f"| `{before}{key}` | {default(field)} | {field.description} |"


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be there"
    if not isinstance(field.default, float):
        return f"`{field.default}`"
    # As the settings take it: a time is whole.
    whole = field.default.is_integer()
    return f"`{field.default:g}s`" if whole else f"`{field.default * 1000:g}ms`"


def metrics() -> str:
    """The table of all metrics, from their declarations."""
    lines = ["| name | kind | labels | meaning |", "|---|---|---|---|"]
    for row in METRICS:
        name = f"{row.name}_total" if row.type == "counter" else row.name
        labels = ", ".join(f"`{label}`" for label in row.labels)
        lines.append(f"| `{name}` | {row.type} | {labels} | {row.help} |")
    return "\n".join(lines)


def test_operations_has_the_table_of_the_settings_as_they_are() -> None:
    assert settings() in OPERATIONS, GENERATED + settings()


def test_operations_has_the_table_of_the_metrics_as_they_are() -> None:
    assert metrics() in OPERATIONS, GENERATED + metrics()


def test_links_of_a_document_lead_somewhere() -> None:
    for document in EVERY:
        links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        assert [link for link in links if not (document.parent / link).exists()] == [], document


def test_index_of_the_docs_leads_to_all_of_them() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    documents = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - {"README.md"}
    assert {name for name in documents if f"({name})" not in index} == set()


def test_commands_and_options_that_a_document_names_exist() -> None:
    assert isinstance(main, click.Group)
    for document in EVERY:
        text = document.read_text(encoding="utf-8")
        for name, rest in re.findall(r"`(?:callrouter|scripts/run) ([a-z]+)([^`\n]*)`", text):
            command = main.get_command(click.Context(main), name)
            assert command is not None, f"{document}: callrouter {name}"
            known = {option for it in command.params for option in it.opts}
            given = set(re.findall(r"--[a-z-]+", rest))
            assert given <= known, f"{document}: callrouter {name}{rest}"


def test_dialplans_and_settings_in_the_documents_are_valid() -> None:
    texts = [text for path in EVERY for text in blocks(path)]
    assert len(texts) >= 4
    files = [ROOT / "dialplans" / name for name in ("lab.yaml", "plans.yaml")]
    lab = "\n".join(path.read_text(encoding="utf-8") for path in files)
    for text in texts:
        if text.strip() in lab:
            continue  # quoted from the lab, which has a test of its own
        read = parse(text, "example.yaml")
        if "numbers" in read.data:
            compile_dialplan(read)
        elif "tests" in read.data:
            kind = RatePlanCaseFile if "plans" in read.data else CaseFile
            kind.model_validate(read.data)
        else:
            config.Settings.model_validate(read.data)


def test_mistakes_that_the_guide_shows_are_what_check_says() -> None:
    guide = (DOCS / "guide.md").read_text(encoding="utf-8")
    wrong = (ROOT / "dialplans" / "samples" / "office-400.yaml").read_text(encoding="utf-8")
    for right, typed in (
        ('17:30", "Sat', '17.30", "Sat'),
        (": 10 ", ': "10" '),
        ("[duty]", "[dutty]"),
    ):
        assert right in wrong
        wrong = wrong.replace(right, typed)
    with pytest.raises(ConfigError) as caught:
        compile_dialplan(parse(wrong, "office-400.yaml"))
    shown = re.findall(r"^    (office-400\.yaml:.*: error: .*)$", guide, re.MULTILINE)
    assert shown[:3] == [str(mistake) for mistake in caught.value.diagnostics]
    assert set(shown[3:]) <= set(shown[:3])


def blocks(document: Path) -> list[str]:
    """The YAML that a document shows."""
    text = document.read_text(encoding="utf-8")
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_lab_document_has_every_number_of_the_lab() -> None:
    lab = yaml.safe_load((ROOT / "dialplans" / "lab.yaml").read_text(encoding="utf-8"))
    text = (DOCS / "lab.md").read_text(encoding="utf-8")
    assert {number for number in lab["numbers"] if f"## {number}:" not in text} == set()


def test_rows_of_the_requirements_that_are_named_are_there() -> None:
    rows = set(
        re.findall(r"^\| ([A-I][0-9]+) \|", (ROOT / "docs" / "requirements.md").read_text(), re.M)
    )
    files = [*(ROOT / "docs" / "decisions").glob("*.md"), *(ROOT / "src").rglob("*.py")]
    named = {
        row
        for file in files
        for line in re.findall(
            r"Rows? .*|\((?:[A-I][1-9][0-9]?, )*[A-I][1-9][0-9]?\)", file.read_text("utf-8")
        )
        for row in re.findall(r"\b[A-I][1-9][0-9]?\b", line)
    }
    assert named - rows == set()
