import re
import runpy
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from callrouter.dialplan import reference
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.dialplan.grammar import dialplan_file as schema
from callrouter.settings import settings_file as config
from callrouter.yamlfile.reader import parse

DOCUMENT = Path(__file__).parents[3] / "docs" / "dialplan.md"

FIELDS = [
    pytest.param(field, id=f"{model.__name__}.{key}")
    for module in (schema, config)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, schema.StrictModel)
    for key, field in model.model_fields.items()
]


def test_reference_in_the_docs_is_the_one_the_grammar_gives() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert reference.update(text) == text, "run python -m callrouter.dialplan.reference"


@pytest.mark.parametrize("field", FIELDS)
def test_every_key_has_a_description_and_an_example_that_is_valid(field: FieldInfo) -> None:
    assert field.description
    assert field.examples
    kind: TypeAdapter[object] = TypeAdapter(field.rebuild_annotation())
    for example in field.examples:
        kind.validate_python(example)


def test_every_key_is_in_the_reference() -> None:
    text = reference.reference()
    for model in vars(schema).values():
        if isinstance(model, type) and issubclass(model, schema.StrictModel):
            for key, field in model.model_fields.items():
                assert f"| `{field.alias or key}` |" in text


def test_examples_in_the_docs_are_dialplans() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        compile_dialplan(parse(block, "docs"))


def test_command_renews_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "d.md"
    path.write_text(f"before\n{reference.BEGIN}\nold\n{reference.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["reference", str(path)])
    monkeypatch.delitem(sys.modules, reference.__name__)
    runpy.run_module(reference.__name__, run_name="__main__")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert reference.reference() in text


def test_document_without_the_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="the document has no line"):
        reference.update("nothing here")
