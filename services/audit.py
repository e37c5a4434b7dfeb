"""Who did what to which workspace, when and why; the history every workspace shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.declined import Declined
from services.store import tables
from services.store.engine import utcnow

REASON_CHARACTERS = 500  # everybody reads it in the history
SYSTEM = "Relink"  # the actor of what no person did
KEPT_ALIVE = "kept alive"  # a login that was used for no other reason than that it expires otherwise


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of history."""

    at: datetime
    actor: str
    action: str
    summary: str
    reason: str | None
    data: dict[str, Any]


def reason_of(text: str) -> str:
    """Return a person's reason as it is kept. Raises `Declined` when it is too long to be read."""
    reason = text.strip()
    if len(reason) > REASON_CHARACTERS:
        raise Declined(
            f"The reason has {len(reason):,} characters. Say it in {REASON_CHARACTERS} or fewer: it stays in "
            "the history that everybody reads."
        )
    return reason


def record(
    session: Session,
    action: str,
    summary: str,
    *,
    actor: str = SYSTEM,
    workspace_id: str | None = None,
    incident_id: str | None = None,
    reason: str | None = None,
    at: datetime | None = None,
    **data: Any,
) -> None:
    """Append one entry; `data` holds the particulars as JSON values, never a secret."""
    session.add(
        tables.AuditEntry(
            at=at or utcnow(),
            actor=actor,
            action=action,
            workspace_id=workspace_id,
            incident_id=incident_id,
            summary=summary,
            reason=reason,
            data=data,
        )
    )


def history(
    session: Session, workspace_id: str, *, export_id: int | None = None, limit: int = 50
) -> list[Entry]:
    """Return the newest entries of a workspace, or of one of its exports, newest first."""
    wanted = select(tables.AuditEntry).where(tables.AuditEntry.workspace_id == workspace_id)
    if export_id is not None:
        wanted = wanted.where(tables.AuditEntry.data["export"].as_integer() == export_id)
    rows = session.scalars(
        wanted.order_by(tables.AuditEntry.at.desc(), tables.AuditEntry.id.desc()).limit(limit)
    )
    return [Entry(row.at, row.actor, row.action, row.summary, row.reason, row.data) for row in rows]
