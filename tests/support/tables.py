"""A table of cases as one test: to pytest each test of its own costs more than such a case does."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

_Failed: type[BaseException] = pytest.fail.Exception


def each(
    names: str | tuple[str, ...], rows: Iterable[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`pytest.mark.parametrize` as one test, which looks at all rows and names each wrong one.

    What else the test asks for, such as other parameters, is the same for all rows.
    """
    cases = [
        {names: row} if isinstance(names, str) else dict(zip(names, row, strict=True))
        for row in rows
    ]

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        def test(**others: Any) -> None:
            wrong = []
            for case in cases:
                try:
                    check(**others, **case)
                except (Exception, _Failed) as error:  # noqa: BLE001  # raised below
                    error.add_note(f"with {case}")
                    wrong.append(error)
            if wrong:
                raise BaseExceptionGroup(f"{len(wrong)} of {len(cases)} rows", wrong)

        signature = inspect.signature(check)
        others = [own for own in signature.parameters.values() if own.name not in cases[0]]
        test.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(test, name, getattr(check, name))
        return test

    return decorate
