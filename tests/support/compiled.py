"""What tests have to know of code that mypyc has compiled."""

import pkgutil
import sys

import pytest


def attributes(kind: type) -> tuple[str, ...]:
    """The names of the attributes of a class; one that is compiled has no slots, but says them."""
    compiled: tuple[str, ...] | None = getattr(kind, "__mypyc_attrs__", None)
    return compiled or tuple(getattr(kind, "__slots__", ()))


def replaced(monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> None:
    """Put something in the place of a function of ours, by its dotted name, as `setattr` does.

    Skips the test where the function's module is compiled: its callers do not look it up by name.
    """
    module = name
    while module not in sys.modules:
        module = module.rpartition(".")[0]
    pkgutil.resolve_name(name)  # a name that is none is a mistake, whether it is compiled or not
    if str(sys.modules[module].__file__).endswith(".so"):
        pytest.skip(f"{module} is compiled, and calls its functions without looking them up")
    monkeypatch.setattr(name, value)
