"""Pages of a query, cut in SQL."""

from __future__ import annotations

from typing import Any, TypeVarTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

PAGE_SIZE = 25
LAST_PAGE = 1_000_000  # an address may ask for any number; a database takes 64 bits

_Columns = TypeVarTuple("_Columns")


def page_of(query: Select[*_Columns], *, page: int, page_size: int) -> Select[*_Columns]:
    """Return the query cut to one page; pages count from 1."""
    return query.limit(page_size).offset((min(max(page, 1), LAST_PAGE) - 1) * page_size)


def count(session: Session, query: Select[*tuple[Any, ...]]) -> int:
    """Return how many rows the query has in all."""
    return session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0


def page_count(total: int, page_size: int) -> int:
    """Return how many pages there are; an empty list has one."""
    return max(1, -(-total // page_size))
