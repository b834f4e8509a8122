"""Amounts of money in the database: NUMERIC in PostgreSQL, text in SQLite; exact in both.

SQLite's own arithmetic is that of binary fractions. `decimal_add`, `decimal_sub` and `decimal_cmp`
are exact there, by the names that SQLite's own extension for decimals has them.
"""

from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

NOTHING: Final = Decimal(0)


class Money(TypeDecorator[Decimal]):
    """An amount, a Decimal here."""

    impl = sa.Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text in SQLite."""
        kind: TypeEngine[Any] = sa.Text() if dialect.name == "sqlite" else sa.Numeric()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Write one."""
        return f"{value:f}" if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, _dialect: Dialect) -> Decimal | None:
        """Read one."""
        return None if value is None else Decimal(value)


class plus(FunctionElement[Decimal]):  # noqa: N801 - reads as a function of SQL
    """The sum of two amounts."""

    type = Money()
    inherit_cache = True


class minus(FunctionElement[Decimal]):  # noqa: N801
    """The difference of two amounts."""

    type = Money()
    inherit_cache = True


class at_least(FunctionElement[bool]):  # noqa: N801
    """Whether one amount is no less than another."""

    type = sa.Boolean()
    inherit_cache = True


def _written(sqlite: str, others: str) -> Any:
    def write(element: FunctionElement[Any], compiler: SQLCompiler, **more: Any) -> str:
        one, other = (compiler.process(clause, **more) for clause in element.clauses)
        form = sqlite if compiler.dialect.name == "sqlite" else others
        return form.format(one, other)

    return write


compiles(plus)(_written("decimal_add({}, {})", "({} + {})"))
compiles(minus)(_written("decimal_sub({}, {})", "({} - {})"))
compiles(at_least)(_written("decimal_cmp({}, {}) >= 0", "({} >= {})"))


def use_decimals(connection: DBAPIConnection, _: object) -> None:
    """Teach a connection to SQLite exact decimals."""
    for name, do in (("add", _add), ("sub", _sub), ("cmp", _cmp)):
        connection.create_function(f"decimal_{name}", 2, do, deterministic=True)


def _add(one: str, other: str) -> str:
    return f"{Decimal(one) + Decimal(other):f}"


def _sub(one: str, other: str) -> str:
    return f"{Decimal(one) - Decimal(other):f}"


def _cmp(one: str, other: str) -> int:
    return int(Decimal(one).compare(Decimal(other)))
