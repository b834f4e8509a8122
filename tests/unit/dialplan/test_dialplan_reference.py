import pkgutil
import re
import runpy
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import TypeAdapter, ValidationError

from callrouter.dialplan import grammar, reference
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.dialplan.grammar import rate_plans
from callrouter.dialplan.grammar.schedules import ScheduleEntry
from callrouter.settings import settings_file as config
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.reader import parse

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENT = DOCS / "dialplan.md"


def models(modules: Iterable[ModuleType]) -> list[type[StrictModel]]:
    """The models that these modules have or name."""
    return list(
        dict.fromkeys(
            model
            for module in modules
            for model in vars(module).values()
            if isinstance(model, type) and issubclass(model, StrictModel)
        )
    )


OF_THE_DIALPLAN = models(
    import_module(f"{grammar.__name__}.{module.name}")
    for module in pkgutil.iter_modules(grammar.__path__)
    if module.name != "rate_plans"
)
OF_RATES = [model for model in models([rate_plans]) if model is not ScheduleEntry]  # is as there
MODELS = [
    pytest.param(model, id=model.__name__)
    for model in dict.fromkeys([*OF_THE_DIALPLAN, *OF_RATES, *models([config])])
]


@pytest.mark.parametrize("document", ["dialplan.md", "billing.md"])
def test_reference_in_the_docs_is_the_one_the_grammar_gives(document: str) -> None:
    text = (DOCS / document).read_text(encoding="utf-8")
    assert reference.update(text) == text, (
        f"run python -m callrouter.dialplan.reference docs/{document}"
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_key_has_a_description_and_an_example_that_is_valid(
    model: type[StrictModel],
) -> None:
    for key, field in model.model_fields.items():
        assert field.description, key
        assert field.examples, key
        kind: TypeAdapter[object] = TypeAdapter(field.rebuild_annotation())
        for example in field.examples:
            assert accepted(kind, example), f"{key}: {example}"


def accepted(kind: TypeAdapter[object], value: object) -> bool:
    """The value is one of that kind."""
    try:
        kind.validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("documented", "begin"), [(OF_THE_DIALPLAN, reference.BEGIN), (OF_RATES, reference.PLANS_BEGIN)]
)
def test_every_key_is_in_the_reference(documented: list[type[StrictModel]], begin: str) -> None:
    text = reference.reference(begin)
    for model in documented:
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
