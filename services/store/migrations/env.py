"""Run by Alembic: migrations on the connection that `services.store.migrate` hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import types

from services.store.tables import Base


def plain_type(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our column types as what they are in the database: a migration must outlive our code."""
    if kind != "type" or not isinstance(item, types.TypeDecorator):
        return False
    return f"sa.{item.impl_instance!r}"


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=plain_type,
    # Our column types check in Python what the database cannot; it sees their plain types.
    compare_type=False,
)
with context.begin_transaction():
    context.run_migrations()
