"""The base of every table: how Python types become columns."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import JSON, MetaData
from sqlalchemy.orm import DeclarativeBase

from services.store import states
from services.store.types import Money, Text, UtcDateTime, Word

_ENUMS = (
    states.Health,
    states.SyncState,
    states.ExportState,
    states.ExportKind,
    states.AttemptState,
    states.IncidentState,
    states.ReconnectState,
    states.LinkState,
    states.MessageState,
    states.ChangeState,
    states.ReceiptState,
    states.MarkState,
    states.Verdict,
    states.RunState,
    states.Role,
)


class Base(DeclarativeBase):
    """Every table of Relink."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: UtcDateTime,
        Decimal: Money,
        dict[str, Any]: JSON,
        list[str]: JSON,
        **{enum: Word(enum) for enum in _ENUMS},
    }
