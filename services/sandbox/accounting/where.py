"""Xero's filter language: `Type=="ACCPAY" AND (Date>=DateTime(2026,1,1) OR Total>100)`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NoReturn

from sqlalchemy import Boolean, ColumnElement, Date, and_, func, or_
from sqlalchemy.orm import InstrumentedAttribute

from services.sandbox.accounting.call import BadRequest
from services.sandbox.accounting.models import Money
from services.sandbox.store import UtcDateTime

Columns = Mapping[str, InstrumentedAttribute[Any]]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*")
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][\w.]*)
    | (?P<operator>==|!=|>=|<=|&&|\|\||[=<>(),.])
    )""",
    re.VERBOSE,
)
_COMPARE = {
    "==": lambda left, right: left == right,
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
}
#: What values a column is compared with; text where nothing is said.
_VALUE_TYPES: tuple[tuple[type, type], ...] = (
    (Money, Decimal),
    (UtcDateTime, datetime),
    (Date, date),
    (Boolean, bool),
)
_TEXT_METHODS = frozenset({"contains", "startswith", "endswith"})


def parse_where(text: str, columns: Columns) -> ColumnElement[bool]:
    """Turn a filter into a condition on columns, which are keyed by Xero's field name in lower case.

    Raises `BadRequest` (Xero's QueryParseException) for what it does not understand.
    """
    return _Parser(text, columns).parse()


def parse_order(text: str, columns: Columns) -> list[ColumnElement[Any]]:
    """Turn `Date DESC, InvoiceNumber` into columns to sort by."""
    terms: list[ColumnElement[Any]] = []
    for term in text.split(","):
        field, _, direction = term.strip().partition(" ")
        column = columns.get(field.lower())
        if column is None:
            _refuse(f"No property or field '{field}' exists")
        terms.append(column.desc() if direction.strip().upper().startswith("DESC") else column.asc())
    return terms


def _refuse(message: str) -> NoReturn:
    raise BadRequest(message, number=16, kind="QueryParseException")


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            _refuse(f"Syntax error at index {position}")
        found.append(match[0].strip())
        position = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens, one method a level of the grammar."""

    def __init__(self, text: str, columns: Columns) -> None:
        self._tokens = _tokens(text)
        self._columns = columns

    def parse(self) -> ColumnElement[bool]:
        condition = self._any()
        if self._tokens:
            _refuse(f"Syntax error at '{self._tokens[0]}'")
        return condition

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _take(self, expected: str = "") -> str:
        token = self._peek()
        if not token or (expected and token.lower() != expected):
            _refuse(f"Syntax error: '{expected or 'expression'}' expected")
        return self._tokens.pop(0)

    def _any(self) -> ColumnElement[bool]:
        parts = [self._all()]
        while self._peek().lower() in {"or", "||"}:
            self._take()
            parts.append(self._all())
        return or_(*parts)

    def _all(self) -> ColumnElement[bool]:
        parts = [self._condition()]
        while self._peek().lower() in {"and", "&&"}:
            self._take()
            parts.append(self._condition())
        return and_(*parts)

    def _condition(self) -> ColumnElement[bool]:
        if self._peek() == "(":
            self._take()
            inner = self._any()
            self._take(")")
            return inner
        path = self._take()
        field, method = self._split(path)
        column: Any = self._columns[field]
        if method in {"tolower", "toupper"}:
            self._take("(")
            self._take(")")
            column = func.lower(column) if method == "tolower" else func.upper(column)
            method = self._method_after_case()
        if method in _TEXT_METHODS:
            return self._text_method(column, method)
        operator = self._take()
        if operator not in _COMPARE:
            _refuse(f"Operator '{operator}' is not supported")
        comparison: ColumnElement[bool] = _COMPARE[operator](column, self._literal(column))
        return comparison

    def _split(self, path: str) -> tuple[str, str]:
        """Part `Contact.Name.Contains` into the longest known field and a method."""
        field = path.lower()
        if field in self._columns:
            return field, ""
        field, _, method = field.rpartition(".")
        if field not in self._columns:
            _refuse(f"No property or field '{path}' exists")
        return field, method

    def _method_after_case(self) -> str:
        if self._peek() != ".":
            return ""
        self._take(".")
        return self._take().lower()

    def _text_method(self, column: Any, method: str) -> ColumnElement[bool]:
        self._take("(")
        wanted = _unquote(self._take())
        self._take(")")
        condition: ColumnElement[bool] = getattr(column, method)(wanted, autoescape=True)
        return condition

    def _literal(self, column: Any) -> Any:
        value = self._value(column)
        wanted = next((value for kind, value in _VALUE_TYPES if isinstance(column.type, kind)), str)
        if value is not None and type(value) is not wanted:
            _refuse("Operator is incompatible with the operand types")
        return value

    def _value(self, column: Any) -> Any:
        token = self._take()
        if token.startswith('"'):
            return _unquote(token)
        if re.fullmatch(r"-?\d+(\.\d+)?", token):
            return Decimal(token)
        match token.lower():
            case "true" | "false":
                return token.lower() == "true"
            case "null":
                return None
            case "guid":
                return _unquote(self._arguments()[0]).lower()
            case "datetime" | "datetime.parse":
                return _as_moment(self._arguments(), day=isinstance(column.type, Date))
        return _refuse(f"Value '{token}' is not understood")

    def _arguments(self) -> list[str]:
        self._take("(")
        arguments = [self._take()]
        while self._peek() == ",":
            self._take()
            arguments.append(self._take())
        self._take(")")
        return arguments


def _unquote(token: str) -> str:
    if not token.startswith('"'):
        _refuse(f"Text expected, not '{token}'")
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def _as_moment(arguments: list[str], *, day: bool) -> date | datetime:
    try:
        if arguments[0].startswith('"'):
            moment = datetime.fromisoformat(_unquote(arguments[0]))
        else:
            year, month, date_, *rest = (int(argument) for argument in arguments)
            hour, minute, second = (*rest, 0, 0, 0)[:3]
            moment = datetime(year, month, date_, hour, minute, second)  # noqa: DTZ001
    except ValueError:
        _refuse("DateTime is not valid")
    return moment.date() if day else moment.replace(tzinfo=UTC)
