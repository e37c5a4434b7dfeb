"""What every list has in common: filter, order, pages, `If-Modified-Since`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from services.sandbox.accounting.call import BadRequest, Call, Item
from services.sandbox.accounting.where import Columns, parse_order, parse_where

Row = TypeVar("Row")

DEFAULT_PAGE_SIZE = 100
LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """The rows of one answer; `extra` holds the envelope's `pagination` where the list is paged."""

    rows: Sequence[Row]
    extra: Item

    @property
    def paged(self) -> bool:
        return bool(self.extra)


def list_rows(
    call: Call,
    wanted: Select[Any],
    *,
    columns: Columns,
    order: Sequence[ColumnElement[Any] | InstrumentedAttribute[Any]],
    updated_at: InstrumentedAttribute[datetime] | None = None,
) -> Listed[Any]:
    """Run a list query with the call's `where`, `order`, `page`, `pageSize` and `If-Modified-Since`.

    `order` applies where the call names none.
    """
    if where := call.query("where"):
        wanted = wanted.where(parse_where(where, columns))
    since = call.request.headers.get("if-modified-since")
    if since and updated_at is not None:
        wanted = wanted.where(updated_at >= _read_time(since))
    ordered = wanted.order_by(*(parse_order(call.query("order"), columns) if call.query("order") else order))
    if not call.query("page"):
        return Listed(call.session.scalars(ordered).all(), {})
    return _page(call, wanted, ordered)


def _page(call: Call, wanted: Select[Any], ordered: Select[Any]) -> Listed[Any]:
    page = _positive(call, "page", 1)
    size = min(_positive(call, "pageSize", DEFAULT_PAGE_SIZE), LARGEST_PAGE)
    count = call.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    rows = call.session.scalars(ordered.limit(size).offset((page - 1) * size)).all()
    pages = {"page": page, "pageSize": size, "pageCount": math.ceil(count / size), "itemCount": count}
    return Listed(rows, {"pagination": pages})


def _positive(call: Call, name: str, default: int) -> int:
    text = call.query(name)
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise BadRequest(f"{name} must be a positive number", number=16, kind="QueryParseException")
    return int(text)


def _read_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(
            "If-Modified-Since is not a valid time", number=16, kind="QueryParseException"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
